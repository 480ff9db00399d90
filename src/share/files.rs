//! The files of a share, page by page.

use std::{collections::HashSet, future::ready, slice, sync::Arc};

use futures_util::{
    Stream, StreamExt, TryFutureExt, TryStreamExt,
    stream::{self, BoxStream},
};

use super::file::{FileType, Page, ShareFile};
use crate::{
    client::Client,
    error::{Effect, Error, ErrorKind},
    generated::types::ListShareFilesRequest,
    rules,
    trace_id::TraceId,
    validation::{ValidationError, Violations, shown},
};

/// Deepest directory that is listed: the reference lets a dump have 30 levels.
const MAX_DEPTH: usize = 100;

/// Most pages in a row that may hold no file: the reference names no limit, and a service that is at fault no end.
const MAX_EMPTY_PAGES: u32 = 1_000;

type Files = BoxStream<'static, Result<ShareFile, Error>>;

/// A listing of the files of a share; [`into_stream`](Self::into_stream) begins it.
///
/// ```no_run
/// # use futures_util::TryStreamExt;
/// # async fn example(share: koodrive_share::Share) -> Result<(), koodrive_share::Error> {
/// let mut files = share.files().recursive(true).name("beach").into_stream();
/// while let Some(file) = files.try_next().await? {
///     println!("{file}");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a listing does nothing until its stream is polled"]
pub struct ShareFiles {
    pub(super) client: Client,
    /// Of the first page.
    pub(super) request: ListShareFilesRequest,
    /// The space of the share's first file.
    pub(super) container_id: Option<String>,
    is_recursive: bool,
    takes_any_space: bool,
}

impl ShareFiles {
    pub(super) fn new(client: Client, short_url: String) -> Self {
        Self { client, request: first_page(short_url), container_id: None, is_recursive: false, takes_any_space: false }
    }

    /// Sets the id of the directory to list. Defaults to the top of the share, which is inferred.
    pub fn directory(mut self, id: impl Into<String>) -> Self {
        self.request.parent_folder = Some(id.into());
        self
    }

