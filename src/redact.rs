//! Redaction of texts: masks secrets, and escapes what must not be shown.

use std::{collections::BTreeSet, mem, ops::Range};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The characters to percent-encode: all but RFC 3986's unreserved ones.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same characters except slashes, which common encoders do not encode.
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The longest service text that is kept, in characters.
const MESSAGE_LIMIT: usize = 1_000;

/// The shortest secret that is masked, in characters. To mask one or two characters would mangle any text and protect
/// nothing.
const MIN_SECRET: usize = 3;

/// The shortest secret that is masked even within an id, in characters.
///
/// A shorter secret, such as an extract code of four digits, occurs in an id by chance. Nobody can recognize it there,
/// and the vendor's support needs the id to find a request.
const MIN_SECRET_IN_ID: usize = 8;

/// The shortest word of letters, digits, `-` and `_` that counts as an id, in characters.
const MIN_ID: usize = 16;

/// Masks the words of a text that hold a URL.
pub(crate) fn mask_urls(text: &str) -> String {
    mask(text, find_urls(text))
}

/// Masks the secrets in a text, in upper or lower case, also if they are percent-encoded or escaped as in JSON.
pub(crate) fn redact(text: &str, secrets: &[&str]) -> String {
    let text = unescaped_around(text, secrets);
    mask(&text, find_secrets(&text, secrets))
}

/// Masks these ranges of a text, which may overlap.
fn mask(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_unstable_by_key(|range| range.start);
    let (mut masked, mut end) = (String::new(), 0);
    for range in ranges {
        if range.start >= end {
            masked.extend([&text[end..range.start], "***"]);
        }
        end = end.max(range.end);
    }
    masked + &text[end..]
}

/// Returns the ranges where a text repeats the secrets in any of their forms.
fn find_secrets(text: &str, secrets: &[&str]) -> Vec<Range<usize>> {
    // The ASCII lower case keeps all byte positions of the text.
    let lower = text.to_ascii_lowercase();
    let secrets = secrets.iter().filter(|secret| secret.chars().count() >= MIN_SECRET);
    // The set drops equal forms: most secrets have only one.
    let forms: BTreeSet<_> = secrets.flat_map(|secret| forms(secret)).collect();
    forms.iter().flat_map(|form| find_secret(&lower, form)).collect()
}

/// Returns the ranges of the words that hold a URL, which may be percent-encoded once or twice, as a whole or in part.
fn find_urls(text: &str) -> Vec<Range<usize>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let ends = text.match_indices(' ').map(|(end, _)| end).chain([text.len()]);
    let words = ends.scan(0, |start, end| Some(mem::replace(start, end + 1)..end));
    words.filter(|word| decoded(&decoded(&text[word.clone()])).contains("://")).collect()
}

/// Returns the forms in which a text may repeat a secret, in lower case.
fn forms(secret: &str) -> [String; 4] {
    // A body that is not JSON may quote JSON.
    let quoted = serde_json::Value::from(secret).to_string();
    let [encoded, path] = [ENCODED, ENCODED_PATH].map(|set| utf8_percent_encode(secret, set).to_string());
    [unescaped(secret), unescaped(&quoted[1..quoted.len() - 1]), encoded, path].map(|form| form.to_ascii_lowercase())
}

/// Returns the ranges where a secret must be masked.
fn find_secret(text: &str, secret: &str) -> Vec<Range<usize>> {
    let ends_word = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    let is_long = secret.len() >= MIN_SECRET_IN_ID || secret.contains(ends_word);
    let found = text.match_indices(secret).map(|(start, _)| start..start + secret.len());
    let is_in_id = |range: &Range<usize>| {
        let before = text[..range.start].chars().rev().take(MIN_ID).take_while(|c| !ends_word(*c)).count();
        let after = text[range.end..].chars().take(MIN_ID).take_while(|c| !ends_word(*c)).count();
        before + secret.len() + after >= MIN_ID
    };
    found.filter(|range| is_long || !is_in_id(range)).collect()
}

