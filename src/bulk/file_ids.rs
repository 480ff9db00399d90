//! The source of a bulk creation's file ids.

use std::{error::Error as StdError, fmt};

use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};

use crate::error::BoxError;

/// The file ids of a bulk creation, read one by one.
///
/// ```
/// # use koodrive_share::FileIds;
/// let from_iterator = FileIds::from((0..1_000_000).map(|n| format!("F{n}")));
/// let from_stream = FileIds::stream(futures_util::stream::iter(["F1", "F2"]));
/// ```
///
/// An iterator that blocks, for example on a pipe, delays the requests that share its thread: use a stream instead.
pub struct FileIds<'a>(Ids<'a>);

/// An iterator is not wrapped in a stream, because that takes a measurable part of a run's time.
enum Ids<'a> {
    Iterator(Box<dyn Iterator<Item = String> + Send + 'a>),
    Stream(BoxStream<'a, Result<String, BoxError>>),
}

impl<'a, I> From<I> for FileIds<'a>
where
    I: IntoIterator<Item: Into<String> + 'a, IntoIter: Send + 'a>,
{
    fn from(ids: I) -> Self {
        Self(Ids::Iterator(Box::new(ids.into_iter().map(Into::into).fuse())))
    }
}

impl<'a> FileIds<'a> {
    /// Reads the file ids from a stream.
    pub fn stream(ids: impl Stream<Item: Into<String>> + Send + 'a) -> Self {
        Self(Ids::Stream(ids.map(|id| Ok(id.into())).fuse().boxed()))
    }

    /// Reads the file ids from a stream that can fail, such as the lines of a file. A failure ends the run. Ids before
    /// the failure that do not fill a chunk are not sent.
    pub fn try_stream<T, E>(ids: impl Stream<Item = Result<T, E>> + Send + 'a) -> Self
    where
        T: Into<String> + 'a,
        E: Into<Box<dyn StdError + Send + Sync>> + 'a,
    {
        Self(Ids::Stream(ids.map_ok(Into::into).map_err(Into::into).fuse().boxed()))
    }

    /// Fills a chunk with up to `limit` ids; fewer mean the end of the input. If the future is dropped, the ids that
    /// were read are in the chunk.
    pub(super) async fn fill(&mut self, chunk: &mut Vec<String>, limit: usize) -> Result<(), BoxError> {
        let missing = limit.saturating_sub(chunk.len());
        match &mut self.0 {
            Ids::Iterator(ids) => chunk.extend(ids.take(missing)),
            Ids::Stream(ids) => ids.take(missing).map_ok(|id| chunk.push(id)).try_collect().await?,
        }
        Ok(())
    }
}

impl fmt::Debug for FileIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileIds").finish_non_exhaustive()
    }
}
