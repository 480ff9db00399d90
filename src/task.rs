//! A share task that was created.

pub(crate) mod handle;
pub(crate) mod status;
pub(crate) mod wire;
