//! What the standard error can show.

use std::io::{self, IsTerminal};

/// Whether it is a terminal that understands escape sequences; one that is called `dumb` does not.
pub(crate) fn is_capable() -> bool {
    io::stderr().is_terminal() && anstyle_query::term_supports_ansi_color()
}

/// Whether colours are welcome there. Source: <https://no-color.org>, which lets an empty variable say nothing.
pub(crate) fn has_colours() -> bool {
    is_capable() && !anstyle_query::no_color()
}
