//! Fixtures of most tests.

use koodrive_share::{
    Client, ClientBuilder, Credentials, ShareTask, ShareTaskBuilder, TargetDirectory, ValidationError,
};
use koodrive_share_emulator::{Emulator, EmulatorBuilder};

pub(crate) const SPACE: &str = "IAABh_RdhS8bOg0cA1684711052660690818";
pub(crate) const SHARE: &str = "1689765568237837824";
pub(crate) const FILE: &str = "Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI";
pub(crate) const DIRECTORY: &str = "FhTB_fxx3LRszaivDFX9NN5JRNLnS9Gob";
pub(crate) const KDSTOKEN: &str = "aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c";
/// A trace id with every kind of character that it may have.
pub(crate) const TRACE_ID: &str = "0123456789_abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRST";
pub(crate) const USER: &str = "1505084218764547200";

/// An emulator that refuses what the reference does not mention, and so shows that the client sends nothing else.
pub(crate) fn strict_emulator() -> EmulatorBuilder {
    Emulator::builder().strict(true)
}

/// A client with the emulator's default token.
pub(crate) fn client(emulator: &Emulator) -> Client {
    builder(emulator).build().unwrap()
}

pub(crate) fn builder(emulator: &Emulator) -> ClientBuilder {
    builder_at(emulator.endpoint())
}

/// A builder with all that a client needs, for any endpoint.
pub(crate) fn builder_at(endpoint: &str) -> ClientBuilder {
    Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id(USER)
        .agent_name("carrier")
}

/// The source document's example request.
pub(crate) fn dump() -> ShareTaskBuilder {
    dump_template().file_ids([FILE])
}

pub(crate) fn package() -> ShareTaskBuilder {
    package_template().file_ids([FILE])
}

/// [`dump`] without file ids, as a bulk run takes it.
pub(crate) fn dump_template() -> ShareTaskBuilder {
    let target = TargetDirectory::new(DIRECTORY, SPACE);
    ShareTask::dump(target).share_id(SHARE).container_id(SPACE).kdstoken(KDSTOKEN)
}

/// [`package`] without file ids, as a bulk run takes it.
pub(crate) fn package_template() -> ShareTaskBuilder {
    ShareTask::package_download("photos.zip").share_id(SHARE).container_id(SPACE)
}

/// The broken rules as `path rule`, in order.
pub(crate) fn broken(error: &ValidationError) -> Vec<String> {
    let violations = error.violations().iter();
    violations.map(|violation| format!("{} {}", violation.path, violation.rule)).collect()
}
