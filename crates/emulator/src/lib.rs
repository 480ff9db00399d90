#![doc = include_str!("../README.md")]
//!
//! # What it can play
//!
//! | behaviour of the service | set by |
//! |---|---|
//! | how tasks move, how getBatchTask describes them, how long it doesn't know them | [`Schedule`], [`Step`], [`HiddenTask`] |
//! | the JSON forms that editions of the reference differ in | [`CodeShape`], [`TaskInfosShape`], [`Edition`], [`Step::member`] |
//! | an answer instead of the real one, a closed connection, a cut body, a delay | [`Fault`], [`Answer`] |
//! | lost replies to some of the creations | [`EmulatorBuilder::lose_reply_every`] |
//! | a limit on the rate of calls | [`Throttle`] |
//! | the package at a download URL: its size and names, ranges, cuts, URLs that lapse, wrong lengths, redirects | [`Package`] |
//! | a wrong clock of the service, or of an intermediary | [`EmulatorBuilder::clock_offset`], [`EmulatorBuilder::stamped_date`] |
//! | tokens that expire, shares that need a kdstoken | [`Emulator::revoke_token`], [`EmulatorBuilder::share_access`] |
//! | shares: links, extract codes, expiry, pages, directories of any size, kdstokens that lapse | [`EmulatedShare`], [`SharedFile`] |
//!
//! # What is checked, in this order
//!
//! | rule | refused with |
//! |---|---|
//! | path; method POST, or GET for getShareInfo | 404 `APIGW.0101`; 405 `APIGW.0103` |
//! | the limit of [`EmulatorBuilder::throttle`], if it's set | 429 `APIGW.0308` |
//! | Authorization, one of the accepted credentials; an app signature is verified over the raw request | 401 `APIGW.0301` |
//! | no query string, except for getShareInfo | 400 `13000102` |
//! | if strict: no headers but the documented ones, Host, Accept, Accept-Encoding, Content-Type, Content-Length, User-Agent and Connection; none of them twice, except Accept, Accept-Encoding and Connection | 400 `13000102` |
//! | X-Date: a real date, `yyyyMMdd'T'HHmmss'Z'` | 400 `13000102` |
//! | X-Date: not after the server's time, not more than 15 min 0 s before it | 401 `APIGW.0301` |
//! | X-User-Id, X-Hw-Agentname: printable ASCII; X-Traceid, if sent: `^[0-9A-Za-z_]{58}$`; Content-Type `application/json` | 400 `13000102` |
//! | the body: a JSON object, no name twice, all mandatory fields, no `null` and no empty string in a documented field, `fileIds` 1 to 1,000 strings, `zipName` for `taskType` 1, `targetFileId` for 2, `pageSize` 1 to 100, `sortType` 1, 2 or 4, `sortDirection` 1 or 2; if strict: no other field. For getShareInfo: no body, then `shortUrl` in the query, once; if strict: nothing else in the query | 400 `13000102` |
//! | `kdstoken`, if [`EmulatorBuilder::share_access`] demands a certain one | 400 `13000410` |
//! | the share of the link exists; except for getShareInfo, the share of the link or the task has neither expired nor been deleted | 400 `13000309` |
//! | the extract code is the share's and not used up | 400 `13000102` |
//! | `kdstoken`, if the share has an extract code | 400 `13000410` |
//! | listShareFiles: `pageCursor` has the emulator's form; `parentFolder` is a directory of the share | 400 `13000101`; 400 `13000309` |
//! | createBatchTask: the files are in the share, if that is one of the emulator's, and in `containerId` | 400 `13000302` |
//! | getBatchTask: the task exists in that share | 400 `13000309` |
//!
//! `APIGW.…` come as `{error_code, error_msg}`, the others as `{code, msg}` with `code` typed String. Error texts can
//! repeat what was sent, as the service's do: an app id, the canonical request.
//!
//! # Limits
//!
//! - It speaks HTTP/1.1 without TLS, on loopback only. What isn't HTTP is answered by the HTTP layer and not recorded.
//! - Bodies up to [`Emulator::BODY_LIMIT`]; more is a 413 `APIGW.0201`.
//! - The reference doesn't say what the service does with a request that breaks two rules, or which code refuses a
//!   kdstoken, an extract code or a share that has ended. The order above, these codes and the 400s of a strict
//!   emulator are the emulator's choice.
//! - Some refusals are the emulator's choice, too, since the reference doesn't state them: empty texts, header values that
//!   aren't printable ASCII, a query where none is listed, a body of getShareInfo, a body of another Content-Type than JSON,
//!   and a call about a share without X-Hw-Agentname, which the standard edition doesn't list there. If a share has an
//!   extract code, every call but getShareInfo and verifyExtractCode needs a kdstoken; a status needs the task's share id.
//! - The first value of a repeated header counts, unless the emulator is strict. A repeated Authorization is always
//!   refused, and so is a repeated header that a signature covers.
//! - It's made for tests and examples: credentials are compared plainly, and it keeps what it receives in memory.

mod answer;
mod answered;
mod archive;
mod authentication;
mod body;
mod builder;
mod connection;
mod edition;
mod emulator;
mod fault;
mod hidden_task;
mod json_member;
mod json_object;
mod package;
mod request;
mod rules;
mod schedule;
mod server;
mod share;
mod shared_file;
mod signature;
mod task;
mod task_step;
mod throttle;

pub use answer::Answer;
pub use answered::Answered;
pub use builder::EmulatorBuilder;
pub use edition::Edition;
pub use emulator::Emulator;
pub use fault::Fault;
pub use hidden_task::HiddenTask;
pub use package::Package;
pub use request::RecordedRequest;
pub use rules::Operation;
pub use schedule::Schedule;
pub use share::EmulatedShare;
pub use shared_file::SharedFile;
pub use task::EmulatedTask;
pub use task_step::{CodeShape, Step, TaskInfosShape};
pub use throttle::Throttle;
