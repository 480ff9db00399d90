//! What the standard error can show, and lines that are typed unseen.

use std::io::{self, IsTerminal, Write as _};

use tokio::task::spawn_blocking;

use crate::{interrupts::Interrupts, output::stderr};

/// Whether it is a terminal whose cursor moves; that of one that is called `dumb` does not.
pub(crate) fn is_capable() -> bool {
    io::stderr().is_terminal() && anstyle_query::term_supports_color()
}

/// Whether colours are welcome there. Source: <https://no-color.org>, which lets an empty variable say nothing.
pub(crate) fn has_colours() -> bool {
    // A console of Windows has to be told that it will get escape sequences, and an old one knows none.
    let has_sequences = || anstyle_query::windows::enable_ansi_colors() != Some(false);
    is_capable() && !anstyle_query::no_color() && (has_sequences() || anstyle_query::term_supports_ansi_color())
}

/// Asks for a line, which the terminal does not show. Nothing if an interrupt comes before.
pub(crate) async fn ask_unseen(question: &str) -> io::Result<Option<String>> {
    let mut interrupts = Interrupts::new()?;
    let line = {
        // It ends with an interrupt, too: who types on at the shell sees it.
        let _unseen = unseen::Unseen::new()?;
        // Where nobody can be asked, nobody answers.
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

    /// A terminal that echoes nothing until this is dropped. Its keys neither suspend nor quit: after either, nothing could
    /// give the echo back. The same signals from another process do both: a handler of tokio's stays for good, so with one these
    /// keys would do nothing in the rest of the run, either.
    pub(super) struct Unseen(Termios);

    impl Unseen {
        pub(super) fn new() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut unseen = before.clone();
            unseen.local_modes.remove(LocalModes::ECHO);
            // What turns a key off differs between systems. One that interrupts as well only does that.
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
            // The terminal has gone, or somebody ended the input.
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
