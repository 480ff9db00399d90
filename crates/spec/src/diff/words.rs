//! Two texts, cut down to where they differ.

/// The number of words that are kept on each side of a difference.
const AROUND: usize = 3;

/// The parts in which two texts differ, with a few words around them: as in `… 1 to 2000. The generator …`.
pub(super) fn differing(was: &str, is: &str) -> (String, String) {
    let [old, new] = [was, is].map(|text| text.split_whitespace().collect::<Vec<_>>());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(old, new)| old == new).count();
    let front = same(&mut old.iter().zip(&new));
    let left = old.len().min(new.len()) - front;
    let back = same(&mut old.iter().rev().zip(new.iter().rev())).min(left);
    let cut = |words: &[&str]| {
        let (start, end) = (front.saturating_sub(AROUND), (words.len() - back + AROUND).min(words.len()));
        let mut text = words[start..end].join(" ");
        if start > 0 {
            text.insert_str(0, "… ");
        }
        if end < words.len() {
            text.push_str(" …");
        }
        text
    };
    (cut(&old), cut(&new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept_with_a_few_words_around_it() {
        let was = "Files to work on, 1 to 1000. The generator drops these bounds.";
        let (was, is) = differing(was, &was.replace("1000", "2000"));
        assert_eq!(was, "… on, 1 to 1000. The generator drops …");
        assert_eq!(is, "… on, 1 to 2000. The generator drops …");
    }

    #[test]
    fn added_and_removed_texts_are_whole() {
        assert_eq!(differing("", "A new text of five words"), (String::new(), "A new text of five words".to_owned()));
        assert_eq!(differing("a a", "a a a"), ("a a".to_owned(), "a a a".to_owned()));
    }
}
