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
        pub kdstoken: ::std::option::Option<crate::credentials::RequestSecret>,
        ///Share that the files belong to.
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
    ///The result of a request to create a task. Source: source document.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct CreateBatchTaskResponse {
        ///Response code; 0 is success.
        pub code: crate::lenient::LenientCode,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
        ///Task id, when `code` is 0.
        #[serde(
            rename = "taskId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_id: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///A refusal: `code` and `msg` from the service, `error_code` and `error_msg` from the gateway in front of it. A sibling call also returns `{"error": {...}}`, whose fields are not public. Source: carrier reference, errors.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ErrorBody {
        ///The service's code.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub code: ::std::option::Option<crate::lenient::LenientCode>,
        ///The gateway's code, such as `APIGW.0308`.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error_code: ::std::option::Option<crate::lenient::LenientCode>,
        ///The gateway's explanation. May echo the app key, the canonical request, or the times of signature and server.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub error_msg: ::std::option::Option<crate::lenient::LenientText>,
        ///The service's explanation. May echo parts of the request.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///A directory in a space. Source: carrier reference, createBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct FileIdInfo {
        ///Space the directory is in.
        #[serde(rename = "containerId")]
        pub container_id: ::std::string::String,
        ///Id of the directory; `root` for the root directory of the space. Source: source document.
        #[serde(rename = "fileId")]
        pub file_id: ::std::string::String,
    }
    ///A share task to query. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct GetBatchTaskRequest {
        ///Temporary token for the share, if the share has an extract code.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub kdstoken: ::std::option::Option<crate::credentials::RequestSecret>,
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
        pub code: crate::lenient::LenientCode,
        ///The task as a whole.
        #[serde(
            rename = "jobInfo",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub job_info: ::std::option::Option<
            crate::lenient::LenientObject<crate::generated::types::JobInfo>,
        >,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
        ///The task as a whole, in place of `jobInfo`. Source: carrier reference, getBatchTask, edition of 2024-07-30.
        #[serde(
            rename = "taskInfo",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_info: ::std::option::Option<
            crate::lenient::LenientObject<crate::generated::types::JobInfo>,
        >,
        ///The task file by file.
        #[serde(
            rename = "taskInfos",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_infos: ::std::option::Option<crate::task::wire::TaskInfos>,
    }
    ///A share, looked up by its link. Source: carrier reference, getShareInfo.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct GetShareInfoResponse {
        ///Response code; 0 is success.
        pub code: crate::lenient::LenientCode,
        ///The share.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub link: ::std::option::Option<
            crate::lenient::LenientObject<crate::generated::types::ShareInfo>,
        >,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///A task as a whole. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct JobInfo {
        ///When the task was created.
        #[serde(
            rename = "createTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub create_time: ::std::option::Option<crate::lenient::LenientText>,
        ///Where the package can be fetched, once a package download has ended.
        #[serde(
            rename = "downloadUrl",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub download_url: ::std::option::Option<crate::task::wire::LenientUrl>,
        ///When the work ended.
        #[serde(
            rename = "endTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub end_time: ::std::option::Option<crate::lenient::LenientText>,
        ///Progress in percent: 70 means 70 %.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub progress: ::std::option::Option<crate::lenient::LenientNumber>,
        ///"Task content processing result" in the reference. Its values are not public, and the client does not read it. Source: carrier reference, getBatchTask, edition of 2024-07-30.
        #[serde(
            rename = "resultCode",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub result_code: ::std::option::Option<crate::lenient::LenientInt>,
        ///When the work began.
        #[serde(
            rename = "startTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub start_time: ::std::option::Option<crate::lenient::LenientText>,
        ///Task id.
        #[serde(
            rename = "taskId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_id: ::std::option::Option<crate::lenient::LenientText>,
        ///How a completed task ended.
        #[serde(
            rename = "taskResultCode",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_result_code: ::std::option::Option<crate::lenient::LenientInt>,
        ///How far the task has come.
        #[serde(
            rename = "taskStatus",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_status: ::std::option::Option<crate::lenient::LenientInt>,
        ///What the task does.
        #[serde(
            rename = "taskType",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub task_type: ::std::option::Option<crate::lenient::LenientInt>,
        ///User of the task.
        #[serde(
            rename = "userId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub user_id: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///A page of the files of a share. Source: carrier reference, listShareFiles.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct ListShareFilesRequest {
        ///By inference, a filter by name; how names are compared is not stated.
        #[serde(
            rename = "fileName",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_name: ::std::option::Option<::std::string::String>,
        ///Temporary token for the share, if the share has an extract code.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub kdstoken: ::std::option::Option<crate::credentials::RequestSecret>,
        ///`nextCursor` of the previous page.
        #[serde(
            rename = "pageCursor",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub page_cursor: ::std::option::Option<::std::string::String>,
        ///Maximum number of files in the page. Defaults to 100.
        #[serde(
            rename = "pageSize",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub page_size: ::std::option::Option<u32>,
        ///Directory to list. By inference, the top of the share is listed if this field is left out.
        #[serde(
            rename = "parentFolder",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub parent_folder: ::std::option::Option<::std::string::String>,
        ///Whether the call counts as a view of the share.
        #[serde(
            rename = "refreshCount",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub refresh_count: ::std::option::Option<bool>,
        ///Short code of the link.
        #[serde(rename = "shortUrl")]
        pub short_url: ::std::string::String,
        ///1 ascending, 2 descending, which is the default.
        #[serde(
            rename = "sortDirection",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub sort_direction: ::std::option::Option<i64>,
        ///1 by name, 2 by size, 4 by time of modification, which is the default.
        #[serde(
            rename = "sortType",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub sort_type: ::std::option::Option<i64>,
    }
    ///A page of the files of a share. Source: carrier reference, listShareFiles.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct ListShareFilesResponse {
        ///Response code; 0 is success.
        pub code: crate::lenient::LenientCode,
        ///The files of this page.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub files: ::std::option::Option<
            crate::lenient::LenientList<
                crate::lenient::LenientObject<crate::generated::types::ShareFile>,
            >,
        >,
        ///The share.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub link: ::std::option::Option<
            crate::lenient::LenientObject<crate::generated::types::ShareInfo>,
        >,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
        ///`pageCursor` of the next page; absent on the last page.
        #[serde(
            rename = "nextCursor",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub next_cursor: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///A file or directory of a share. Source: carrier reference, listShareFiles.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ShareFile {
        ///Spaces that the file is in. By inference, the first one is the `containerId` of a task.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub containers: ::std::option::Option<
            crate::lenient::LenientList<crate::lenient::LenientText>,
        >,
        ///When the file was changed; the format is not stated.
        #[serde(
            rename = "editedTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub edited_time: ::std::option::Option<crate::lenient::LenientText>,
        ///Name, of at most 250 bytes.
        #[serde(
            rename = "fileName",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_name: ::std::option::Option<crate::lenient::LenientText>,
        ///Suffix of the name.
        #[serde(
            rename = "fileSuffix",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_suffix: ::std::option::Option<crate::lenient::LenientText>,
        ///10 directory, 15 picture, 20 video, 26 word, 45 other. Open: other numbers are kept.
        #[serde(
            rename = "fileType",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_type: ::std::option::Option<crate::lenient::LenientInt>,
        ///Id of the file: an entry for `fileIds` of a task.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub id: ::std::option::Option<crate::lenient::LenientText>,
        ///Directory that the file is in; the first entry counts.
        #[serde(
            rename = "parentFolder",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub parent_folder: ::std::option::Option<
            crate::lenient::LenientList<crate::lenient::LenientText>,
        >,
        ///Size in bytes; the unit is inferred.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub size: ::std::option::Option<crate::lenient::LenientInt>,
    }
    ///A share. Source: carrier reference, getShareInfo.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct ShareInfo {
        ///How long the share is valid, as in `3`; the unit is not stated. Not in the edition of 2024-07.
        #[serde(
            rename = "expireDate",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub expire_date: ::std::option::Option<crate::lenient::LenientText>,
        ///When the share ends; an ISO instant in the reference's example.
        #[serde(
            rename = "expireTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub expire_time: ::std::option::Option<crate::lenient::LenientText>,
        ///User who shared the files.
        #[serde(
            rename = "ownerId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub owner_id: ::std::option::Option<crate::lenient::LenientText>,
        ///Name of that user.
        #[serde(
            rename = "ownerName",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub owner_name: ::std::option::Option<crate::lenient::LenientText>,
        ///What may be done with the files.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub permission: ::std::option::Option<
            crate::lenient::LenientObject<crate::generated::types::SharePermission>,
        >,
        ///Id of the share, with which tasks are created.
        #[serde(
            rename = "shareId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub share_id: ::std::option::Option<crate::lenient::LenientText>,
        ///When the share was made, as in `2024-06-03T02:20:24.274Z`.
        #[serde(
            rename = "shareTime",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub share_time: ::std::option::Option<crate::lenient::LenientText>,
        ///Short code of the link.
        #[serde(
            rename = "shortUrl",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub short_url: ::std::option::Option<crate::lenient::LenientText>,
        ///0: go by `expireTime`. 1: the files were deleted. 2: the share has expired or is invalid. Open: other numbers are kept.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub status: ::std::option::Option<crate::lenient::LenientInt>,
    }
    ///What may be done with the files of a share; "supported in the future", according to the reference. Source: carrier reference, getShareInfo.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct SharePermission {
        ///Whether the files may be downloaded.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub download: ::std::option::Option<crate::lenient::LenientBool>,
        ///Whether the files may be changed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub edit: ::std::option::Option<crate::lenient::LenientBool>,
        ///Whether the files may be previewed.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub preview: ::std::option::Option<crate::lenient::LenientBool>,
    }
    ///The state of one file. Source: carrier reference, getBatchTask.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct TaskInfo {
        ///The file in the share; "old" in the reference.
        #[serde(
            rename = "fileId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub file_id: ::std::option::Option<crate::lenient::LenientText>,
        ///The file's copy in the target space, as its name suggests.
        #[serde(
            rename = "newFileId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub new_file_id: ::std::option::Option<crate::lenient::LenientText>,
        ///Space the file came from, as its name suggests.
        #[serde(
            rename = "srcContainerId",
            skip_serializing_if = "::std::option::Option::is_none"
        )]
        pub src_container_id: ::std::option::Option<crate::lenient::LenientText>,
        ///State of the file.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub status: ::std::option::Option<crate::lenient::LenientText>,
    }
    ///The extract code of a share. Source: carrier reference, verifyExtractCode.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct VerifyExtractCodeRequest {
        ///The extract code.
        #[serde(rename = "extractCode")]
        pub extract_code: crate::credentials::RequestSecret,
        ///Short code of the link.
        #[serde(rename = "shortUrl")]
        pub short_url: ::std::string::String,
    }
    ///The temporary token for which an extract code is exchanged. Source: carrier reference, verifyExtractCode.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct VerifyExtractCodeResponse {
        ///Response code; 0 is success.
        pub code: crate::lenient::LenientCode,
        ///Temporary token for the share; its lifetime is not stated.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub kdstoken: ::std::option::Option<crate::credentials::RequestSecret>,
        ///Response information.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub msg: ::std::option::Option<crate::lenient::LenientText>,
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

