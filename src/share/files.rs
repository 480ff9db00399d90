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

/// The maximum depth of a directory that is listed. The reference allows 30 levels in a dump.
const MAX_DEPTH: usize = 100;

/// The maximum number of pages in a row without a file. The reference states no limit, but a faulty service could
/// return such pages without end.
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
    /// The request for the first page.
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

    /// Lists the files of all directories below, instead of these directories. Defaults to `false`: a directory is
    /// listed as one entry, and a task takes it as a whole.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.is_recursive = recursive;
        self
    }

    /// Lists files of any space. Defaults to `false`: a task takes files of one space only, so the first file of
    /// another space than the share's first file ends the stream with an error that names it.
    pub fn any_space(mut self, any_space: bool) -> Self {
        self.takes_any_space = any_space;
        self
    }

    /// Sets the maximum number of files in a page. Defaults to 100; 1 to 100. A lower number makes replies smaller, for
    /// example for a proxy that limits them.
    pub fn page_size(mut self, files: u32) -> Self {
        self.request.page_size = Some(files);
        self
    }

    /// Sets the name that the service filters by, `fileName`. Defaults to no filter. This meaning of `fileName` is
    /// inferred: the reference states neither how names are compared nor whether directories are filtered, too.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.request.file_name = Some(name.into());
        self
    }

    /// Lists the files. Those of each directory are in the order of their names. A page is requested once all files
    /// before it have been taken.
    ///
    /// Memory grows by a cursor for each page of a directory, and with the depth of the directories. The stream can be
    /// passed to [`FileIds::try_stream`](crate::FileIds::try_stream) as it is.
    ///
    /// # Errors
    ///
    /// The stream ends after its first error. This is a broken rule (`not-empty`, `page-size`, `one-space`), a page
    /// that could not be fetched or read, a cursor that repeats, or more than 1,000 pages in a row without a file. In a
    /// recursive listing, it may also be an entry without a `fileType`, or a directory that is within itself or more
    /// than 100 levels deep. A request for a page only reads, so it is retried as in [`Client::status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of the next file loses nothing. Dropping the stream ends the listing.
    ///
    /// # Panics
    ///
    /// Panics if the stream is polled outside of a tokio runtime with I/O and time enabled.
    pub fn into_stream(self) -> impl Stream<Item = Result<ShareFile, Error>> + Send + Unpin + 'static {
        let listing = async move {
            self.validate()?;
            self.list(&[], self.request.parent_folder.clone(), "".into())
        };
        let files = listing.try_flatten_stream().boxed();
        // Unfolding makes the stream end after its first error.
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

    /// Lists a directory, and in a recursive listing the directories in it. `ancestors` are those that it is in.
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

    /// Returns the files in an entry if it is a directory and the listing is recursive; otherwise the entry itself.
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

/// Returns the request for the first page of the files at the top of a share.
pub(crate) fn first_page(short_url: String) -> ListShareFilesRequest {
    ListShareFilesRequest {
        file_name: None,
        kdstoken: None,
        page_cursor: None,
        page_size: Some(100),
        parent_folder: None,
        // A listing for a task must not count as a view of the share.
        refresh_count: Some(false),
        short_url,
        // Names in ascending order: uploads and changes during the listing shift the fewest files to other pages.
        sort_direction: Some(1),
        sort_type: Some(1),
    }
}

/// Lists the files of one directory, page by page.
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

/// Returns the error of a listing that cannot go on.
fn unreadable(what: String, trace_id: impl Into<Option<TraceId>>) -> Error {
    Error::new(ErrorKind::Unreadable(what), Effect::Reads, trace_id)
}
