//! The link to a share.

use std::str::FromStr;

use crate::{
    rules,
    validation::{ValidationError, shown},
};

/// The part of a link before the short code. Source: carrier reference, the link.
const BEFORE_SHORT_URL: &str = "/sharelink/i/";

/// A link to a share, of which only the short code is used.
///
/// ```
/// # use koodrive_share::ShareLink;
/// let link: ShareLink = "https://drive.example.com/cloudfile/#/sharelink/i/1808628918203192832".parse()?;
/// assert_eq!(link.short_url(), "1808628918203192832");
/// # Ok::<(), koodrive_share::ValidationError>(())
/// ```
///
/// A link is parsed from a text that contains one link, such as the sentence that people copy, or from the short code
/// alone. Nothing is ever sent to the link's host: requests go to the client's endpoint.
///
/// # Errors
///
/// Any other text breaks the rule `share-link`. The error shows only the host of another link, and only the length of a
/// text without a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShareLink(String);

impl ShareLink {
    /// Returns the short code that names the share, `shortUrl`: letters, digits, `-` and `_`. It is not the share's id.
    /// The set of characters, and the place at the end of the link, are inferred from the reference's examples.
    pub fn short_url(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShareLink {
    type Err = ValidationError;

    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let text = text.trim();
        let broken = |actual| {
            let advice = "copy the link, as in https://…/cloudfile/#/sharelink/i/1808628918203192832";
            Err(rules::SHARE_LINK.at("link").given(actual).advise(advice).into())
        };
        let mut linked: Vec<&str> = text.split(BEFORE_SHORT_URL).skip(1).map(start).collect();
        linked.dedup();
        match linked.as_slice() {
            [""] => broken("a share link without its short code".to_owned()),
            [short_url] => Ok(Self((*short_url).to_owned())),
            [] if text.is_empty() => broken("nothing".to_owned()),
            [] if start(text) == text => Ok(Self(text.to_owned())),
            [] => broken(match text.split_once("://") {
                Some((_, rest)) => format!("a link to {}", shown(host(rest))),
                None => format!("{} characters without a link", text.chars().count()),
            }),
            several => broken(format!("{} links", several.len())),
        }
    }
}

/// Returns the text up to the first character that a short code cannot have. A short code has no character that a URL
/// would have to encode.
fn start(text: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    text.split(|character| !is_part(character)).next().unwrap_or_default()
}

/// Returns the host of a URL without its credentials. `rest` is the URL after its scheme.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#', ' ', '\n']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}
