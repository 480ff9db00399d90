//! The trace id that a request is sent with.

use std::{fmt, str::FromStr, sync::Arc};

use base16ct::lower::encode_string as hex;
use ring::rand::{self, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::{
    rules,
    validation::{ValidationError, shown},
};

/// Length of a trace id in characters. The source document's "58 bits" is the Chinese edition's 58 characters.
const LENGTH: usize = 58;

/// A service trace id, `X-Traceid`: 58 letters, digits or underscores.
///
/// ```
/// # use koodrive_share::TraceId;
/// let made = TraceId::random();
/// let given: TraceId = "portal_42_".repeat(6)[..58].parse()?;
/// assert_eq!(made.as_str().len(), given.as_str().len());
/// # Ok::<(), koodrive_share::ValidationError>(())
/// ```
///
/// The trace id is known before the request is sent, so write it to your own log first. If the reply is lost, give the
/// trace id to the vendor's support. That they can find the request by it is inferred from its name. Source: carrier
/// reference, request headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceId(Arc<str>);

impl TraceId {
    /// Makes a trace id of 58 hexadecimal digits: 232 random bits from the operating system.
    ///
    /// # Panics
    ///
    /// Panics if the operating system returns no random bytes.
    pub fn random() -> Self {
        let random = rand::generate::<[u8; LENGTH / 2]>(&SystemRandom::new());
        let random = random.expect("the operating system gives random bytes").expose();
        Self(hex(&random).into())
    }

    /// Returns the trace id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TraceId {
    type Error = ValidationError;

    /// # Errors
    ///
    /// Anything but exactly 58 of `[0-9A-Za-z_]` breaks the rule `trace-id`.
    fn try_from(value: String) -> Result<Self, ValidationError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if value.len() == LENGTH && value.bytes().all(allowed) {
            return Ok(Self(value.into()));
        }
        let actual = format!("{} of {} bytes", shown(&value), value.len());
        let advice = "correct it, or leave it out to have one made";
        Err(rules::TRACE_ID.at("X-Traceid").given(actual).advise(advice).into())
    }
}

impl FromStr for TraceId {
    type Err = ValidationError;

    fn from_str(text: &str) -> Result<Self, ValidationError> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
