//! Scripted faults.

use std::time::Duration;

use crate::answer::Answer;

/// What happens to one request instead of plain processing.
///
/// Queue it with [`Emulator::fail_next`](crate::Emulator::fail_next), for a request on any path, or with
/// [`fail_next_of`](crate::Emulator::fail_next_of), for an operation. Each request that arrives takes the oldest fault
/// that applies to it. `Fault::Delay(Duration::ZERO)` lets one request through untouched.
///
/// "Processed" means: checked like any other request. A request that breaks a rule makes no task, with or without a
/// fault.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The answer is sent and the request isn't processed: no rule is checked, no task is made.
    Reply(Answer),
    /// The request is processed, then this answer is sent in place of the real one. Models a lost reply, such as a 504
    /// from a gateway that gave up waiting.
    ReplyAfterProcessing(Answer),
    /// The request is processed, then the connection closes without a byte of answer.
    CloseAfterProcessing,
    /// The request is processed, then the connection closes after the answer's head and this many bytes of its body:
    /// a truncated body under an intact status. If the body is no longer than that, it arrives whole before the
    /// connection closes.
    CutAnswer {
        /// Bytes of the body let through; 0 leaves the head alone.
        after: usize,
    },
    /// The request waits this long, then is processed as usual, even if the caller has hung up meanwhile: what a
    /// client's time-out leaves behind. Measured by tokio's clock, so paused time applies. X-Date is checked after the
    /// wait.
    Delay(Duration),
}
