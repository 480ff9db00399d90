//! A share task that exists.

pub(crate) mod handle;
pub(crate) mod status;
pub(crate) mod wire;
