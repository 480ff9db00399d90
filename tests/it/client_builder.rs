//! The rules of a client's settings.

use std::time::Duration;

use koodrive_share::{Client, ClientBuilder, Credentials, ENDPOINT_CN, ENDPOINT_INTL};

use crate::support::fixtures::broken;

fn builder() -> ClientBuilder {
    Client::builder()
        .endpoint(ENDPOINT_INTL)
        .credentials(Credentials::bearer("token"))
        .user_id("user 1")
        .agent_name("carrier")
}

fn violations_of(builder: ClientBuilder) -> Vec<String> {
    broken(builder.build().unwrap_err().validation_error().unwrap())
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let error = Client::builder().build().unwrap_err();
    let expected =
        ["endpoint endpoint-url", "credentials credentials", "X-User-Id header-text", "X-Hw-Agentname header-text"];
    assert_eq!(broken(error.validation_error().unwrap()), expected);
    for name in ["KOODRIVE_ENDPOINT", "KOODRIVE_TOKEN", "KOODRIVE_USER_ID", "KOODRIVE_AGENT_NAME"] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_endpoint_is_https_or_loopback_or_http_asked_for() {
    let local = ["http://localhost:1", "http://127.9.9.9", "http://[::1]:80/p", "https://localhost"];
    for endpoint in [ENDPOINT_INTL, ENDPOINT_CN].into_iter().chain(local) {
        builder().endpoint(endpoint).build().unwrap();
    }
    for endpoint in ["http://example.com", "http://10.0.0.1", "http://localhost.example.com"] {
        assert_eq!(violations_of(builder().endpoint(endpoint)), ["endpoint endpoint-https"]);
        builder().endpoint(endpoint).allow_http(true).build().unwrap();
    }
    for endpoint in ["ftp://example.com", "file:///etc", "data:text/plain,a"] {
        let violations = violations_of(builder().endpoint(endpoint).allow_http(true));
        assert_eq!(violations, ["endpoint endpoint-https"], "{endpoint}");
    }
    for endpoint in ["", "example.com", "//example.com", "https://"] {
        assert_eq!(violations_of(builder().endpoint(endpoint)), ["endpoint endpoint-url"]);
    }
}

#[test]
fn an_endpoint_holds_no_credentials_query_or_fragment_and_shows_none() {
    for endpoint in ["https://user:s3cret@a.b", "https://s3cret@a.b", "https://a.b?s3cret=1", "https://a.b/#s3cret"] {
        let error = builder().endpoint(endpoint).build().unwrap_err();
        assert_eq!(broken(error.validation_error().unwrap()), ["endpoint endpoint-bare"]);
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
    let unparsable = builder().endpoint("https://user:s3cret@").build().unwrap_err();
    assert!(!format!("{unparsable} {unparsable:?}").contains("s3cret"), "{unparsable}");
}

#[test]
fn a_path_prefix_is_kept() {
    for endpoint in ["https://a.b/gate/way", "https://a.b/gate/way/"] {
        let client = builder().endpoint(endpoint).build().unwrap();
        assert_eq!(client.endpoint(), "https://a.b/gate/way");
    }
}

#[test]
fn header_values_are_visible_ascii_without_control_characters() {
    for value in ["", " ", " a", "a ", "a\r\nX-Evil: 1", "a\nb", "a\tb", "a\0b", "名", "\u{7f}"] {
        assert_eq!(violations_of(builder().user_id(value)), ["X-User-Id header-text"], "{value:?}");
        assert_eq!(violations_of(builder().agent_name(value)), ["X-Hw-Agentname header-text"]);
        let token = builder().credentials(Credentials::bearer(value));
        assert_eq!(violations_of(token), ["token header-text"], "{value:?}");
        let verbatim = builder().credentials(Credentials::authorization(value));
        assert_eq!(violations_of(verbatim), ["Authorization header-text"], "{value:?}");
        let app = builder().credentials(Credentials::app(value, "secret"));
        assert_eq!(violations_of(app), ["app id header-text"], "{value:?}");
    }
}

#[test]
fn an_app_has_a_secret_and_an_id_that_fits_into_the_header() {
    assert_eq!(violations_of(builder().credentials(Credentials::app("id", ""))), ["app secret not-empty"]);
    for secret in [" s", "s\n", "s\u{fffd}"] {
        let app = builder().credentials(Credentials::app("id", secret));
        assert_eq!(violations_of(app), ["app secret app-secret"]);
    }
    for id in ["a,b", "a b"] {
        assert_eq!(violations_of(builder().credentials(Credentials::app(id, "s"))), ["app id app-id"]);
    }
}

#[test]
fn a_token_with_a_scheme_is_refused_and_told_the_verbatim_way() {
    for token in ["Bearer s3cret", "Bearer+s3cret", "bearer s3cret", "AT s3cret", "AT+s3cret"] {
        let error = builder().credentials(Credentials::bearer(token)).build().unwrap_err();
        assert_eq!(broken(error.validation_error().unwrap()), ["token bare-token"]);
        assert!(error.to_string().contains("Credentials::authorization"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn limits_have_bounds() {
    let second = Duration::from_secs(1);
    let cases = [
        (builder().connect_timeout(Duration::ZERO), "connect_timeout connect-timeout"),
        (builder().connect_timeout(30 * second), "connect_timeout connect-timeout"),
        (builder().timeout(Duration::MAX), "timeout timeout"),
        (builder().backdate(601 * second), "backdate backdate"),
        (builder().max_attempts(0), "max_attempts max-attempts"),
        (builder().max_attempts(11), "max_attempts max-attempts"),
        (builder().max_reply_bytes(1023), "max_reply_bytes max-reply-bytes"),
        (builder().max_concurrent_requests(0), "max_concurrent_requests max-concurrent-requests"),
        (builder().max_concurrent_requests(usize::MAX), "max_concurrent_requests max-concurrent-requests"),
    ];
    for (builder, violation) in cases {
        assert_eq!(violations_of(builder), [violation]);
    }
    builder().backdate(Duration::ZERO).max_attempts(10).build().unwrap();
}

#[test]
fn certificates_that_are_none_are_refused() {
    let error = builder().root_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n").build().unwrap_err();
    assert!(error.validation_error().is_none(), "{error}");
    assert!(error.to_string().contains("certificates"), "{error}");
}

#[test]
fn what_is_no_certificate_at_all_is_refused_for_every_endpoint() {
    for endpoint in [ENDPOINT_INTL, "http://localhost"] {
        let builder = builder().endpoint(endpoint).root_certificates("garbage");
        assert_eq!(violations_of(builder), ["root_certificates root-certificates"]);
    }
}

#[test]
fn a_short_time_out_shortens_the_connect_time_out_that_is_not_set() {
    builder().timeout(Duration::from_secs(5)).build().unwrap();
    assert_eq!(violations_of(builder().timeout(Duration::ZERO)), ["timeout timeout"]);
}

#[test]
fn no_debug_shows_a_secret() {
    let all =
        [Credentials::bearer("s3cret"), Credentials::authorization("Bearer s3cret"), Credentials::app("id", "s3cret")];
    for credentials in all {
        let builder = builder().credentials(credentials);
        let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("user 1"), "{shown}");
    }
}
