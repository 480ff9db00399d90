//! The shares of an emulator, and the listings of their files.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    body::{CreateTask, ListShareFiles, VerifyExtractCode},
    json_member::Member,
    rules::invalid,
    shared_file::{Contents, SharedFile},
    signature::sha256_hex,
};

/// A share, to which a link leads.
///
/// ```
/// use koodrive_share_emulator::{EmulatedShare, SharedFile};
///
/// let album = SharedFile::directory("album", vec![SharedFile::file("beach.jpg", 2_000_000)]);
/// let share = EmulatedShare::new("1808628918203192832").extract_code("31945314").file(album);
/// let large = EmulatedShare::new("large").files(100_000);
/// let deep = EmulatedShare::new("deep").tree(1, 1, 30);
/// # let _ = (share, large, deep);
/// ```
///
/// Give it to [`EmulatorBuilder::share`](crate::EmulatorBuilder::share) or
/// [`Emulator::set_share`](crate::Emulator::set_share).
#[derive(Clone)]
#[must_use = "a share does nothing until an emulator has it"]
pub struct EmulatedShare {
    short_url: String,
    share_id: String,
    owner_name: String,
    container_id: String,
    extract_code: Option<String>,
    code_uses: Option<u64>,
    kdstoken: Option<String>,
    kdstoken_calls: Option<u64>,
    status: i64,
    expires: Option<DateTime<Utc>>,
    page_limit: usize,
    empty_pages: usize,
    repeats_cursor: bool,
    members: Vec<Member>,
    contents: Contents,
}

impl EmulatedShare {
    /// The short code of the example share, which every emulator has unless it's given others.
    pub const EXAMPLE: &'static str = "1808628918203192832";

    /// The extract code of the example share.
    pub const EXAMPLE_EXTRACT_CODE: &'static str = "31945314";

    /// A share without an extract code, without files, and valid forever. Its share id is derived from the short code.
    pub fn new(short_url: impl Into<String>) -> Self {
        let short_url = short_url.into();
        Self {
            share_id: format!("share-{short_url}"),
            short_url,
            owner_name: "owner".to_owned(),
            container_id: "IAABh_RdhS8bOg0cA1684711052660690818".to_owned(),
            extract_code: None,
            code_uses: None,
            kdstoken: None,
            kdstoken_calls: None,
            status: 0,
            expires: None,
            page_limit: usize::MAX,
            empty_pages: 0,
            repeats_cursor: false,
            members: Vec::new(),
            contents: Contents::Listed(Vec::new()),
        }
    }

    /// The share that an emulator has by default: a document and a directory with two pictures, behind an extract code, with
    /// the ids and the kdstoken of the reference's examples.
    pub fn example() -> Self {
        let pictures = vec![SharedFile::file("beach.jpg", 2_400_000), SharedFile::file("dunes.jpg", 1_800_000)];
        Self::new(Self::EXAMPLE)
            .share_id("1808628918186415616")
            .extract_code(Self::EXAMPLE_EXTRACT_CODE)
            .kdstoken("aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c")
            .file(SharedFile::directory("photos", pictures).id("FhTB_fxx3LRszaivDFX9NN5JRNLnS9Gob"))
            .file(SharedFile::file("report.docx", 20_480).id("Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"))
    }

    /// The short code in its link.
    pub fn short_url(&self) -> &str {
        &self.short_url
    }

    /// The link, as people copy it. The host is made up: send nothing to it.
    pub fn link(&self) -> String {
        format!("https://drive.example.com/cloudfile/#/sharelink/i/{}", self.short_url)
    }

    /// Sets the share id, which tasks name. Defaults to `share-` and the short code.
    pub fn share_id(mut self, share_id: impl Into<String>) -> Self {
        self.share_id = share_id.into();
        self
    }

    /// Sets the name of the user who shares. Defaults to `owner`.
    pub fn owner_name(mut self, owner_name: impl Into<String>) -> Self {
        self.owner_name = owner_name.into();
        self
    }

    /// Sets the space of the files that name none themselves. Defaults to that of the reference's example.
    pub fn container_id(mut self, container_id: impl Into<String>) -> Self {
        self.container_id = container_id.into();
        self
    }

    /// Demands this extract code, and in every other call but getShareInfo a kdstoken issued for it. Defaults to none.
    pub fn extract_code(mut self, extract_code: impl Into<String>) -> Self {
        self.extract_code = Some(extract_code.into());
        self
    }

    /// Sets how often the extract code can be used. Defaults to any number of times.
    pub fn code_uses(mut self, uses: u64) -> Self {
        self.code_uses = Some(uses);
        self
    }

    /// Sets the kdstoken that is issued every time. Defaults to a new one each time.
    pub fn kdstoken(mut self, kdstoken: impl Into<String>) -> Self {
        self.kdstoken = Some(kdstoken.into());
        self
    }

    /// Lets a kdstoken lapse after it was accepted this many times. Defaults to never. See also
    /// [`Emulator::lapse_kdstokens`](crate::Emulator::lapse_kdstokens).
    pub fn kdstoken_calls(mut self, calls: u64) -> Self {
        self.kdstoken_calls = Some(calls);
        self
    }

