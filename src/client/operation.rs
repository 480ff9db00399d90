//! The operations of the spec: the request, the response and the output of each.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    credentials::RequestSecret,
    error::{Effect, Error},
    generated::{
        self, ResponseValue,
        types::{
            CreateBatchTaskResponse, ErrorBody, GetBatchTaskRequest, GetBatchTaskResponse, GetShareInfoResponse,
            ListShareFilesRequest, ListShareFilesResponse, ShareInfo, VerifyExtractCodeRequest,
            VerifyExtractCodeResponse,
        },
    },
    lenient::{Defect, LenientText},
    share::file::Page,
    share_task::ShareTask,
    task::{status::TaskStatus, wire::task_id_in},
    x_date::XDate,
};

/// The generated client's result for a request.
pub(super) type Decoded<T> = Result<ResponseValue<T>, generated::Error<ErrorBody>>;

/// An operation of the spec. A value is the input of one call, and its `Debug` shows no secret.
pub(crate) trait Operation: Sync + fmt::Debug {
    /// The operation id in the spec.
    const NAME: &'static str;

    type Response: DeserializeOwned + Send;

    /// The result that a caller gets if the response reports success.
    type Output: Send;

    const EFFECT: Effect;

    /// The advice if access is refused to a call without a kdstoken.
    const WITHOUT_KDSTOKEN: &'static str = "give the kdstoken of a share that has an extract code; else ask the space's \
                                            owner for the right, or check the user id";

    /// The advice if the service does not know the resource. `None` means the advice for the service code.
    const NOT_FOUND: Option<&'static str> = None;

    /// Whether the extract code is the only input that the service can refuse. An earlier call has proved the
    /// credentials.
    const CHECKS_EXTRACT_CODE: bool = false;

    /// The size of the largest reply that is read, in bytes, unless the client sets another limit.
    const MAX_REPLY_BYTES: usize = 1 << 20;

    /// Returns the `X-Date` that the caller gave. It applies to every attempt.
    fn x_date(&self) -> Option<XDate> {
        None
    }

    /// Returns the id of the task that the call asks about or has created.
    fn task_id<'a>(&'a self, _: &'a Self::Output) -> Option<&'a str> {
        None
    }

    /// Returns the share's temporary token, if the caller gave one.
    fn kdstoken(&self) -> Option<&RequestSecret> {
        None
    }

    /// Returns the secret of the request, which no error may show.
    fn secret(&self) -> Option<&str> {
        self.kdstoken().map(RequestSecret::expose)
    }

    /// Returns the advice on a refusal by the service, if the operation knows more than the service code tells.
    fn advice(&self, refusal: &Error) -> Option<&'static str> {
        if !refusal.is_access_refused() {
            return Self::NOT_FOUND.filter(|_| refusal.is_not_found());
        }
        Some(match self.kdstoken() {
            None => Self::WITHOUT_KDSTOKEN,
            Some(_) => {
                "open the share again if its kdstoken has lapsed; else ask the space's owner for the right, or check the \
                 user id"
            }
        })
    }

    fn send(&self, client: &generated::Client) -> impl Future<Output = Decoded<Self::Response>> + Send;

    /// Reads a response, which must report success.
    fn read(&self, response: Self::Response) -> Result<Self::Output, Defect>;
}

/// `createBatchTask`
impl Operation for ShareTask {
    const NAME: &'static str = "createBatchTask";

    type Response = CreateBatchTaskResponse;

    /// The task's id.
    type Output = String;

    const EFFECT: Effect = Effect::CreatesTask;

    const NOT_FOUND: Option<&'static str> = Some(
        "open the share again, which tells whether it has ended; else send it again later; if that does not help, ask the \
         vendor's support",
    );

    fn x_date(&self) -> Option<XDate> {
        self.x_date()
    }

    fn task_id<'a>(&'a self, task_id: &'a String) -> Option<&'a str> {
        Some(task_id)
    }

    fn kdstoken(&self) -> Option<&RequestSecret> {
        self.body().kdstoken.as_ref()
    }

    async fn send(&self, client: &generated::Client) -> Decoded<Self::Response> {
        client.create_batch_task(self.body()).await
    }

    fn read(&self, response: Self::Response) -> Result<String, Defect> {
        response.code.success()?;
        let task_id = response.task_id.as_ref().and_then(LenientText::as_str).and_then(task_id_in);
        task_id.map(str::to_owned).ok_or_else(|| Some("it reports success without a task id".to_owned()))
    }
}

/// `getBatchTask`
impl Operation for GetBatchTaskRequest {
    const NAME: &'static str = "getBatchTask";

