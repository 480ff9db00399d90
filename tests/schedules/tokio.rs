//! The parts of tokio that the library uses. Shuttle decides which task runs next at every await and at every use of a
//! watch channel. Time passes only where a test lets it pass. The package `shuttle-tokio` supports neither time nor the
//! panic of a task.

pub(crate) mod sync;
pub(crate) mod task;
pub(crate) mod time;

pub(crate) use self::task::spawn;

/// Makes a key without a value, since no test has a provider that calls its own client.
macro_rules! task_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty;) => {
        $(#[$attribute])*
        static $name: $crate::tokio::task::LocalKey<$type> = $crate::tokio::task::LocalKey::new();
    };
}

pub(crate) use task_local;
