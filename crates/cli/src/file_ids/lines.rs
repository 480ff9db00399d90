//! Parses lines into file ids. Pure: the callers read.

use std::{error::Error, fmt, mem};

/// The maximum length of a line in bytes. Ids are far shorter; the limit keeps a binary file from filling the memory.
const MAX_LINE: usize = 64 << 10;

/// Splits a text into lines. A line ends with a line feed, a carriage return, or both.
#[derive(Default)]
pub(crate) struct IdLines {
    line: Vec<u8>,
    number: u64,
    after_carriage_return: bool,
}

/// A line that holds no file id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidLine {
    number: u64,
    reason: &'static str,
}

impl IdLines {
    /// Reads at most one line. Returns the number of bytes it read, and the id if the line has ended and holds one.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<String>), InvalidLine> {
        let skipped = usize::from(mem::take(&mut self.after_carriage_return) && bytes.starts_with(b"\n"));
        let rest = &bytes[skipped..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = end.unwrap_or(rest.len());
        if self.line.len() + length > MAX_LINE {
            return Err(InvalidLine { number: self.number + 1, reason: "is longer than 64 KiB, so it is no id" });
        }
        self.line.extend_from_slice(&rest[..length]);
        let Some(end) = end else {
            return Ok((bytes.len(), None));
        };
        self.after_carriage_return = rest[end] == b'\r';
        Ok((skipped + end + 1, self.end_line()?))
    }

    /// The id of the last line if no line break ends it.
    pub(crate) fn finish(&mut self) -> Result<Option<String>, InvalidLine> {
        if self.line.is_empty() { Ok(None) } else { self.end_line() }
    }

    /// The number of the last line that has ended, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The id of the line. Blank lines hold none; blanks around an id and a byte order mark are dropped.
    fn end_line(&mut self) -> Result<Option<String>, InvalidLine> {
        self.number += 1;
        let invalid = |reason| InvalidLine { number: self.number, reason };
        let line = match str::from_utf8(&self.line) {
            Ok(line) => line,
            Err(_) if self.line.starts_with(b"\xff\xfe") || self.line.starts_with(b"\xfe\xff") => {
                return Err(invalid("is not valid UTF-8 but UTF-16: save the file as UTF-8"));
            }
            Err(_) => return Err(invalid("is not valid UTF-8")),
        };
        let id = line.trim_start_matches('\u{feff}').trim();
        let id = match id {
            "" => None,
            id => {
                check(id).map_err(invalid)?;
                Some(id.to_owned())
            }
        };
        self.line.clear();
        Ok(id)
    }
}

/// Refuses characters that no file id holds. They show that the input is a table, a list, or in another encoding.
pub(crate) fn check(id: &str) -> Result<(), &'static str> {
    let reason = match id.chars().find(|char| char.is_control() || *char == ',') {
        None if id.is_empty() => "is empty",
        None => return Ok(()),
        Some('\0') => "holds NUL characters, as UTF-16 does: save the file as UTF-8",
        Some('\t') => "holds a tab: give one id a line and nothing else",
        Some(',') => "holds a comma: give one id a line and nothing else",
        Some(_) => "holds a control character",
    };
    Err(reason)
}

/// `line 3 holds a tab: give one id a line and nothing else`
impl fmt::Display for InvalidLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} {}", self.number, self.reason)
    }
}

impl Error for InvalidLine {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text that arrives in pieces of this size.
    fn read(text: &[u8], piece: usize) -> Result<Vec<String>, String> {
        let (mut lines, mut ids) = (IdLines::default(), Vec::new());
        for mut bytes in text.chunks(piece) {
            while !bytes.is_empty() {
                let (length, id) = lines.read(bytes).map_err(|invalid| invalid.to_string())?;
                ids.extend(id.map(|id| format!("{} {id}", lines.number())));
                bytes = &bytes[length..];
            }
        }
        let last = lines.finish().map_err(|invalid| invalid.to_string())?;
        ids.extend(last.map(|id| format!("{} {id}", lines.number())));
        Ok(ids)
    }

    #[test]
    fn lines_are_the_same_however_they_end_and_arrive() {
        // Each id comes with the number of its line.
        let cases: [(&[u8], &[&str]); 6] = [
            (b"F1\nF2\n", &["1 F1", "2 F2"]),
            (b"F1\r\nF2\r\n", &["1 F1", "2 F2"]),
            (b"F1\rF2\r", &["1 F1", "2 F2"]),
            (b"F1\n\r\n\rF4", &["1 F1", "4 F4"]),
            (b"\xef\xbb\xbfF1\n \tF2 \t\n", &["1 F1", "2 F2"]),
            (b"", &[]),
        ];
        for (text, expected) in cases {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            for piece in 1..=text.len().max(1) {
                assert_eq!(read(text, piece).as_ref(), Ok(&expected), "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn lines_without_an_id_are_refused_by_number_and_reason() {
        let little_endian: Vec<u8> = "\u{feff}F1\r\nF2".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big_endian: Vec<u8> = "\u{feff}F1\r\nF2".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let long = [b"F1\n".as_slice(), &vec![b'x'; MAX_LINE + 1]].concat();
        let cases: [(&[u8], &str); 10] = [
            (&little_endian, "line 1 is not valid UTF-8 but UTF-16"),
            (&big_endian, "line 1 is not valid UTF-8 but UTF-16"),
            (&little_endian[2..], "line 1 holds NUL characters, as UTF-16 does"),
            (&big_endian[2..], "line 1 holds NUL characters, as UTF-16 does"),
            (b"F1\n\xff\n", "line 2 is not valid UTF-8"),
            (b"F1\r\r\nF3\tx", "line 3 holds a tab"),
            (b"F1,F2\n", "line 1 holds a comma"),
            (b"F1\n\x1b[0mF2\n", "line 2 holds a control character"),
            (b"F1\n\xc2\x9bF2", "line 2 holds a control character"),
            (&long, "line 2 is longer than 64 KiB"),
        ];
        for (text, expected) in cases {
            let refused = read(text, 1_000).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}, not {expected}");
        }
    }
}
