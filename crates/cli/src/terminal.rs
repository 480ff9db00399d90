//! What the terminal of the standard error can show, and a prompt that does not echo.

use std::io::{self, IsTerminal, Write as _};

use tokio::task::spawn_blocking;

use crate::{interrupts::Interrupts, output::stderr};

/// Whether the standard error is a terminal whose cursor can move. One that is called `dumb` is not.
pub(crate) fn is_capable() -> bool {
    io::stderr().is_terminal() && anstyle_query::term_supports_color()
}

/// Whether the standard error may have colours. Source: <https://no-color.org>: an empty variable counts as not set.
pub(crate) fn has_colours() -> bool {
    // Escape sequences have to be enabled in a Windows console, and old consoles do not know them.
    let has_sequences = || anstyle_query::windows::enable_ansi_colors() != Some(false);
    is_capable() && !anstyle_query::no_color() && (has_sequences() || anstyle_query::term_supports_ansi_color())
}

/// Asks for a line, which the terminal does not show. Returns `None` if an interrupt comes first.
pub(crate) async fn ask_unseen(question: &str) -> io::Result<Option<String>> {
    let mut interrupts = Interrupts::new()?;
    let line = {
        // This is dropped after an interrupt, too, so that the terminal echoes again at the shell.
        let _unseen = unseen::Unseen::new()?;
        // A failure is ignored: if the terminal has gone, reading the line fails.
        let _ = write!(io::stderr().lock(), "{question}");
        interrupts.unless_interrupted(spawn_blocking(unseen::read_line)).await
    };
    stderr("");
    line.map(|line| line.map_err(io::Error::other)?).transpose()
}

#[cfg(unix)]
mod unseen {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// Turns off the terminal's echo until it is dropped, and the keys that suspend or quit, after which nothing could
    /// turn the echo on again. The signals themselves, from another process, still do both. They are not handled
    /// because tokio's handlers stay installed, so that the keys would do nothing in the rest of the run either.
    pub(super) struct Unseen(Termios);

    impl Unseen {
        pub(super) fn new() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut unseen = before.clone();
            unseen.local_modes.remove(LocalModes::ECHO);
            // The value that disables a key differs between systems. So these functions get the key of the interrupt,
            // which then only interrupts.
            let interrupt = unseen.special_codes[SpecialCodeIndex::VINTR];
            for key in [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP] {
                unseen.special_codes[key] = interrupt;
            }
            tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
            Ok(Self(before))
        }
    }

    impl Drop for Unseen {
        fn drop(&mut self) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    pub(super) fn read_line() -> io::Result<String> {
        let mut line = String::new();
        match io::stdin().read_line(&mut line)? {
            // The terminal has gone, or the user ended the input.
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal gave no line")),
            _ => Ok(line),
        }
    }
}

#[cfg(windows)]
mod unseen {
    use std::io;

    /// Keys are read one by one, which the console does not echo.
    pub(super) struct Unseen;

    impl Unseen {
        pub(super) fn new() -> io::Result<Self> {
            if console::Term::stderr().features().is_msys_tty() {
                return Err(io::Error::other(
                    "this terminal shows what is typed: give --extract-code-file, or start the command by winpty",
                ));
            }
            Ok(Self)
        }
    }

    pub(super) fn read_line() -> io::Result<String> {
        console::Term::stderr().read_secure_line()
    }
}
