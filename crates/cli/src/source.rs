//! The files that the tasks of a run are made of: those behind a link, or given ids.

use futures_util::TryStreamExt;
use koodrive_share::{Client, FileIds, Share, ShareFile, ShareTask, ShareTaskBuilder, TargetDirectory};

use crate::{
    args::{CreateArgs, DumpArgs, PackageArgs},
    download::Target,
    exit::{CommandError, both},
    file_ids::{FileIdSource, SharedDuplicates},
    secret,
    share::{self, Key, Selection},
};

const ACCESS_ADVICE: &str = "access: if the share has an extract code, give its link and --extract-code-file in place of \
                             --share-id and --container-id, or set KOODRIVE_KDSTOKEN";

/// The input of a run: its file ids, and the fields that all its tasks share.
pub(crate) struct Source {
    pub(crate) task: ShareTaskBuilder,
    pub(crate) file_ids: FileIds<'static>,
    /// The number of ids, if it is known.
    pub(crate) total: Option<u64>,
    pub(crate) duplicates: SharedDuplicates,
    /// The advice to print if the service refuses access to the share.
    pub(crate) access_advice: Option<&'static str>,
    /// The names of the files that a package should hold; a directory ends with a slash. Empty if they are not known.
    pub(crate) names: Vec<String>,
}

/// The part of a task that is particular to a package or a dump.
pub(crate) struct Template {
    kind: TaskKind,
    pub(crate) split: bool,
    pub(crate) target: Option<Target>,
}

enum TaskKind {
    Package(String),
    Dump(TargetDirectory),
}

impl Template {
    /// # Errors
    ///
    /// [`Target::new`] refuses the path of `--output`.
    pub(crate) fn package(args: &PackageArgs) -> Result<Self, CommandError> {
        let target = args.output.as_ref().map(|path| Target::new(path, args.overwrite)).transpose()?;
        let target_name = || target.as_ref().map(Target::name).unwrap_or_default();
        let zip_name = args.zip_name.clone().unwrap_or_else(target_name);
        Ok(Self { kind: TaskKind::Package(zip_name), split: args.split, target })
    }

    pub(crate) fn dump(args: &DumpArgs) -> Self {
        let target = TargetDirectory::new(&args.target_file_id, &args.target_container_id);
        Self { kind: TaskKind::Dump(target), split: false, target: None }
    }

    /// A task without the fields that come from the share.
    fn task(&self) -> ShareTaskBuilder {
        match &self.kind {
            TaskKind::Package(zip_name) => ShareTask::package_download(zip_name),
            TaskKind::Dump(target) => ShareTask::dump(target.clone()),
        }
    }

    /// A task for files of the share.
    fn task_of(&self, share: &Share) -> ShareTaskBuilder {
        match &self.kind {
            TaskKind::Package(zip_name) => share.package(zip_name),
            TaskKind::Dump(target) => share.dump(target.clone()),
        }
    }
}

/// The arguments of a command, checked before anything is sent.
pub(crate) enum Arguments {
    Link { link: String, chosen: Chosen },
    Ids(Box<Source>),
}

/// The files that are chosen from the share behind a link.
pub(crate) enum Chosen {
    Listed(Selection),
    /// File ids and their space. Without one, it is the space of the share's first file.
    Ids(CheckedIds, Option<String>),
}

/// File ids that were checked.
pub(crate) struct CheckedIds {
    file_ids: FileIdSource,
    total: Option<u64>,
}

impl CheckedIds {
    async fn check(create: &mut CreateArgs) -> Result<Self, CommandError> {
        let mut file_ids = FileIdSource::open(create)?;
        Ok(Self { total: file_ids.check().await?, file_ids })
    }

    /// The source of tasks whose share is known.
    fn source(self, task: ShareTaskBuilder, access_advice: Option<&'static str>) -> Source {
        let Self { file_ids, total } = self;
        let duplicates = file_ids.duplicates();
        Source { task, file_ids: file_ids.ids(), total, duplicates, access_advice, names: Vec::new() }
    }
}

