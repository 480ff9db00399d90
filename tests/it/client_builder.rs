//! The rules of a client's settings.

use std::time::Duration;

use koodrive_share::{Client, ClientBuilder, Credentials, ENDPOINT_CN, ENDPOINT_INTL};

use crate::support::fixtures::{USER, broken, builder_at};

fn remote() -> ClientBuilder {
    builder_at(ENDPOINT_INTL)
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
    let both = violations_of(remote().endpoint("example.com").proxy("socks://p"));
    assert_eq!(both, ["endpoint endpoint-url", "proxy proxy"]);
    for name in ["KOODRIVE_ENDPOINT", "KOODRIVE_TOKEN", "KOODRIVE_USER_ID", "KOODRIVE_AGENT_NAME"] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_endpoint_is_https_or_loopback_or_http_asked_for() {
    let local = ["http://localhost:1", "http://127.9.9.9", "http://[::1]:80/p", "https://localhost"];
    for endpoint in [ENDPOINT_INTL, ENDPOINT_CN].into_iter().chain(local) {
        remote().endpoint(endpoint).build().unwrap();
    }
    for endpoint in ["http://example.com", "http://10.0.0.1", "http://localhost.example.com"] {
        assert_eq!(violations_of(remote().endpoint(endpoint)), ["endpoint endpoint-https"]);
        remote().endpoint(endpoint).allow_http(true).build().unwrap();
    }
    for endpoint in ["ftp://example.com", "file:///etc"] {
        let violations = violations_of(remote().endpoint(endpoint).allow_http(true));
        assert_eq!(violations, ["endpoint endpoint-https"], "{endpoint}");
    }
    // In `localhost:4810`, the host reads like a scheme.
    for endpoint in
        ["", "example.com", "//example.com", "https://", "localhost:4810", "example.com:443", "data:text/plain,a"]
    {
        assert_eq!(violations_of(remote().endpoint(endpoint)), ["endpoint endpoint-url"], "{endpoint}");
    }
}

#[test]
fn an_endpoint_holds_no_credentials_query_or_fragment_and_shows_none() {
    for endpoint in ["https://user:s3cret@a.b", "https://s3cret@a.b", "https://a.b?s3cret=1", "https://a.b/#s3cret"] {
        let error = remote().endpoint(endpoint).build().unwrap_err();
        assert_eq!(broken(error.validation_error().unwrap()), ["endpoint endpoint-bare"]);
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
    let unparsable = remote().endpoint("https://user:s3cret@").build().unwrap_err();
    assert!(!format!("{unparsable} {unparsable:?}").contains("s3cret"), "{unparsable}");
}

#[test]
fn a_path_prefix_is_kept() {
    for endpoint in ["https://a.b/gate/way", "https://a.b/gate/way/"] {
        let client = remote().endpoint(endpoint).build().unwrap();
        assert_eq!(client.endpoint(), "https://a.b/gate/way");
    }
}

#[test]
fn header_values_are_visible_ascii_without_control_characters() {
    for value in ["", " ", " a", "a ", "a\r\nX-Evil: 1", "a\nb", "a\tb", "a\0b", "名", "\u{7f}"] {
        assert_eq!(violations_of(remote().user_id(value)), ["X-User-Id header-text"], "{value:?}");
        assert_eq!(violations_of(remote().agent_name(value)), ["X-Hw-Agentname header-text"]);
        let token = remote().credentials(Credentials::bearer(value));
        assert_eq!(violations_of(token), ["token header-text"], "{value:?}");
        let verbatim = remote().credentials(Credentials::authorization(value));
        assert_eq!(violations_of(verbatim), ["Authorization header-text"], "{value:?}");
        let app = remote().credentials(Credentials::app(value, "secret"));
        assert_eq!(violations_of(app), ["app id header-text"], "{value:?}");
    }
}

#[test]
fn an_app_has_a_secret_and_an_id_that_fits_into_the_header() {
    assert_eq!(violations_of(remote().credentials(Credentials::app("id", ""))), ["app secret not-empty"]);
    for secret in [" s", "s\n", "s\u{fffd}"] {
        let app = remote().credentials(Credentials::app("id", secret));
        assert_eq!(violations_of(app), ["app secret app-secret"]);
    }
    for id in ["a,b", "a b"] {
        assert_eq!(violations_of(remote().credentials(Credentials::app(id, "s"))), ["app id app-id"]);
    }
}

#[test]
fn a_token_with_a_scheme_is_refused_and_told_the_verbatim_way() {
    for token in ["Bearer s3cret", "Bearer+s3cret", "bearer s3cret", "AT s3cret", "AT+s3cret"] {
        let error = remote().credentials(Credentials::bearer(token)).build().unwrap_err();
        assert_eq!(broken(error.validation_error().unwrap()), ["token bare-token"]);
        assert!(error.to_string().contains("Credentials::authorization"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn limits_have_bounds() {
    let second = Duration::from_secs(1);
    let cases = [
        (remote().connect_timeout(Duration::ZERO), "connect_timeout connect-timeout"),
        (remote().connect_timeout(30 * second), "connect_timeout connect-timeout"),
        (remote().timeout(Duration::MAX), "timeout timeout"),
        (remote().backdate(601 * second), "backdate backdate"),
        (remote().max_attempts(0), "max_attempts max-attempts"),
        (remote().max_attempts(11), "max_attempts max-attempts"),
        (remote().renewal_timeout(Duration::ZERO), "renewal_timeout renewal-timeout"),
        (remote().renewal_timeout(86_401 * second), "renewal_timeout renewal-timeout"),
        (remote().max_reply_bytes(1023), "max_reply_bytes max-reply-bytes"),
        (remote().max_concurrent_requests(0), "max_concurrent_requests max-concurrent-requests"),
        (remote().max_concurrent_requests(usize::MAX), "max_concurrent_requests max-concurrent-requests"),
    ];
    for (builder, violation) in cases {
        assert_eq!(violations_of(builder), [violation]);
    }
    let least = remote().backdate(Duration::ZERO).idle_timeout(Duration::ZERO).max_attempts(1);
    least.max_concurrent_requests(1).max_reply_bytes(1024).build().unwrap();
    let day = 86_400 * second;
    let most = remote().backdate(600 * second).timeout(day).renewal_timeout(day).idle_timeout(day);
    most.connect_timeout(86_399 * second).max_attempts(10).max_concurrent_requests(100_000).build().unwrap();
}

#[test]
fn certificates_that_are_none_are_refused() {
    let error = remote().root_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n").build().unwrap_err();
    assert!(error.validation_error().is_none(), "{error}");
    assert!(error.to_string().contains("certificates"), "{error}");
}

#[test]
fn what_is_no_certificate_at_all_is_refused_for_every_endpoint() {
    for endpoint in [ENDPOINT_INTL, "http://localhost"] {
        let builder = remote().endpoint(endpoint).root_certificates("garbage");
        assert_eq!(violations_of(builder), ["root_certificates root-certificates"]);
    }
}

#[test]
fn a_client_certificate_is_a_certificate_and_its_key() {
    let half = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, lacking) in [("garbage", 2), (half, 1)] {
        let violations = violations_of(remote().client_certificate(pem));
        assert_eq!(violations, vec!["client_certificate client-certificate"; lacking], "{pem}");
    }
    let both = format!("{half}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let error = remote().client_certificate(both).build().unwrap_err();
    assert!(error.validation_error().is_none() && error.to_string().contains("certificates"), "{error}");
}

#[test]
fn a_header_that_the_client_sets_cannot_be_replaced() {
    let spec: serde_json::Value = serde_json::from_str(include_str!("../../openapi/koodrive-share.json")).unwrap();
    let parameters = spec["components"]["parameters"].as_object().unwrap().values();
    let parameters = parameters.filter(|parameter| parameter["in"] == "header");
    let documented: Vec<_> = parameters.filter_map(|parameter| parameter["name"].as_str()).collect();
    // The list would be empty if the spec held its headers elsewhere.
    assert!(documented.contains(&"X-User-Id"), "{documented:?}");
    let own =
        ["Authorization", "host", "Content-Length", "User-Agent", "Accept-Encoding", "Content-Encoding", "", "a b"];
    for name in documented.into_iter().chain(own) {
        let violations = violations_of(remote().request_headers([(name, "value")]));
        assert_eq!(violations, ["request_headers request-headers"], "{name}");
    }
    let error = remote().request_headers([("X-Gateway-Key", "s3cret\n")]).build().unwrap_err();
    assert_eq!(broken(error.validation_error().unwrap()), ["request_headers header-text"]);
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[test]
fn a_user_agent_is_visible_ascii() {
    assert_eq!(violations_of(remote().user_agent("a\nb")), ["user_agent header-text"]);
    remote().user_agent("portal/2.1 (linux)").build().unwrap();
}

#[test]
fn a_short_time_out_shortens_the_connect_time_out_that_is_not_set() {
    remote().timeout(Duration::from_secs(5)).build().unwrap();
    assert_eq!(violations_of(remote().timeout(Duration::ZERO)), ["timeout timeout"]);
}

#[test]
fn no_debug_shows_a_secret() {
    let all =
        [Credentials::bearer("s3cret"), Credentials::authorization("Bearer s3cret"), Credentials::app("id", "s3cret")];
    for credentials in all {
        let builder = remote().credentials(credentials).request_headers([("X-Gateway-Key", "s3cret")]);
        for shown in [format!("{builder:?}"), format!("{:?}", builder.clone().build().unwrap())] {
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains(USER), "{shown}");
        }
    }
}
