//! Secrets out of texts, and texts that are fit to be shown.

/// Longest service text that is kept, in characters.
const MESSAGE_LIMIT: usize = 1_000;

/// Text with each word that holds a URL masked.
pub(crate) fn without_urls(text: &str) -> String {
    let mask = |word| {
        if str::contains(word, "://") { "***" } else { word }
    };
    text.split(' ').map(mask).collect::<Vec<_>>().join(" ")
}

/// Text without the secrets.
pub(crate) fn scrubbed(text: &str, secrets: &[&str]) -> String {
    let mut secrets: Vec<&str> = secrets.iter().copied().filter(|secret| !secret.is_empty()).collect();
    // The longest first: one secret may be a part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// Service text that is fit to be shown: without the secrets, on one line, without terminal escapes, and shortened.
pub(crate) fn presentable(text: &str, secrets: &[&str]) -> String {
    let mut shown = String::new();
    for (n, character) in scrubbed(text, secrets).chars().enumerate() {
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

/// Characters that end a line, or turn the order of its text around, and count as no controls.
fn is_line_or_order(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