    type Response = GetBatchTaskResponse;
    type Output = TaskStatus;

    const EFFECT: Effect = Effect::Reads;

    const WITHOUT_KDSTOKEN: &'static str = "give the kdstoken of a share that has an extract code, which a saved handle \
                                            lacks; else check the user id";

    const NOT_FOUND: Option<&'static str> =
        Some("check the task id, the share id and whether the share has ended; ask again later if it was just created");

    /// 1,000 files × 4 texts × 250 characters × 6 bytes = 6 MB.
    const MAX_REPLY_BYTES: usize = 16 << 20;

    fn kdstoken(&self) -> Option<&RequestSecret> {
        self.kdstoken.as_ref()
    }

    fn task_id<'a>(&'a self, _: &'a TaskStatus) -> Option<&'a str> {
        Some(&self.task_id)
    }

    async fn send(&self, client: &generated::Client) -> Decoded<Self::Response> {
        client.get_batch_task(self).await
    }

    fn read(&self, response: Self::Response) -> Result<TaskStatus, Defect> {
        response.code.success()?;
        TaskStatus::read(&self.task_id, response).map_err(Some)
    }
}

/// `getShareInfo`
#[derive(Debug)]
pub(crate) struct GetShareInfo {
    pub(crate) short_url: String,
}

impl Operation for GetShareInfo {
    const NAME: &'static str = "getShareInfo";

    type Response = GetShareInfoResponse;

    /// The share's id, and the whole `link` object.
    type Output = (String, ShareInfo);

    const EFFECT: Effect = Effect::Reads;

    fn advice(&self, _: &Error) -> Option<&'static str> {
        Some("compare the link with whoever shared it: it may be incomplete, or the share is gone")
    }

    async fn send(&self, client: &generated::Client) -> Decoded<Self::Response> {
        client.get_share_info(&self.short_url).await
    }

    fn read(&self, response: Self::Response) -> Result<Self::Output, Defect> {
        response.code.success()?;
        let link = response.link.ok_or_else(|| Some("it reports success without a link".to_owned()))?;
        let mut link = link.0.map_err(|other| Some(format!("$.link is {other}, which is no object")))?;
        let share_id = link.share_id.take().and_then(LenientText::non_empty);
        Ok((share_id.ok_or_else(|| Some("$.link.shareId is missing, or no text".to_owned()))?, link))
    }
}

/// `verifyExtractCode`
impl Operation for VerifyExtractCodeRequest {
    const NAME: &'static str = "verifyExtractCode";

    type Response = VerifyExtractCodeResponse;
    type Output = RequestSecret;

    const EFFECT: Effect = Effect::Reads;

    const CHECKS_EXTRACT_CODE: bool = true;

    fn secret(&self) -> Option<&str> {
        Some(self.extract_code.expose())
    }

    fn advice(&self, _: &Error) -> Option<&'static str> {
        Some("compare the extract code with whoever shared the link: it may be wrong or used up")
    }

    async fn send(&self, client: &generated::Client) -> Decoded<Self::Response> {
        client.verify_extract_code(self).await
    }

    fn read(&self, response: Self::Response) -> Result<RequestSecret, Defect> {
        response.code.success()?;
        let kdstoken = response.kdstoken.filter(|kdstoken| !kdstoken.expose().is_empty());
        kdstoken.ok_or_else(|| Some("it reports success without a kdstoken".to_owned()))
    }
}

/// `listShareFiles`
impl Operation for ListShareFilesRequest {
    const NAME: &'static str = "listShareFiles";

    type Response = ListShareFilesResponse;
    type Output = Page;

    const EFFECT: Effect = Effect::Reads;

    fn kdstoken(&self) -> Option<&RequestSecret> {
        self.kdstoken.as_ref()
    }

    /// At the top of the share there is no folder id that could be wrong, so a refusal is about the access to the
    /// share.
    fn advice(&self, refusal: &Error) -> Option<&'static str> {
        (self.parent_folder.is_none() || refusal.is_access_refused()).then_some(match self.kdstoken {
            None => "open the share again, with its extract code if it has one: it may have ended; else ask its owner for access",
            Some(_) => "open the share again: its kdstoken may have lapsed, or the share has ended",
        })
    }

    async fn send(&self, client: &generated::Client) -> Decoded<Self::Response> {
        client.list_share_files(self).await
    }

    fn read(&self, response: Self::Response) -> Result<Page, Defect> {
        response.code.success()?;
        Page::read(response).map_err(Some)
    }
}
