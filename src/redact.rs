//! Secrets out of texts, and texts that are fit to be shown.

use http::HeaderValue;

/// Longest service text that is kept, in characters.
const MESSAGE_LIMIT: usize = 1_000;

/// Shortest secret that is masked, in characters: one of a character or two would mangle any text and protects nothing.
const MIN_SECRET: usize = 3;

/// Shortest secret that is masked also within an id, in characters. A shorter one, such as an extract code of four digits,
/// is there by chance: nobody finds it, and without the id the vendor's support finds no request.
const MIN_SECRET_IN_ID: usize = 8;

/// Shortest word of letters, digits, `-` and `_` that is an id, in characters.
const MIN_ID: usize = 16;

/// A header's value that no `Debug` shows.
pub(crate) fn sensitive_header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Masks each word of a text that holds a URL.
pub(crate) fn mask_urls(text: &str) -> String {
    let mask = |word| {
        if str::contains(word, "://") { "***" } else { word }
    };
    text.split(' ').map(mask).collect::<Vec<_>>().join(" ")
}

/// Masks the secrets in a text.
pub(crate) fn redact(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| secret.chars().count() >= MIN_SECRET);
    // A body that is no JSON may quote one that is.
    let forms = |secret: &&str| {
        let quoted = serde_json::Value::from(*secret).to_string();
        [unescaped(secret), unescaped(&quoted[1..quoted.len() - 1])]
    };
    let mut secrets: Vec<String> = secrets.flat_map(forms).collect();
    // The longest first: one secret may be a part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(unescaped(text), |text, secret| mask(&text, secret))
}

/// The text without escapes of JSON that a secret or a URL would not be recognized in: `\/`, and `\u003d` of visible ASCII.
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
    // As often as it was escaped.
    while unescaped.contains("\\/") {
        unescaped = unescaped.replace("\\/", "/");
    }
    unescaped
}

fn mask(text: &str, secret: &str) -> String {
    let ends_word = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    if secret.len() >= MIN_SECRET_IN_ID || secret.contains(ends_word) {
        return text.replace(secret, "***");
    }
    let is_id = |word: &str| word.trim_end_matches(ends_word).len() >= MIN_ID;
    let words = text.split_inclusive(ends_word);
    words.map(|word| if is_id(word) { word.to_owned() } else { word.replace(secret, "***") }).collect()
}

/// Makes service text fit to be shown: masks the secrets, escapes what would end a line or move a cursor, and shortens.
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

/// As [`sanitize_for_display`], for a text that may quote a URL: a package's is a secret.
pub(crate) fn sanitize_message(text: &str, secrets: &[&str]) -> String {
    sanitize_for_display(&mask_urls(&unescaped(text)), secrets)
}

/// Characters that end a line, or turn the order of its text around, and count as no controls.
fn is_line_or_order(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_the_longest_first() {
        assert_eq!(redact("token abc, abcdef", &["abc", "abcdef"]), "token ***, ***");
    }

    #[test]
    fn a_secret_of_two_characters_mangles_nothing() {
        assert_eq!(redact("a message", &["a", "es", ""]), "a message");
    }

    /// Wherever else it stands, a short secret is masked.
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
        assert_eq!(redact(r"plain \u12 \u000a \n", &[r#"""""#]), r"plain \u12 \u000a \n");
        let url = r#"{\"url\":\"https:\/\/a.invalid\/p.zip?X-Amz-Signature=5ec\"}"#;
        assert_eq!(sanitize_message(url, &[]), "***");
        assert_eq!(sanitize_message(r"see https:\u002f\u002fa.invalid", &[]), "see ***");
    }

    #[test]
    fn words_that_hold_a_url_are_masked() {
        assert_eq!(mask_urls("see https://a.b/c?d=e, or (http://f) now"), "see *** or *** now");
    }

    #[test]
    fn shown_text_is_one_line_without_escapes_and_bounded() {
        assert_eq!(sanitize_for_display("a\n\u{1b}[31m\u{202e}b", &[]), r"a\n\u{1b}[31m\u{202e}b");
        assert_eq!(sanitize_for_display(&"é".repeat(2_000), &[]).chars().count(), MESSAGE_LIMIT + 1);
    }
}