    /// Lists the files of all directories below, in place of these directories. Defaults to `false`: a directory is listed
    /// as an entry, which a task takes as a whole.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.is_recursive = recursive;
        self
    }

    /// Lists files of any space. Defaults to `false`: since a task takes files of one space, a file of another than the
    /// share's first ends the stream with an error that names it.
    pub fn any_space(mut self, any_space: bool) -> Self {
        self.takes_any_space = any_space;
        self
    }

    /// Sets the most files of a page, 1 to 100. Defaults to 100; fewer make smaller replies, where something on the way limits
    /// them.
    pub fn page_size(mut self, files: u32) -> Self {
        self.request.page_size = Some(files);
        self
    }

    /// Lets the service filter by name, `fileName`. Defaults to no filter. That it filters is inferred; the reference states
    /// neither how it compares nor whether it looks at directories, too.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.request.file_name = Some(name.into());
        self
    }

    /// Lists the files, those of each directory in the order of their names. A page is asked for once all files before it were
    /// taken.
    ///
    /// Memory grows by a cursor for each page of a directory, and with the depth of the directories. The stream can be given to
    /// [`FileIds::try_stream`](crate::FileIds::try_stream) as it is.
    ///
    /// # Errors
    ///
    /// The stream ends after its first error: a broken rule (`not-empty`, `page-size`, `one-space`), a page that could not
    /// be had or read, a cursor that repeats, more than 1,000 pages in a row without a file; and in a recursive listing, an entry
    /// without a `fileType`, a directory within itself or more than 100 levels deep. Asking for a page only reads, so it is retried
    /// as in [`Client::status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping what awaits the next file loses nothing; dropping the stream ends the listing.
    ///
    /// # Panics
    ///
    /// Polling it outside of a tokio runtime with its I/O and time enabled.
    pub fn into_stream(self) -> impl Stream<Item = Result<ShareFile, Error>> + Send + Unpin + 'static {
        let listing = async move {
            self.validate()?;
            self.list(&[], self.request.parent_folder.clone(), "".into())
        };
        let files = listing.try_flatten_stream().boxed();
        // It ends after its first error.
        stream::try_unfold(files, async |mut files| Ok(files.try_next().await?.map(|file| (file, files)))).boxed()
    }

    fn validate(&self) -> Result<(), ValidationError> {
        let mut violations = Violations::default();
        let directory = self.request.parent_folder.as_deref();
        violations.not_empty("directory", directory, "leave it out for the top of the share");
        let size = self.request.page_size.unwrap_or_default();
        violations.bounds(rules::PAGE_SIZE, (1..=100).contains(&size), size);
        violations.into_result()
    }

    fn validate_space(&self, file: &ShareFile) -> Result<(), ValidationError> {
        match (&self.container_id, &file.container_id) {
            (Some(expected), Some(other)) if other != expected && !self.takes_any_space => {
                let file = shown(&file.to_string());
                let actual = format!("{} of the file {file} beside {}", shown(other), shown(expected));
                let advice = "list files of any space, and create a task for those of each";
                Err(rules::ONE_SPACE.at("$.containerId").given(actual).advise(advice).into())
            }
            _ => Ok(()),
        }
    }

    /// Lists a directory below others, and in a recursive listing those in it.
    fn list(&self, ancestors: &[Option<String>], id: Option<String>, path: Arc<str>) -> Result<Files, Error> {
        let directory = || format!("the directory {}", shown(id.as_deref().unwrap_or_default()));
        if ancestors.contains(&id) {
            return Err(unreadable(format!("{} is within itself", directory()), None));
        }
        if ancestors.len() > MAX_DEPTH {
            return Err(unreadable(format!("{} is more than {MAX_DEPTH} levels deep", directory()), None));
        }
        let ancestors = [ancestors, slice::from_ref(&id)].concat();
        let listing = self.clone();
        let request = ListShareFilesRequest { parent_folder: id, ..self.request.clone() };
        let entries = files(self.client.clone(), request).and_then(move |mut file| {
            file.directory = path.clone();
            ready(listing.expand(&ancestors, file))
        });
        Ok(entries.try_flatten().boxed())
    }

    /// What an entry of a directory gives: the files in it, if the listing is recursive and it is a directory, else itself.
    fn expand(&self, ancestors: &[Option<String>], file: ShareFile) -> Result<Files, Error> {
        match file.file_type {
            None if self.is_recursive => Err(unreadable(format!("the file {} has no fileType", shown(&file.id)), None)),
            Some(FileType::Directory) if self.is_recursive => {
                let path = file.path().into();
                self.list(ancestors, Some(file.id), path)
            }
            _ => {
                self.validate_space(&file)?;
                Ok(stream::once(ready(Ok(file))).boxed())
            }
        }
    }
}

/// The request for the first page of the files at the top of a share.
pub(crate) fn first_page(short_url: String) -> ListShareFilesRequest {
    ListShareFilesRequest {
        file_name: None,
        kdstoken: None,
        page_cursor: None,
        page_size: Some(100),
        parent_folder: None,
        // Looking at files for a task is no view of the share.
        refresh_count: Some(false),
        short_url,
        // Names in ascending order: uploads and changes meanwhile move the fewest files.
        sort_direction: Some(1),
        sort_type: Some(1),
    }
}

/// The files of one directory, page by page.
fn files(client: Client, first: ListShareFilesRequest) -> impl Stream<Item = Result<ShareFile, Error>> {
    let begin = (client, Some(first), HashSet::new(), 0);
    let pages = stream::try_unfold(begin, async |(client, request, mut cursors, empty_pages)| {
        let Some(request) = request else { return Ok(None) };
        let trace_id = TraceId::random();
        let Page { files, next_cursor } = client.query(&request, &trace_id).await?;
        let empty_pages = if files.is_empty() { empty_pages + 1 } else { 0 };
        if empty_pages > MAX_EMPTY_PAGES {
            return Err(unreadable(format!("it is one of {empty_pages} pages in a row without a file"), trace_id));
        }
        if let Some(cursor) = &next_cursor
            && !cursors.insert(cursor.clone())
        {
            let what = format!("its nextCursor {} repeats that of an earlier page", shown(cursor));
            return Err(unreadable(what, trace_id));
        }
        let next = next_cursor.map(|cursor| ListShareFilesRequest { page_cursor: Some(cursor), ..request });
        Ok(Some((stream::iter(files.into_iter().map(Ok)), (client, next, cursors, empty_pages))))
    });
    pages.try_flatten()
}

/// The error of a listing that cannot go on.
fn unreadable(what: String, trace_id: impl Into<Option<TraceId>>) -> Error {
    Error::new(ErrorKind::Unreadable(what), Effect::Reads, trace_id)
}
