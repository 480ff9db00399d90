//! The check of a caller's credentials.

use axum::http::{header::AUTHORIZATION, request::Parts};

use crate::{answer::Answer, signature::AppSignature};

/// The credentials that are accepted, of all kinds at once.
#[derive(Clone, Default)]
pub(crate) struct Accepted {
    pub(crate) tokens: Vec<String>,
    pub(crate) verbatim: Vec<String>,
    /// App ids, each with its secret.
    pub(crate) apps: Vec<(String, String)>,
}

impl Accepted {
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.verbatim.is_empty() && self.apps.is_empty()
    }

    /// Checks the Authorization header.
    ///
    /// # Errors
    /// The 401 to send.
    pub(crate) fn check(&self, parts: &Parts, body: &[u8]) -> Result<(), Answer> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (None, _) => return Err(unauthorized("IAM", "header Authorization is missing")),
            (Some(_), Some(_)) => {
                return Err(unauthorized("IAM", "header Authorization is duplicated"));
            }
        };
        let Ok(value) = value.to_str() else {
            return Err(unauthorized("IAM", "header Authorization is not ASCII"));
        };
        let bearer = value.strip_prefix("Bearer ");
        if self.verbatim.iter().any(|accepted| accepted == value)
            || bearer.is_some_and(|token| self.tokens.iter().any(|accepted| accepted == token))
        {
            return Ok(());
        }
        if AppSignature::claims(value) {
            return self.check_signature(value, parts, body);
        }
        Err(unauthorized("IAM", "decrypt token fail"))
    }

    fn check_signature(&self, value: &str, parts: &Parts, body: &[u8]) -> Result<(), Answer> {
        let Some(signature) = AppSignature::parse(value) else {
            return Err(unauthorized("app", "Authorization format is incorrect"));
        };
        let Some((_, secret)) = self.apps.iter().find(|(id, _)| id == signature.app_id) else {
            let app_id = signature.app_id;
            return Err(unauthorized("app", &format!("app not found, appkey {app_id}")));
        };
        let canonical = signature.canonical_request(parts, body).map_err(|why| unauthorized("app", &why))?;
        if signature.verify(secret, &canonical) {
            return Ok(());
        }
        // Gateways echo the canonical request, so that a caller can compare it. A newline shows as `|`.
        let echo = String::from_utf8_lossy(&canonical).replace('\n', "|");
        Err(unauthorized("app", &format!("verify signature failed, canonical request: {echo}")))
    }
}

/// The gateway's 401 about credentials of this kind.
pub(crate) fn unauthorized(kind: &str, why: &str) -> Answer {
    let message = format!("Incorrect {kind} authentication information: {why}");
    Answer::gateway(401, "APIGW.0301", &message)
}
