//! Credentials: access tokens and app signatures.
//!
//! Use [`Credentials::bearer`] for a token that you have, [`Credentials::provider`] for tokens that are renewed,
//! [`Credentials::app`] for an AppId and AppSecret, and [`Credentials::authorization`] for anything else.

pub(crate) mod app_signature;
pub(crate) mod token_cache;

use std::sync::Arc;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::{
    app_signature::AppKey,
    token_cache::{AccessToken, CachedToken, TokenCache, TokenProvider},
};
use crate::validation::ValidationError;

/// The credentials of a client. `Debug` shows no secret.
///
/// ```
/// # use koodrive_share::Credentials;
/// let token = Credentials::bearer("3b91…");
/// assert!(!format!("{token:?}").contains("3b91"));
/// ```
///
/// Invalid credentials are reported when the client is built, together with all other broken rules.
#[derive(Clone, Debug)]
pub struct Credentials(pub(crate) Result<AuthorizationSource, ValidationError>);

impl Credentials {
    /// Makes credentials from an access token, which is sent as `Authorization: Bearer <token>`.
    ///
    /// The vendor's token lives for 20 minutes from its last use; once it has lapsed, every call is
    /// [refused](crate::Error::is_unauthorized). If a process may make no call for that long, use
    /// [`provider`](Self::provider). Source: carrier reference, authentication.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::fixed(AccessToken::new(token))
    }

    /// Makes credentials from a value of the `Authorization` header, which is sent exactly as given, such as
    /// `Bearer+10f88…`.
    pub fn authorization(value: impl Into<String>) -> Self {
        Self::fixed(AccessToken::authorization(value))
    }

    fn fixed(token: AccessToken) -> Self {
        Self(token.header.map(Authorization::Ready).map(AuthorizationSource::Fixed))
    }

    /// Makes credentials from an app's id and secret. Every request is signed; the secret is never sent.
    ///
    /// A signature covers the user id and `X-Date` and is valid for 15 minutes. Source: carrier reference, app
    /// authentication.
    pub fn app(app_id: impl Into<String>, app_secret: impl Into<String>) -> Self {
        let key = AppKey::new(&app_id.into(), app_secret.into().into());
        Self(key.map(Arc::new).map(Authorization::Signed).map(AuthorizationSource::Fixed))
    }

    /// Makes credentials from a provider of tokens.
    ///
    /// A token is kept until it lapses, and concurrent calls share one renewal. A token that
    /// [expires](crate::AccessToken::expires_in) is renewed by a call in its last minute, or in the last tenth of its
    /// life if that is less.
    ///
    /// A call whose [credentials are refused](crate::Error::is_unauthorized) has created nothing, so its token is
    /// dropped and renewed once, and the request is sent once more. A token must not begin with a scheme: if a login
    /// returns one with `AT ` or `Bearer+`, use [`AccessToken::authorization`](crate::AccessToken::authorization).
    pub fn provider(provider: impl TokenProvider) -> Self {
        Self(Ok(AuthorizationSource::Renewed(Arc::new(TokenCache::new(provider)))))
    }
}

/// Where the authorization of each attempt comes from.
#[derive(Clone, Debug)]
pub(crate) enum AuthorizationSource {
    Fixed(Authorization),
    Renewed(Arc<TokenCache>),
}

/// The authorization of one attempt. `Debug` shows neither a value, which is marked sensitive, nor a key.
#[derive(Clone, Debug)]
pub(crate) enum Authorization {
    Ready(HeaderValue),
    Renewed(CachedToken),
    Signed(Arc<AppKey>),
}

impl Authorization {
    /// Returns the secrets that a reply could echo.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Ready(value) | Self::Renewed(CachedToken { header: value, .. }) => {
                let value = value.to_str().unwrap_or_default();
                let token = value.split_once([' ', '+']).map_or("", |(_, token)| token);
                // The scheme that the client adds is not secret.
                vec![value.strip_prefix("Bearer ").unwrap_or(value), token]
            }
            Self::Signed(key) => vec![key.secret.expose_secret()],
        }
    }
}

/// A secret in a request's body: `extractCode`, which the owner of a share hands out beside the link, or `kdstoken`,
/// the temporary token of such a share.
///
/// It is serialised into the body and nowhere else, since no public type that holds one implements `Serialize` over it.
#[derive(Clone, Debug)]
pub(crate) struct RequestSecret(SecretString);

impl RequestSecret {
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for RequestSecret {
    fn from(secret: String) -> Self {
        Self(secret.into())
    }
}

impl<'de> Deserialize<'de> for RequestSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The deserializer's own message would show the value.
        let refused = |_| serde::de::Error::custom("kdstoken must be a string");
        String::deserialize(deserializer).map(Self::from).map_err(refused)
    }
}

impl Serialize for RequestSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}
