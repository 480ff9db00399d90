//! A typed mock of the service, to test code that calls this crate: the test says what the service answers.
//!
//! [`MockServerExt`] gives [`httpmock`]'s server a method for each operation. Requests and replies are the types of the
//! API, so that a test that no longer fits it does not compile.
//!
//! ```
//! use koodrive_share::mock::{CreateBatchTaskResponse, MockServerExt, httpmock::MockServer};
//! use koodrive_share::{Client, Credentials, ServiceCode, ShareTask};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::start_async().await;
//! let task = ShareTask::package_download("photos.zip")
//!     .share_id("s")
//!     .container_id("c")
//!     .file_ids(["f"])
//!     .build()?;
//! let created = server.create_batch_task(|when, then| {
//!     when.x_traceid(task.trace_id()).body(&(&task).into());
//!     then.ok(&CreateBatchTaskResponse {
//!         code: ServiceCode::Success,
//!         msg: None,
//!         task_id: Some("42".to_owned()),
//!     });
//! });
//! let client = Client::builder()
//!     .endpoint(server.base_url())
//!     .credentials(Credentials::bearer("t0ken"))
//!     .user_id("7")
//!     .agent_name("carrier")
//!     .build()?;
//! assert_eq!(client.create(&task).await?.task_id(), "42");
//! created.assert();
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - The mock checks what the test asks it to check. For a service that checks every rule and keeps tasks, use the
//!   emulator (feature `emulator`).
//! - The requests and replies here serialise their secrets, as the wire does: keep them to tests.
//! - They are generated from the spec: a field that is added to it is added to them in a minor version.

pub use httpmock;

pub use self::generated::{MockServerExt, operations};
pub use crate::{
    credentials::KdsToken,
    generated::types::{
        CreateBatchTaskRequest, CreateBatchTaskResponse, ErrorBody, FileIdInfo, GetBatchTaskRequest,
        GetBatchTaskResponse, JobInfo, TaskInfo,
    },
    task::{CompactTime, OpenNumber, TaskInfos, WireUrl},
};

use crate::ShareTask;

#[allow(clippy::pedantic, missing_debug_implementations, missing_docs, reason = "the generator's style")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/httpmock.rs"));
}

/// The body that the task is sent with.
impl From<&ShareTask> for CreateBatchTaskRequest {
    fn from(task: &ShareTask) -> Self {
        task.body().clone()
    }
}
