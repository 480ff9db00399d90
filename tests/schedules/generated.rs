//! The part of the generated client that bulk runs use.

pub(crate) mod types {
    use serde::{Deserialize, Serialize};

    use crate::{credentials::KdsToken, share_task::TaskType};

    #[derive(Clone, Debug, Deserialize, Serialize)]
    pub(crate) struct CreateBatchTaskRequest {
        pub(crate) container_id: String,
        pub(crate) file_ids: Vec<String>,
        pub(crate) kdstoken: Option<KdsToken>,
        pub(crate) share_id: String,
        pub(crate) target_file_id: Option<FileIdInfo>,
        pub(crate) task_type: TaskType,
        pub(crate) zip_name: Option<String>,
    }

    #[derive(Clone, Debug, Deserialize, Serialize)]
    pub(crate) struct FileIdInfo {
        pub(crate) container_id: String,
        pub(crate) file_id: String,
    }
}