/// Returns the text without the JSON escapes that could hide a secret or a URL: `\/`, and those of visible ASCII, such
/// as `\u003d`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii_graphic) {
            Some(code) => {
                unescaped.push(code.into());
                unescaped.push_str(&part[4..]);
            }
            None => unescaped.extend(["\\u", part]),
        }
    }
    // A slash may have been escaped more than once.
    let parts = unescaped.split_inclusive('/').map(|part| match part.strip_suffix('/') {
        Some(before) => [before.trim_end_matches('\\'), "/"],
        None => [part, ""],
    });
    parts.flatten().collect()
}

/// Does the same as [`unescaped`], but keeps an escape that crosses the beginning or the end of a secret.
fn unescaped_around(text: &str, secrets: &[&str]) -> String {
    // A short secret may be a part of an escape.
    let long: Vec<&str> = secrets.iter().copied().filter(|secret| secret.len() >= MIN_SECRET_IN_ID).collect();
    let mut cuts = vec![0, text.len()];
    cuts.extend(find_secrets(text, &long).into_iter().flat_map(|range| [range.start, range.end]));
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| unescaped(&text[cut[0]..cut[1]])).collect()
}

/// Makes a text of the service safe to show: masks the secrets, escapes characters that end a line or move a cursor,
/// and shortens the text.
pub(crate) fn sanitize_for_display(text: &str, secrets: &[&str]) -> String {
    let mut shown = String::new();
    for (n, character) in redact(text, secrets).chars().enumerate() {
        if n == MESSAGE_LIMIT {
            shown.push('…');
            break;
        }
        if character.is_control() || is_line_or_order(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Does the same as [`sanitize_for_display`], and also masks URLs: that of a package is a secret.
pub(crate) fn sanitize_message(text: &str, secrets: &[&str]) -> String {
    let text = unescaped_around(text, secrets);
    // Mask both at once: a secret may be part of a URL, or a URL part of a secret.
    let masked = mask(&text, [find_secrets(&text, secrets), find_urls(&text)].concat());
    sanitize_for_display(&masked, secrets)
}

/// Whether a character ends a line or changes the direction of text, but is not a control character.
fn is_line_or_order(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn secrets_are_masked_the_longest_first() {
        assert_eq!(redact("token abc, abcdef", &["abc", "abcdef"]), "token ***, ***");
    }

    #[test]
    fn a_secret_is_masked_in_every_case_and_percent_encoded() {
        let secret = "tok+En/1a~b.c==";
        for echo in [
            "tok+En/1a~b.c==",
            "TOK+EN/1A~B.C==",
            "tok%2BEn%2F1a~b.c%3D%3D",
            "tok%2ben%2f1a~b.c%3d%3d",
            "tok%2BEn/1a~b.c%3D%3D",
        ] {
            assert_eq!(redact(&format!("Ä {echo}é{echo}."), &[secret]), "Ä ***é***.", "{echo}");
        }
        assert_eq!(redact("schlüssel SCHLÜSSEL schl%C3%BCssel", &["schlüssel"]), "*** SCHLÜSSEL ***");
    }

    /// A reply may hold a mebibyte of text that is costly to redact.
    #[test]
    fn the_time_to_redact_is_linear_in_the_length() {
        let start = Instant::now();
        for (text, secret) in
            [("\\", "\\\\/"), ("\\/", "/"), ("\\u", "\\u005c"), ("abc", "abc"), ("ab", "abab"), ("://", "%25")]
        {
            sanitize_message(&format!("{}/", text.repeat(1 << 17)), &[secret, "abc"]);
        }
        // This takes a second on a machine without load. A time that grew with the square of the length would be
        // minutes.
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }

    #[test]
    fn a_secret_of_two_characters_mangles_nothing() {
        assert_eq!(redact("a message", &["a", "es", ""]), "a message");
    }

    /// Anywhere else, a short secret is masked.
    #[test]
    fn a_short_secret_mangles_no_id() {
        let trace_id = format!("{}1234{}", "a_".repeat(20), "b".repeat(14));
        for id in [&trace_id, "550e8400-1234-41d4-a716-446655440000", "81234567890123456", "request_id_1234x"] {
            for text in [id.to_owned(), format!("{id}: no"), format!("no {id}"), format!("{{\"id\":\"{id}\"}}")] {
                assert_eq!(redact(&text, &["1234"]), text);
            }
        }
        for text in ["1234", "code 1234.", "code=1234&id=1", "%221234%22", "extractCode1234", "é1234é", "code-1234"] {
            assert_eq!(redact(text, &["1234"]), text.replace("1234", "***"));
        }
        assert_eq!(redact("no 12.4/1234567890123456", &["12.4/1"]), "no ***234567890123456");
        let id = "x12345678".repeat(4);
        assert_eq!(redact(&id, &["12345678"]), "x***".repeat(4), "a long one is masked in an id, too");
    }

    #[test]
    fn a_secret_is_masked_within_the_escapes_of_json() {
        for (text, secret) in [
            (r"at a\/b\/c.", "a/b/c"),
            (r"at a\\\/b\\\/c.", "a/b/c"),
            (r"at a/b/c\u003d\u003D.", "a/b/c=="),
            (r"at a\/b.", r"a\/b"),
            (r#"at \"a\/\"b\"."#, r#""a/"b""#),
            (r#"at """."#, r#"""""#),
        ] {
            assert_eq!(redact(text, &[secret]), "at ***.", "{text}");
        }
        assert_eq!(redact(r"at \u006\u006bearer-token.", &["bearer-token"]), r"at \u006\u006***.");
        assert_eq!(redact(r"plain \u12 \u000a \n", &[r#"""""#]), r"plain \u12 \u000a \n");
        let url = r#"{\"url\":\"https:\/\/a.invalid\/p.zip?X-Amz-Signature=5ec\"}"#;
        assert_eq!(sanitize_message(url, &[]), "***");
        assert_eq!(sanitize_message(r"see https:\u002f\u002fa.invalid", &[]), "see ***");
    }

    #[test]
    fn words_that_hold_a_url_are_masked() {
        assert_eq!(mask_urls("see https://a.b/c?d=e, or (http://f) now"), "see *** or *** now");
        assert_eq!(mask_urls("u=https%3A%2F%2Fa.b%2Fc or u=https%3a%2f%2fa.b, 3% off"), "*** or *** 3% off");
        assert_eq!(mask_urls("u=https%3A//a.b/c or u=https:%2F%2Fa.b or https%253A%252F%252Fa.b"), "*** or *** or ***");
    }

    #[test]
    fn a_secret_or_a_url_is_masked_where_one_is_a_part_of_another() {
        for text in ["https://a.invalid/p.zip?k=5ec", r"https:\/\/a.invalid\/p.zip?k=5ec"] {
            assert_eq!(sanitize_message(text, &["https://a.invalid"]), "***", "{text}");
        }
        assert_eq!(sanitize_message(r"sid=1\u003b tok=a1b2c3d4.", &["sid=1; tok=a1b2c3d4", "a1b2c3d4"]), "***.");
        assert_eq!(sanitize_message("sid=1 u=https://a.invalid.", &["sid=1 u=https://a.invalid"]), "***");
    }

    #[test]
    fn shown_text_is_one_line_without_escapes_and_bounded() {
        assert_eq!(sanitize_for_display("a\n\u{1b}[31m\u{202e}b", &[]), r"a\n\u{1b}[31m\u{202e}b");
        assert_eq!(sanitize_for_display(&"é".repeat(2_000), &[]).chars().count(), MESSAGE_LIMIT + 1);
    }
}
