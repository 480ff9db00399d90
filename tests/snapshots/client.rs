pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
/// Types used as operation parameters and responses.
pub mod types {
    ///A share task to create. Source: source document.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct CreateBatchTaskRequest {
        ///Space the files are in.
        #[serde(rename = "containerId")]
        pub container_id: ::std::string::String,
        ///Files to work on, 1 to 1000. The generator drops these bounds. Rule `file-ids-count`, enforced by the wrapper. Source: source document.
        #[serde(rename = "fileIds")]
        pub file_ids: ::std::vec::Vec<::std::string::String>,
        ///Temporary token for the share.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub kdstoken: ::std::option::Option<crate::credentials::KdsToken>,
        ///Share the files are behind.
        #[serde(rename = "shareId")]
        pub share_id: ::std::string::String,
        ///Directory to dump into. Mandatory when `taskType` is 2. Rule `target-required`, enforced by the wrapper. Source: source document.
        #[serde(
            rename = "targetFileId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub target_file_id: ::std::option::Option<FileIdInfo>,
        ///What to do with the files: 1 packs them into a zip, 2 dumps them into a space.
        #[serde(rename = "taskType")]
        pub task_type: crate::share_task::TaskType,
        ///Name of the package. Mandatory when `taskType` is 1. Rule `zip-name-required`, enforced by the wrapper. Source: source document.
        #[serde(
            rename = "zipName",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub zip_name: ::std::option::Option<::std::string::String>,
    }
    ///What became of the request. Source: source document.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct CreateBatchTaskResponse {
        ///Response code; 0 is success.
        pub code: crate::service_code::ServiceCode,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<::std::string::String>,
        ///Task id, when `code` is 0.
        #[serde(
            rename = "taskId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_id: ::std::option::Option<::std::string::String>,
    }
    ///A refusal: `code` and `msg` from the service, `error_code` and `error_msg` from the gateway in front of it. Source: carrier reference, errors.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ErrorBody {
        ///The service's code.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub code: ::std::option::Option<crate::service_code::ServiceCode>,
        ///The gateway's code, such as `APIGW.0308`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error_code: ::std::option::Option<crate::service_code::ServiceCode>,
        ///The gateway's explanation. May echo the app key or the canonical request.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error_msg: ::std::option::Option<::std::string::String>,
        ///The service's explanation. May echo parts of the request.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<::std::string::String>,
    }
    ///A directory in a space. Source: carrier reference, createBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct FileIdInfo {
        ///Space the directory is in.
        #[serde(rename = "containerId")]
        pub container_id: ::std::string::String,
        ///Directory; `root` for the root directory of the space.
        #[serde(rename = "fileId")]
        pub file_id: ::std::string::String,
    }
    ///A share task to query. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct GetBatchTaskRequest {
        ///Temporary token for the share, if it has an access code.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub kdstoken: ::std::option::Option<crate::credentials::KdsToken>,
        ///Share the task belongs to.
        #[serde(rename = "shareId")]
        pub share_id: ::std::string::String,
        ///Task to query.
        #[serde(rename = "taskId")]
        pub task_id: ::std::string::String,
    }
    ///The state of a share task. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct GetBatchTaskResponse {
        ///Response code; 0 is success.
        pub code: crate::service_code::ServiceCode,
        ///The task as a whole.
        #[serde(
            rename = "jobInfo",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub job_info: ::std::option::Option<JobInfo>,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<::std::string::String>,
        ///The task file by file.
        #[serde(
            rename = "taskInfos",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_infos: ::std::option::Option<crate::task::wire::TaskInfos>,
    }
    ///A task as a whole. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct JobInfo {
        ///When the task was created.
        #[serde(
            rename = "createTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub create_time: ::std::option::Option<crate::task::wire::CompactTime>,
        ///Where the package can be fetched, once a package download has ended.
        #[serde(
            rename = "downloadUrl",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub download_url: ::std::option::Option<crate::task::wire::WireUrl>,
        ///When the work ended.
        #[serde(
            rename = "endTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub end_time: ::std::option::Option<crate::task::wire::CompactTime>,
        ///Progress in percent: 70 means 70 %.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub progress: ::std::option::Option<f64>,
        ///When the work began.
        #[serde(
            rename = "startTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub start_time: ::std::option::Option<crate::task::wire::CompactTime>,
        ///Task id.
        #[serde(
            rename = "taskId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_id: ::std::option::Option<::std::string::String>,
        ///How a completed task ended.
        #[serde(
            rename = "taskResultCode",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_result_code: ::std::option::Option<crate::task::wire::OpenNumber>,
        ///How far the task has come.
        #[serde(
            rename = "taskStatus",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_status: ::std::option::Option<crate::task::wire::OpenNumber>,
        ///What the task does.
        #[serde(
            rename = "taskType",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_type: ::std::option::Option<crate::share_task::TaskType>,
        ///User who created the task.
        #[serde(
            rename = "userId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub user_id: ::std::option::Option<::std::string::String>,
    }
    ///What became of one file. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TaskInfo {
        ///The file in the share.
        #[serde(
            rename = "fileId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_id: ::std::option::Option<::std::string::String>,
        ///The file's copy in the target space.
        #[serde(
            rename = "newFileId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub new_file_id: ::std::option::Option<::std::string::String>,
        ///Space the file came from.
        #[serde(
            rename = "srcContainerId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub src_container_id: ::std::option::Option<::std::string::String>,
        ///What became of the file.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub status: ::std::option::Option<crate::task::status::FileStatus>,
    }
    /// Error types.
    pub mod error {
        /// Error from a `TryFrom` or `FromStr` implementation.
        pub struct ConversionError(::std::borrow::Cow<'static, str>);
        impl ::std::error::Error for ConversionError {}
        impl ::std::fmt::Display for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {}
        }
        impl ::std::fmt::Debug for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {}
        }
        impl From<&'static str> for ConversionError {
            fn from(value: &'static str) -> Self {}
        }
        impl From<String> for ConversionError {
            fn from(value: String) -> Self {}
        }
    }
}
#[derive(Clone, Debug)]
/**Client for KooDrive share tasks

Asynchronous share tasks of Huawei Cloud KooDrive: files behind a share link are packed into a zip to download, or dumped into a space of one's own.

Hand-written from the vendor's pages; the vendor publishes no OpenAPI document. Each schema, parameter and operation names its source, which is its fields' too unless they name one. A rule that OpenAPI cannot express is marked with its name, as in "Rule `zip-name-required`, enforced by the wrapper": search the source code for that name.

Version: 1.0.0*/
pub struct Client {
    pub(crate) baseurl: String,
    pub(crate) client: reqwest::Client,
    pub(crate) inner: crate::client::hooks::Attempt,
}
impl Client {
    /// Create a new client.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new(baseurl: &str, inner: crate::client::hooks::Attempt) -> Self {}
    /// Construct a new client with an existing `reqwest::Client`,
    /// allowing more control over its configuration.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new_with_client(
        baseurl: &str,
        client: reqwest::Client,
        inner: crate::client::hooks::Attempt,
    ) -> Self {}
}
impl ClientInfo<crate::client::hooks::Attempt> for Client {
    fn api_version() -> &'static str {}
    fn baseurl(&self) -> &str {}
    fn client(&self) -> &reqwest::Client {}
    fn inner(&self) -> &crate::client::hooks::Attempt {}
}
impl Client {
    /**Query an asynchronous share task

Tells how far a task has come and, once it has ended, with which result. Reads only, so it may be repeated. Source: carrier reference, getBatchTask.

Sends a `POST` request to `/koodrive/ose/v1/share/taskDetail`

Arguments:
- `x_date`: When the request was made, in UTC. Used for app authentication. At most 15 minutes before the server's current time and never after it. Rule `x-date-window`, enforced by the wrapper. Source: source document.
- `x_hw_agentname`: Carrier name. Source: source document.
- `x_traceid`: Service trace id, to find a request in the service's logs. Source: carrier reference, request headers.
- `x_user_id`: User id on KooDrive. Used for app authentication, whose signature covers it. Source: source document.
- `body`
*/
    pub async fn get_batch_task<'a>(
        &'a self,
        x_date: Option<&'a crate::x_date::XDate>,
        x_hw_agentname: Option<&'a ::std::string::String>,
        x_traceid: Option<&'a crate::trace_id::TraceId>,
        x_user_id: Option<&'a ::std::string::String>,
        body: &'a types::GetBatchTaskRequest,
    ) -> Result<ResponseValue<types::GetBatchTaskResponse>, Error<types::ErrorBody>> {}
    /**Create an asynchronous share task

Packs files behind a share link into a zip (`taskType` 1), or dumps them into a space (`taskType` 2). The reply carries a task id; the work goes on behind it.

Not idempotent: sent twice, it makes two tasks. Source: source document; carrier reference, createBatchTask.

Sends a `POST` request to `/koodrive/ose/v1/share/tasks`

Arguments:
- `x_date`: When the request was made, in UTC. Used for app authentication. At most 15 minutes before the server's current time and never after it. Rule `x-date-window`, enforced by the wrapper. Source: source document.
- `x_hw_agentname`: Carrier name. Source: source document.
- `x_traceid`: Service trace id, to find a request in the service's logs. Source: carrier reference, request headers.
- `x_user_id`: User id on KooDrive. Used for app authentication, whose signature covers it. Source: source document.
- `body`
*/
    pub async fn create_batch_task<'a>(
        &'a self,
        x_date: Option<&'a crate::x_date::XDate>,
        x_hw_agentname: Option<&'a ::std::string::String>,
        x_traceid: Option<&'a crate::trace_id::TraceId>,
        x_user_id: Option<&'a ::std::string::String>,
        body: &'a types::CreateBatchTaskRequest,
    ) -> Result<ResponseValue<types::CreateBatchTaskResponse>, Error<types::ErrorBody>> {}
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    pub use super::Client;
}
pub mod headers {
    pub const X_DATE: ::reqwest::header::HeaderName = ::reqwest::header::HeaderName::from_static(
        "x-date",
    );
    pub const X_HW_AGENTNAME: ::reqwest::header::HeaderName = ::reqwest::header::HeaderName::from_static(
        "x-hw-agentname",
    );
    pub const X_TRACEID: ::reqwest::header::HeaderName = ::reqwest::header::HeaderName::from_static(
        "x-traceid",
    );
    pub const X_USER_ID: ::reqwest::header::HeaderName = ::reqwest::header::HeaderName::from_static(
        "x-user-id",
    );
}