impl Arguments {
    /// Checks the flags and arguments.
    pub(crate) async fn check(create: &mut CreateArgs, template: &Template) -> Result<Self, CommandError> {
        let Some(share_id) = create.share_id.clone() else {
            return Self::check_link(create, template).await;
        };
        if create.file_ids_from.is_some() && !create.files.is_empty() {
            return Err(CommandError::usage("give file ids or --file-ids-from, not both"));
        }
        let task = template.task().share_id(share_id).container_id(create.container_id.clone().unwrap_or_default());
        // The ids are checked before a secret is read, which may install a signal handler. That stays installed, and a
        // signal during the check would be lost.
        let file_ids = CheckedIds::check(create).await;
        let kdstoken = secret::kdstoken(create.kdstoken_file.as_deref());
        let ((task, kdstoken), file_ids) = both(both(checked(task), kdstoken), file_ids)?;
        let access_advice = kdstoken.is_none().then_some(ACCESS_ADVICE);
        let task = match kdstoken {
            Some(kdstoken) => task.kdstoken(kdstoken),
            None => task,
        };
        Ok(Self::Ids(Box::new(file_ids.source(task, access_advice))))
    }

    async fn check_link(create: &mut CreateArgs, template: &Template) -> Result<Self, CommandError> {
        let mut arguments = create.files.drain(..);
        let link = arguments.next().unwrap_or_default();
        let selection = Selection::new(create.recursive, arguments);
        let chosen = match (create.all, selection.is_all(), &create.file_ids_from) {
            (_, true, Some(_)) => {
                CheckedIds::check(create).await.map(|ids| Chosen::Ids(ids, create.container_id.clone()))
            }
            (_, false, Some(_)) => Err(CommandError::usage("give names of files or --file-ids-from, not both")),
            (_, _, None) if create.container_id.is_some() => Err(CommandError::usage(
                "--container-id: give --share-id beside it, or a link and --file-ids-from: files that are listed tell their space",
            )),
            (true, false, None) => Err(CommandError::usage("give --all or names of files, not both")),
            (false, true, None) if !create.recursive => Err(CommandError::usage(
                "give names of files, --all, --recursive or --file-ids-from; file ids need --share-id and --container-id",
            )),
            (_, _, None) => Ok(Chosen::Listed(selection)),
        };
        let task = checked(template.task().share_id("id").container_id("id"));
        let (_, chosen) = both(both(share::parse_link(&link), task), chosen)?;
        Ok(Self::Link { link, chosen })
    }
}

/// Returns the task if its flags break no rule. The file ids are checked elsewhere; one id stands in for them here.
fn checked(task: ShareTaskBuilder) -> Result<ShareTaskBuilder, CommandError> {
    task.clone().file_ids(["id"]).build()?;
    Ok(task)
}

impl Source {
    /// Opens the share. It is listed here if files are chosen by name, or if the names in a package have to be known.
    pub(crate) async fn of_share(
        client: &Client,
        key: &Key,
        chosen: Chosen,
        template: &Template,
    ) -> Result<Self, CommandError> {
        let share = key.open(client).await?;
        let task = template.task_of(&share);
        let selection = match chosen {
            Chosen::Listed(selection) => selection,
            Chosen::Ids(ids, container_id) => {
                let task = container_id.into_iter().fold(task, ShareTaskBuilder::container_id);
                return Ok(ids.source(task, None));
            }
        };
        let duplicates = SharedDuplicates::default();
        if selection.is_all() && template.target.is_none() {
            let file_ids = FileIds::try_stream(selection.stream(&share).map_ok(String::from));
            return Ok(Self { task, file_ids, total: None, duplicates, access_advice: None, names: Vec::new() });
        }
        let files = selection.collect(&share).await?;
        let names = files.iter().map(name_in_package).collect();
        let ids: Vec<String> = files.into_iter().map(String::from).collect();
        Ok(Self { task, total: Some(ids.len() as u64), file_ids: ids.into(), duplicates, access_advice: None, names })
    }
}

fn name_in_package(file: &ShareFile) -> String {
    let slash = if file.is_directory() { "/" } else { "" };
    format!("{}{slash}", file.name)
}