    /// Sets the status: 0 valid until the share expires, 1 deleted, 2 expired or invalid. Defaults to 0.
    pub fn status(mut self, status: i64) -> Self {
        self.status = status;
        self
    }

    /// Sets when the share expires. Defaults to the end of 2099.
    pub fn expires(mut self, expires: DateTime<Utc>) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Lets a page hold at most this many files, even if a request asks for more. Defaults to no limit; 0 counts as 1.
    pub fn page_limit(mut self, files: usize) -> Self {
        self.page_limit = files.max(1);
        self
    }

    /// Puts this many empty pages before each page. Defaults to 0.
    pub fn empty_pages(mut self, pages: usize) -> Self {
        self.empty_pages = pages;
        self
    }

    /// Returns the first page's cursor with every later page, too, so that the listing never ends. Defaults to `false`.
    pub fn repeats_cursor(mut self, repeats: bool) -> Self {
        self.repeats_cursor = repeats;
        self
    }

    /// Sets a member of `link`, named by a JSON pointer such as `/expireTime`, to any JSON; `None` leaves it out. Defaults
    /// to the documented form.
    pub fn member(mut self, pointer: impl Into<String>, value: impl Into<Option<Value>>) -> Self {
        self.members.push(Member { pointer: pointer.into(), value: value.into() });
        self
    }

    /// Adds a file or a directory to the top, in place of files that are generated.
    pub fn file(mut self, file: SharedFile) -> Self {
        match &mut self.contents {
            Contents::Listed(files) => files.push(file),
            Contents::Generated { .. } => self.contents = Contents::Listed(vec![file]),
        }
        self
    }

    /// Generates this many files at the top, in place of others. They take no memory.
    pub fn files(self, files: usize) -> Self {
        self.tree(files, 0, 0)
    }

    /// Generates directories, in place of other files: each holds this many files and, down to this many levels below
    /// the top, this many directories. They take no memory.
    pub fn tree(mut self, files: usize, directories: usize, levels: usize) -> Self {
        self.contents = Contents::Generated { files, directories, levels };
        self
    }

    fn is_ended(&self, now: DateTime<Utc>) -> bool {
        self.status != 0 || self.expires.is_some_and(|expires| expires < now)
    }

    /// The member `link` of answers.
    ///
    /// # Errors
    /// The answer that names the [`Self::member`] that leads nowhere.
    fn link_info(&self) -> Result<Value, Answer> {
        let expires = self.expires.map_or_else(|| "2099-12-31T16:00:00.000Z".to_owned(), instant);
        let mut info = json!({
            "shareId": self.share_id,
            "shortUrl": self.short_url,
            "shareTime": "2024-06-03T02:20:24.274Z",
            "ownerId": "1505084218764547200",
            "ownerName": self.owner_name,
            "permission": {"preview": true, "edit": false, "download": true},
            "expireTime": expires,
            "status": self.status,
            "expireDate": "3",
        });
        apply(&self.members, &mut info)?;
        Ok(info)
    }
}

/// Sets the members of an answer.
///
/// # Errors
/// The answer that names the member that leads nowhere.
pub(crate) fn apply(members: &[Member], answer: &mut Value) -> Result<(), Answer> {
    members.iter().try_for_each(|member| member.apply(answer)).map_err(|why| Answer::unsendable(&why))
}