Asynchronous share tasks of Huawei Cloud KooDrive: files behind a share link are packed into a zip to download, or dumped into a space of one's own. A share is looked up by its link, and its files are listed.

Hand-written from the vendor's pages; the vendor publishes no OpenAPI document. Each schema, parameter and operation names its source. A field has the source of its schema, unless it names its own. A rule that OpenAPI cannot express is marked with its name, as in "Rule `zip-name-required`, enforced by the wrapper": search the source code for that name.

Version: 1.1.0*/
pub struct Client {
    pub(crate) baseurl: String,
    pub(crate) client: reqwest::Client,
    pub(crate) inner: crate::client::exchange::Exchange,
}
impl Client {
    /// Create a new client.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new(baseurl: &str, inner: crate::client::exchange::Exchange) -> Self {}
    /// Construct a new client with an existing `reqwest::Client`,
    /// allowing more control over its configuration.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new_with_client(
        baseurl: &str,
        client: reqwest::Client,
        inner: crate::client::exchange::Exchange,
    ) -> Self {}
}
impl ClientInfo<crate::client::exchange::Exchange> for Client {
    fn api_version() -> &'static str {}
    fn baseurl(&self) -> &str {}
    fn client(&self) -> &reqwest::Client {}
    fn inner(&self) -> &crate::client::exchange::Exchange {}
}
impl Client {
    /**List the files of a share, a page at a time

Returns a page of the files in a directory of a share. The call is a POST, but it only reads, so it may be repeated. Source: carrier reference, listShareFiles.

Sends a `POST` request to `/koodrive/ose/v1/share/files`

*/
    pub async fn list_share_files<'a>(
        &'a self,
        body: &'a types::ListShareFilesRequest,
    ) -> Result<ResponseValue<types::ListShareFilesResponse>, Error<types::ErrorBody>> {}
    /**Query an asynchronous share task

Returns how far a task has come and, once it has ended, its result. The call only reads, so it may be repeated. Source: carrier reference, getBatchTask.

Sends a `POST` request to `/koodrive/ose/v1/share/taskDetail`

*/
    pub async fn get_batch_task<'a>(
        &'a self,
        body: &'a types::GetBatchTaskRequest,
    ) -> Result<ResponseValue<types::GetBatchTaskResponse>, Error<types::ErrorBody>> {}
    /**Create an asynchronous share task

Packs files behind a share link into a zip (`taskType` 1), or dumps them into a space (`taskType` 2). The reply has a task id; the work goes on in the background.

Not idempotent: nothing in a request lets the service recognise a repeated one, so a request that is sent twice is assumed to create two tasks. Source: source document; carrier reference, createBatchTask.

Sends a `POST` request to `/koodrive/ose/v1/share/tasks`

*/
    pub async fn create_batch_task<'a>(
        &'a self,
        body: &'a types::CreateBatchTaskRequest,
    ) -> Result<ResponseValue<types::CreateBatchTaskResponse>, Error<types::ErrorBody>> {}
    /**Look up a share by its link

Returns the id of a share, who shared it and whether it can still be used. The call only reads, so it may be repeated. Source: carrier reference, getShareInfo.

Sends a `GET` request to `/koodrive/ose/v1/share/userInfo`

Arguments:
- `short_url`: Short code of the share's link. Source: carrier reference, getShareInfo.
*/
    pub async fn get_share_info<'a>(
        &'a self,
        short_url: &'a ::std::string::String,
    ) -> Result<ResponseValue<types::GetShareInfoResponse>, Error<types::ErrorBody>> {}
    /**Exchange an extract code for a temporary token

Returns the kdstoken of a share that has an extract code. The reference states no change that the call makes, so it may be repeated. How many wrong codes are allowed is not stated. Source: carrier reference, verifyExtractCode.

Sends a `POST` request to `/koodrive/ose/v1/share/verify`

*/
    pub async fn verify_extract_code<'a>(
        &'a self,
        body: &'a types::VerifyExtractCodeRequest,
    ) -> Result<
        ResponseValue<types::VerifyExtractCodeResponse>,
        Error<types::ErrorBody>,
    > {}
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    pub use super::Client;
}
/// The documented headers of a request.
#[derive(Clone, Debug)]
pub struct Headers {
    pub x_date: ::reqwest::header::HeaderValue,
    pub x_hw_agentname: ::reqwest::header::HeaderValue,
    pub x_traceid: ::std::option::Option<::reqwest::header::HeaderValue>,
    pub x_user_id: ::reqwest::header::HeaderValue,
}
impl Headers {
    /// In lower case.
    pub const NAMES: &[&str] = &["x-date", "x-hw-agentname", "x-traceid", "x-user-id"];
    pub fn named(
        &self,
    ) -> [(
        ::reqwest::header::HeaderName,
        ::std::option::Option<&::reqwest::header::HeaderValue>,
    ); 4] {}
}
