//! The link to a share.

use std::str::FromStr;

use crate::{
    rules,
    validation::{ValidationError, shown},
};

/// What comes before the short code in a link. Source: carrier reference, the link.
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
/// It is read from a text that holds one link, such as the sentence that people copy, or from the short code alone.
/// Nothing is ever sent to the link's host: the endpoint is the client's.
///
/// # Errors
///
/// Reading another text breaks the rule `share-link`. The error says what was recognised: of another link only its host,
/// of other texts only their length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShareLink(String);

impl ShareLink {
    /// The short code that names the share, `shortUrl`: letters, digits, `-` and `_`. It is not the share's id. That it is the
    /// last part of the link and has no other characters is inferred from the examples.
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

/// The characters from the beginning that a short code may have: none that a URL would have to encode.
fn start(text: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    text.split(|character| !is_part(character)).next().unwrap_or_default()
}

/// The host of a URL that begins after its scheme, without credentials.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#', ' ', '\n']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}
