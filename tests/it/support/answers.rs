//! Single calls that get the answer of a test.

use koodrive_share::{Client, Error, ShareTask, TaskHandle, TaskStatus};
use koodrive_share_emulator::{Answer, Emulator, Fault};

use super::fixtures::{SHARE, builder, dump, strict_emulator};

/// A service that sends the answers of a test, and a client that makes one attempt.
pub(crate) struct AnsweringService {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
    pub(crate) task: ShareTask,
}

impl AnsweringService {
    pub(crate) async fn start() -> Self {
        let emulator = strict_emulator().start().await.unwrap();
        let client = builder(&emulator).max_attempts(1).build().unwrap();
        Self { emulator, client, task: dump().build().unwrap() }
    }

    /// Makes a creation that gets this answer.
    pub(crate) async fn create(&self, answer: Answer) -> Result<TaskHandle, Error> {
        self.emulator.fail_next(Fault::Reply(answer));
        let created = self.client.create(&self.task).await;
        self.assert_one_request();
        created
    }

    /// Makes a query about the task with this id that gets this answer.
    pub(crate) async fn status(&self, task_id: &str, answer: Answer) -> Result<TaskStatus, Error> {
        self.emulator.fail_next(Fault::Reply(answer));
        let handle = TaskHandle::new(task_id, SHARE, self.client.endpoint(), None);
        let status = self.client.status(&handle).await;
        self.assert_one_request();
        status
    }

    /// Asserts that only one request was sent: any other would have made a task.
    fn assert_one_request(&self) {
        assert_eq!((self.emulator.faults_left(), self.emulator.tasks().len()), (0, 0));
    }
}

/// An answer with status 200 and this body, which need not be JSON.
pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200).header("Content-Type", "application/json").body(body)
}
