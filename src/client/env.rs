//! The settings of a client from environment variables.

use std::env;

use super::settings::Settings;
use crate::credentials::Credentials;

/// Returns the value of a variable. Bytes that are not UTF-8 become U+FFFD, which the rules refuse.
pub(super) fn var(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl Settings {
    pub(super) fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Self {
        let mut settings = Self::default();
        let var = |name| vars(name).unwrap_or_default();
        settings.endpoint = var("KOODRIVE_ENDPOINT");
        settings.user_id = var("KOODRIVE_USER_ID");
        settings.agent_name = var("KOODRIVE_AGENT_NAME");
        let token = var("KOODRIVE_TOKEN");
        let authorization = var("KOODRIVE_AUTHORIZATION");
        let (app_id, app_secret) = (var("KOODRIVE_APP_ID"), var("KOODRIVE_APP_SECRET"));
        if !token.is_empty() {
            settings.credentials.push(("KOODRIVE_TOKEN", Credentials::bearer(token)));
        }
        if !authorization.is_empty() {
            let credentials = Credentials::authorization(authorization);
            settings.credentials.push(("KOODRIVE_AUTHORIZATION", credentials));
        }
        if !app_id.is_empty() || !app_secret.is_empty() {
            let name = "KOODRIVE_APP_ID with KOODRIVE_APP_SECRET";
            settings.credentials.push((name, Credentials::app(app_id, app_secret)));
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [(&str, &str); 3] =
        [("KOODRIVE_ENDPOINT", "http://localhost"), ("KOODRIVE_USER_ID", "42"), ("KOODRIVE_AGENT_NAME", "carrier")];

    /// Checks the settings made from these variables and the three mandatory ones.
    fn checked(credentials: &[(&str, &str)]) -> Result<(), String> {
        let settings = Settings::from_vars(|name| {
            let vars = SET.iter().chain(credentials);
            vars.rev().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        });
        settings.check().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_of_credentials_is_taken_from_the_environment() {
        let (id, secret) = (("KOODRIVE_APP_ID", "id"), ("KOODRIVE_APP_SECRET", "secret"));
        for credentials in [
            &[("KOODRIVE_TOKEN", "token")][..],
            &[("KOODRIVE_AUTHORIZATION", "Bearer token"), ("KOODRIVE_TOKEN", "")],
            &[id, secret],
        ] {
            checked(credentials).unwrap();
        }
        for half in [id, secret] {
            assert!(checked(&[half]).unwrap_err().contains("app "), "{half:?}");
        }
    }

    #[test]
    fn more_than_one_kind_of_credentials_is_refused_by_name() {
        let error = checked(&[("KOODRIVE_TOKEN", "t"), ("KOODRIVE_APP_SECRET", "s")]).unwrap_err();
        let names = "KOODRIVE_TOKEN and KOODRIVE_APP_ID with KOODRIVE_APP_SECRET";
        assert!(error.contains(names), "{error}");
    }

    #[test]
    fn a_variable_that_is_not_text_is_refused() {
        let error = checked(&[("KOODRIVE_TOKEN", "t"), ("KOODRIVE_USER_ID", "4\u{fffd}")]);
        let error = error.unwrap_err();
        assert!(error.contains("KOODRIVE_USER_ID"), "{error}");
    }
}
