//! The client, from flags and variables.

use koodrive_share::{Client, ClientBuilder, Credentials};

use crate::{
    args::ServiceArgs,
    exit::{CommandError, Exit},
    secret,
};

/// The client that the variables describe, with what the flags say instead.
pub(crate) fn client(service: ServiceArgs) -> Result<Client, CommandError> {
    let mut builder = ClientBuilder::from_env();
    if let Some(endpoint) = service.endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let Some(user_id) = service.user_id {
        builder = builder.user_id(user_id);
    }
    if let Some(agent_name) = service.agent_name {
        builder = builder.agent_name(agent_name);
    }
    if let Some(path) = service.token_file {
        builder = builder.credentials(Credentials::bearer(secret::read(&path)?));
    }
    builder.build().map_err(|error| match error.validation_error() {
        Some(broken) => broken.into(),
        None => CommandError::new(Exit::Failed, &error),
    })
}