fn instant(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Shows neither the extract code nor the kdstoken.
impl fmt::Debug for EmulatedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatedShare")
            .field("short_url", &self.short_url)
            .field("share_id", &self.share_id)
            .field("container_id", &self.container_id)
            .field("status", &self.status)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A share and its state.
struct ShareState {
    share: EmulatedShare,
    verified: u64,
    /// The kdstokens that are accepted, each with the number of calls left; `None` means any number.
    kdstokens: BTreeMap<String, Option<u64>>,
}

/// All shares, by their short codes.
#[derive(Default)]
pub(crate) struct Shares(BTreeMap<String, ShareState>);

impl Shares {
    pub(crate) fn set(&mut self, share: EmulatedShare) {
        let state = ShareState { share, verified: 0, kdstokens: BTreeMap::new() };
        self.0.insert(state.share.short_url.clone(), state);
    }

    pub(crate) fn lapse_kdstokens(&mut self) {
        self.0.values_mut().for_each(|state| state.kdstokens.clear());
    }

    fn find(&mut self, short_url: &str) -> Result<&mut ShareState, Answer> {
        self.0.get_mut(short_url).ok_or_else(does_not_exist)
    }

    /// Answers getShareInfo, also for a share that has ended.
    pub(crate) fn info(&mut self, short_url: &str) -> Result<Answer, Answer> {
        let link = self.find(short_url)?.share.link_info()?;
        Ok(Answer::json(200, &json!({"code": 0, "msg": "Success", "link": link})))
    }

    pub(crate) fn verify(&mut self, request: &VerifyExtractCode, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let state = self.find(&request.short_url)?;
        state.check_ended(now)?;
        if state.share.extract_code.as_deref() != Some(&request.extract_code) {
            return Err(invalid("extractCode: wrong"));
        }
        if state.share.code_uses.is_some_and(|uses| state.verified >= uses) {
            return Err(invalid("extractCode: used up"));
        }
        state.verified += 1;
        let fresh = || sha256_hex(format!("{} {}", request.short_url, state.verified).as_bytes())[..48].to_owned();
        let kdstoken = state.share.kdstoken.clone().unwrap_or_else(fresh);
        state.kdstokens.insert(kdstoken.clone(), state.share.kdstoken_calls);
        Ok(Answer::json(200, &json!({"code": 0, "msg": "Success", "kdstoken": kdstoken})))
    }

    pub(crate) fn list(&mut self, request: &ListShareFiles, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let state = self.find(&request.short_url)?;
        state.check_ended(now)?;
        state.check_kdstoken(request.kdstoken.as_deref())?;
        state.share.page(request)
    }

    /// Checks the state and the kdstoken of a task's share, if it's one of these. Another share passes.
    pub(crate) fn check_access(
        &mut self,
        share_id: &str,
        kdstoken: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Answer> {
        match self.0.values_mut().find(|state| state.share.share_id == share_id) {
            None => Ok(()),
            Some(state) => state.check_ended(now).and_then(|()| state.check_kdstoken(kdstoken)),
        }
    }

    /// The names in the package of a task: those of the share's files, or `<file id>.bin` if its share is none of these.
    pub(crate) fn names_in_package(&self, task: &CreateTask) -> Vec<String> {
        let state = self.0.values().find(|state| state.share.share_id == task.share_id);
        let names = |id: &String| {
            let names = state.and_then(|state| state.share.contents.names_in_package(id));
            names.unwrap_or_else(|| vec![format!("{id}.bin")])
        };
        task.file_ids.iter().flat_map(names).collect()
    }

    /// Checks the files of a task, if its share is one of these.
    pub(crate) fn check_files(&self, task: &CreateTask) -> Result<(), Answer> {
        let Some(ShareState { share, .. }) = self.0.values().find(|state| state.share.share_id == task.share_id) else {
            return Ok(());
        };
        let in_space = |id: &String| share.contents.space_of(id, &share.container_id) == Some(&task.container_id);
        if task.file_ids.iter().all(in_space) {
            return Ok(());
        }
        Err(Answer::service(400, "13000302", "a file is not in the given space"))
    }
}

impl ShareState {
    fn check_ended(&self, now: DateTime<Utc>) -> Result<(), Answer> {
        if self.share.is_ended(now) { Err(does_not_exist()) } else { Ok(()) }
    }

    fn check_kdstoken(&mut self, kdstoken: Option<&str>) -> Result<(), Answer> {
        let refused = || Answer::service(400, "13000410", "the user may not operate on this space");
        if self.share.extract_code.is_none() {
            return Ok(());
        }
        let left = kdstoken.and_then(|kdstoken| self.kdstokens.get_mut(kdstoken)).ok_or_else(refused)?;
        match left {
            None => Ok(()),
            Some(0) => Err(refused()),
            Some(calls) => {
                *calls -= 1;
                Ok(())
            }
        }
    }
}

impl EmulatedShare {
    /// A page of a listing. A cursor holds the number of files before the page, and that of the empty pages still due.
    fn page(&self, request: &ListShareFiles) -> Result<Answer, Answer> {
        let (start, empty) = match request.page_cursor.as_deref() {
            None => (0, self.empty_pages),
            Some(cursor) => {
                parse_cursor(cursor).ok_or_else(|| Answer::service(400, "13000101", "bad request: pageCursor"))?
            }
        };
        let directory = self.contents.directory(request.parent_folder.as_deref()).ok_or_else(does_not_exist)?;
        let mut entries: Vec<_> = Vec::new();
        let mut next = Some((start, empty.saturating_sub(1)));
        if empty == 0 {
            let size = request.page_size.min(self.page_limit);
            let matching = directory.entries(request.order, request.file_name.as_deref());
            let page = matching.page(start, size);
            for file in &page {
                let mut entry = file.json(&self.container_id, request.parent_folder.as_deref());
                apply(&file.members, &mut entry)?;
                entries.push(entry);
            }
            let end = start + page.len();
            next = (end < matching.len()).then_some((end, self.empty_pages));
        }
        if self.repeats_cursor && request.page_cursor.is_some() {
            next = request.page_cursor.as_deref().and_then(parse_cursor);
        }
        let mut answer = json!({"code": 0, "msg": "Success", "link": self.link_info()?, "files": entries});
        if let Some((start, empty)) = next {
            answer["nextCursor"] = json!(format!("{start}.{empty}"));
        }
        Ok(Answer::json(200, &answer))
    }
}

fn parse_cursor(cursor: &str) -> Option<(usize, usize)> {
    let (start, empty) = cursor.split_once('.')?;
    Some((start.parse().ok()?, empty.parse().ok()?))
}

fn does_not_exist() -> Answer {
    Answer::service(400, "13000309", "resource does not exist")
}
