//! What the library uses of tokio, where shuttle decides who goes on: at every await and at every use of a channel that is
//! watched. Time passes only where a test lets it pass. The package `shuttle-tokio` has no time, and no panic of a task.

pub(crate) mod sync;
pub(crate) mod task;
pub(crate) mod time;

pub(crate) use self::task::spawn;

/// Keeps nothing: no test has a provider that calls its own client.
macro_rules! task_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty;) => {
        $(#[$attribute])*
        static $name: $crate::tokio::task::LocalKey<$type> = $crate::tokio::task::LocalKey::new();
    };
}

pub(crate) use task_local;
