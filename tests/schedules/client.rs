//! Replaces `src/client.rs` by a client that records each request and replies as a test says.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::tokio::task::yield_now;

use crate::{
    error::{Effect, Error, ErrorKind, ReplyDetails},
    share_task::ShareTask,
    task::handle::TaskHandle,
};

#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Made,
    Unknown,
    /// The reply asks to wait for this time.
    Throttled(Duration),
}

#[derive(Clone)]
pub(crate) struct Client(Arc<Service>);

type OnRequest = dyn Fn(usize, &ShareTask) -> Answer + Send + Sync;

struct Service {
    /// The trace ids of the requests that have arrived.
    requests: Mutex<Vec<String>>,
    on_request: Box<OnRequest>,
}

impl Client {
    /// Makes a client. `on_request` receives the number of each request, from 0.
    pub(crate) fn new(on_request: impl Fn(usize, &ShareTask) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Service { requests: Mutex::default(), on_request: Box::new(on_request) }))
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.requests.lock().unwrap().clone()
    }

    /// Waits until no run has a tokio task left, which would hold a clone of the client.
    pub(crate) async fn alone(&self) {
        while Arc::strong_count(&self.0) > 1 {
            yield_now().await;
        }
    }

    pub(crate) async fn create(&self, task: &ShareTask) -> Result<TaskHandle, Error> {
        let trace_id = task.trace_id().clone();
        let number = {
            let mut requests = self.0.requests.lock().unwrap();
            requests.push(trace_id.as_str().to_owned());
            requests.len() - 1
        };
        let answer = (self.0.on_request)(number, task);
        yield_now().await;
        match answer {
            Answer::Made => Ok(TaskHandle::new(number.to_string(), "share", self.endpoint(), Some(trace_id))),
            Answer::Unknown => Err(Error::new(ErrorKind::Lost, Effect::CreatesTask, trace_id)),
            Answer::Throttled(wait) => {
                let mut error = Error::new(ErrorKind::Refused, Effect::CreatesTask, trace_id);
                error.0.reply = Some(ReplyDetails { status: 429, retry_after: Some(wait), ..ReplyDetails::default() });
                Err(error)
            }
        }
    }

    pub(crate) fn without_throttle_retry(&self) -> Self {
        self.clone()
    }
}

#[allow(clippy::unused_self, clippy::unnecessary_literal_bound, reason = "as the library's own has them")]
impl Client {
    pub(crate) fn endpoint(&self) -> &str {
        "https://drive.example.com"
    }

    pub(crate) fn user_id(&self) -> String {
        "user".to_owned()
    }

    pub(crate) fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }
}
