//! Signals that ask the process to end.
//!
//! Every command that waits handles them: the first process of a container is not ended by a signal that it does not
//! handle.

use std::{path::Path, process};

use crate::{
    exit::{CommandError, Exit},
    output::stderr,
};

#[cfg(unix)]
pub(crate) use self::unix::Interrupts;
#[cfg(windows)]
pub(crate) use self::windows::Interrupts;

/// The error of an interrupted command that only reads.
pub(crate) fn interrupted() -> CommandError {
    CommandError { exit: Exit::Failed, message: "interrupted".to_owned() }
}

/// Reads a path, before anything is sent. If it is no regular file, reading may block, and an interrupt ends the
/// process.
pub(crate) fn while_interruptible<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    if path.is_file() {
        return read();
    }
    let mut interrupts = Interrupts::new()?;
    let watch = tokio::spawn(async move {
        interrupts.next().await;
        stderr(&format!("error: {}", interrupted()));
        process::exit(1)
    });
    let read = read();
    watch.abort();
    read
}

impl Interrupts {
    /// Awaits a future. Returns `None` if an interrupt comes first.
    pub(crate) async fn unless_interrupted<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = future => Some(done),
            () = self.next() => None,
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal};

    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signals that ask a process to end: Ctrl-C, `kill`, and a terminal that is closed.
    pub(crate) struct Interrupts {
        interrupt: Signal,
        terminate: Signal,
        hang_up: Option<Signal>,
    }

    impl Interrupts {
        pub(crate) fn new() -> io::Result<Self> {
            // This is read first: once a handler is installed, the signal is no longer ignored.
            let hang_up_is_ignored = hang_up_is_ignored();
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: if hang_up_is_ignored { None } else { Some(signal(SignalKind::hangup())?) },
            })
        }

        /// Waits for the next signal. A hang-up counts only as the first one: a terminal that is closed may send it
        /// twice, and systemd sends it right after the signal to terminate.
        pub(crate) async fn next(&mut self) {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = hang_up => {}
            }
            // tokio's handler stays installed, so further hang-ups do nothing.
            self.hang_up = None;
        }
    }

    /// Whether the process was started with the hang-up ignored, as `nohup` does.
    fn hang_up_is_ignored() -> bool {
        match std::fs::read_to_string("/proc/self/status") {
            Ok(status) => ignores_hang_up(&status).unwrap_or(false),
            // Without /proc only `sigaction` tells, and calling it is unsafe. Under `nohup` the standard error is no
            // terminal; then no handler is installed and the signal keeps its disposition.
            Err(_) => !io::stderr().is_terminal(),
        }
    }

    /// Reads the mask of the signals that are ignored. Source: `proc_pid_status(5)`, `SigIgn`.
    fn ignores_hang_up(status: &str) -> Option<bool> {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        // Signal n is bit n - 1, and a hang-up is 1.
        let hang_up = 1 << (SignalKind::hangup().as_raw_value() - 1);
        Some(mask & hang_up != 0)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ignored_hang_up_is_read_from_the_mask() {
            assert_eq!(ignores_hang_up("Name:\ttool\nSigIgn:\t0000000000000001\n"), Some(true));
            // The mask of a Rust process, which ignores SIGPIPE (13) and nothing else.
            assert_eq!(ignores_hang_up("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"), Some(false));
            assert_eq!(ignores_hang_up("Name:\ttool\n"), None);
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
    };

    /// The events that ask a process to end: Ctrl-C, Ctrl-Break, a console that is closed, and a shutdown.
    ///
    /// Windows ends the process some seconds after the last two.
    pub(crate) struct Interrupts {
        interrupt: CtrlC,
        terminate: CtrlBreak,
        hang_up: CtrlClose,
        shutdown: CtrlShutdown,
    }

    impl Interrupts {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                terminate: ctrl_break()?,
                hang_up: ctrl_close()?,
                shutdown: ctrl_shutdown()?,
            })
        }

        /// Waits for the next event.
        pub(crate) async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = self.hang_up.recv() => {}
                _ = self.shutdown.recv() => {}
            }
        }
    }
}
