//! Where the file ids come from.

use std::{error::Error as StdError, fmt, mem, pin::Pin};

use futures_util::{Stream, StreamExt, TryStreamExt};

pub(super) type Failure = Box<dyn StdError + Send + Sync>;

/// The file ids of a bulk creation, read one by one.
///
/// ```
/// # use koodrive_share::FileIds;
/// let from_iterator = FileIds::from((0..1_000_000).map(|n| format!("F{n}")));
/// let from_stream = FileIds::stream(futures_util::stream::iter(["F1", "F2"]));
/// ```
///
/// An iterator that blocks, as on a pipe, holds up the requests that share its thread: make it a stream.
pub struct FileIds<'a>(Ids<'a>);

/// Reads as many ids as are asked for, fewer only at the end: one call for a chunk, instead of one for each id.
type Read<'a> = dyn FnMut(&mut ChunkIds, usize) + Send + 'a;

enum Ids<'a> {
    Iterator(Box<Read<'a>>),
    Stream(Pin<Box<dyn Stream<Item = Result<String, Failure>> + Send + 'a>>),
}

impl<'a, I> From<I> for FileIds<'a>
where
    I: IntoIterator<Item: Into<String> + 'a, IntoIter: Send + 'a>,
{
    fn from(ids: I) -> Self {
        let mut ids = ids.into_iter().map(Into::into).fuse();
        Self(Ids::Iterator(Box::new(move |chunk, most| {
            ids.by_ref().take(most).for_each(|id| chunk.push(id));
        })))
    }
}

impl<'a> FileIds<'a> {
    /// Takes them from a stream.
    pub fn stream(ids: impl Stream<Item: Into<String>> + Send + 'a) -> Self {
        Self(Ids::Stream(ids.map(|id| Ok(id.into())).fuse().boxed()))
    }

    /// Takes them from a stream that can fail, such as the lines of a file. A failure ends the run; the ids before it
    /// that do not fill a chunk are not sent.
    pub fn try_stream<T, E>(ids: impl Stream<Item = Result<T, E>> + Send + 'a) -> Self
    where
        T: Into<String> + 'a,
        E: Into<Box<dyn StdError + Send + Sync>> + 'a,
    {
        Self(Ids::Stream(ids.map_ok(Into::into).map_err(Into::into).fuse().boxed()))
    }

    /// The next id.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        match &mut self.0 {
            Ids::Iterator(read) => {
                let mut next = ChunkIds::default();
                read(&mut next, 1);
                Ok(next.ids.pop())
            }
            Ids::Stream(ids) => ids.try_next().await,
        }
    }

    /// Fills a chunk up to `most` ids, to fewer only at the end. Cancelled, it leaves what it read in the chunk.
    pub(super) async fn fill(&mut self, chunk: &mut ChunkIds, most: usize) -> Result<(), Failure> {
        match &mut self.0 {
            Ids::Iterator(read) => read(chunk, most - chunk.len),
            Ids::Stream(ids) => {
                while chunk.len < most
                    && let Some(id) = ids.try_next().await?
                {
                    chunk.push(id);
                }
            }
        }
        Ok(())
    }
}

/// The ids of a chunk that is being read, copied into the strings of an earlier chunk: a run over a million ids takes a
/// tenth less time than if each string lived from here until its request is answered, since the allocator then finds
/// the last one's memory still in the cache.
#[derive(Default)]
pub(super) struct ChunkIds {
    ids: Vec<String>,
    /// How many of them were read; the rest is the earlier chunk's.
    len: usize,
}

impl ChunkIds {
    fn push(&mut self, id: String) {
        match self.ids.get_mut(self.len) {
            Some(earlier) => earlier.clone_from(&id),
            None => self.ids.push(id),
        }
        self.len += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives them away, and goes on in the memory of `spare`.
    pub(super) fn take(&mut self, spare: Vec<String>) -> Vec<String> {
        let mut ids = mem::replace(&mut self.ids, spare);
        ids.truncate(mem::take(&mut self.len));
        ids
    }
}

impl fmt::Debug for FileIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileIds").finish_non_exhaustive()
    }
}
