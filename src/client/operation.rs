//! What one operation of the spec needs and gives.

use serde::de::DeserializeOwned;

use super::outcome::Effect;
use crate::{
    credentials::KdsToken,
    generated::{
        self, ResponseValue,
        types::{CreateBatchTaskResponse, ErrorBody, GetBatchTaskRequest, GetBatchTaskResponse},
    },
    share_task::ShareTask,
    task::{status::TaskStatus, wire::named_task},
    trace_id::TraceId,
    x_date::XDate,
};

/// What the generated client makes of a reply.
pub(super) type Decoded<T> = Result<ResponseValue<T>, generated::Error<ErrorBody>>;

/// One call of an operation of the generated client.
pub(crate) trait Operation: Sync {
    type Response: DeserializeOwned + Send;

    /// What a caller gets from a response that reports success.
    type Output: Send;

    const EFFECT: Effect;

    /// Largest reply that is read unless the client sets another limit, in bytes.
    const MAX_REPLY_BYTES: usize = 1 << 20;

    fn trace_id(&self) -> &TraceId;

    /// Given by the caller, for every attempt.
    fn x_date(&self) -> Option<XDate> {
        None
    }

    /// A secret of the request.
    fn kdstoken(&self) -> Option<&KdsToken>;

    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Decoded<Self::Response>> + Send;

    /// Reads a response.
    ///
    /// # Errors
    ///
    /// Nothing if the response reports no success; else what it lacks.
    fn read(&self, response: Self::Response) -> Result<Self::Output, Option<String>>;
}

/// `createBatchTask`
impl Operation for ShareTask {
    type Response = CreateBatchTaskResponse;

    /// The task's id.
    type Output = String;

    const EFFECT: Effect = Effect::CreatesTask;

    fn trace_id(&self) -> &TraceId {
        self.trace_id()
    }

    fn x_date(&self) -> Option<XDate> {
        self.x_date()
    }

    fn kdstoken(&self) -> Option<&KdsToken> {
        self.body().kdstoken.as_ref()
    }

    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Decoded<Self::Response>> + Send {
        client.create_batch_task(self.body())
    }

    fn read(&self, response: Self::Response) -> Result<String, Option<String>> {
        if !response.code.is_success() {
            return Err(None);
        }
        let task_id = response.task_id.as_ref().and_then(named_task).map(str::to_owned);
        task_id.ok_or_else(|| Some("it reports success without a task id".to_owned()))
    }
}

/// `getBatchTask`, with a trace id of its own.
pub(super) struct StatusQuery {
    pub(super) trace_id: TraceId,
    pub(super) body: GetBatchTaskRequest,
}

impl Operation for StatusQuery {
    type Response = GetBatchTaskResponse;
    type Output = TaskStatus;

    const EFFECT: Effect = Effect::Reads;

    /// Four texts for each of 1,000 files, each of 250 characters that take six bytes: 6 MB.
    const MAX_REPLY_BYTES: usize = 16 << 20;

    fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    fn kdstoken(&self) -> Option<&KdsToken> {
        self.body.kdstoken.as_ref()
    }

    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Decoded<Self::Response>> + Send {
        client.get_batch_task(&self.body)
    }

    fn read(&self, response: Self::Response) -> Result<TaskStatus, Option<String>> {
        if !response.code.is_success() {
            return Err(None);
        }
        TaskStatus::read(&self.body.task_id, response).map_err(Some)
    }
}
