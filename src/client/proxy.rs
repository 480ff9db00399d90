//! The proxy for requests: that of the settings, or the one that an environment variable names.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::{
    env::var,
    settings::{Settings, is_loopback},
};
use crate::{rules, validation::ValidationError};

/// The schemes of proxies. Without a TLS back end, reqwest supports only http proxies.
const SCHEMES: &[&str] = if cfg!(any(feature = "rustls", feature = "native-tls")) {
    &["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
} else {
    &["http"]
};

impl Settings {
    /// Returns the proxy for this endpoint, if there is one. A value that cannot be parsed is an error, never a direct
    /// connection. Without an endpoint, only the setting is checked, not the variables.
    pub(super) fn proxy(&self, endpoint: Option<&Url>) -> Result<Option<Url>, ValidationError> {
        let variable = || variable(endpoint.filter(|url| !is_loopback(url))?, var);
        let setting = self.proxy.clone().map(|proxy| ("proxy", proxy));
        let Some((name, value)) = setting.or_else(variable) else { return Ok(None) };
        // The value may hold a password, so only its length is shown.
        let broken = rules::PROXY.at(name).given(format!("{} characters", value.chars().count()));
        let advice = "give a URL such as http://proxy.example:3128, or unset it";
        parse(&value).map(Some).ok_or_else(|| broken.advise(advice).into())
    }
}

/// Returns the variable that applies to an endpoint, and its value.
fn variable(endpoint: &Url, vars: impl Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    let first = |names: &[&'static str]| {
        let mut set = names.iter().filter_map(|name| Some((*name, vars(name)?)));
        set.find(|(_, value)| !value.is_empty())
    };
    let names: &[_] = match endpoint.scheme() {
        "https" => &["HTTPS_PROXY", "https_proxy"],
        // In a CGI program, HTTP_PROXY is the header `Proxy` of the request that it serves. Windows ignores the case of
        // the name.
        _ if vars("REQUEST_METHOD").is_some() => &[],
        _ => &["HTTP_PROXY", "http_proxy"],
    };
    let found = first(names).or_else(|| first(&["ALL_PROXY", "all_proxy"]))?;
    let excluded = first(&["NO_PROXY", "no_proxy"]).map(|(_, excluded)| excluded).unwrap_or_default();
    // The proxy here is a placeholder: the matcher only tells whether NO_PROXY excludes the endpoint.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(excluded).build();
    let endpoint = endpoint.as_str().parse().ok()?;
    matcher.intercept(&endpoint).map(|_| found)
}

/// Parses the URL of a proxy. Without a scheme, it is http. A path is refused: it may be that of a PAC script, or the
/// scheme may lack a slash.
fn parse(value: &str) -> Option<Url> {
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&url).ok().filter(|_| !value.contains(|c: char| c.is_whitespace() || c.is_control()))?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (SCHEMES.contains(&url.scheme()) && url.has_host() && is_bare).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(endpoint: &str, vars: &[(&str, &str)]) -> Option<&'static str> {
        let var = |name: &str| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        variable(&Url::parse(endpoint).unwrap(), var).map(|(name, _)| name)
    }

    #[test]
    fn the_variable_of_the_scheme_goes_first_unless_no_proxy_excludes_the_host() {
        let (https, http) = ("https://a.example", "http://a.example");
        let set = [("HTTPS_PROXY", "p"), ("http_proxy", "p"), ("ALL_PROXY", "p")];
        assert_eq!(name(https, &set), Some("HTTPS_PROXY"));
        assert_eq!(name(http, &set), Some("http_proxy"));
        assert_eq!(name(https, &set[1..]), Some("ALL_PROXY"));
        assert_eq!(name(https, &[("HTTPS_PROXY", ""), ("all_proxy", "p")]), Some("all_proxy"));
        assert_eq!(name(https, &[]), None);
        // In a CGI program, the variable HTTP_PROXY is a request's header `Proxy`.
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "p"), ("http_proxy", "p"), ("ALL_PROXY", "p")];
        assert_eq!(name(http, &cgi), Some("ALL_PROXY"));
        assert_eq!(name(http, &cgi[..3]), None);
        for (excluded, expected) in
            [("a.example", None), (".example", None), ("*", None), ("b.example", Some("ALL_PROXY"))]
        {
            assert_eq!(name(https, &[("ALL_PROXY", "p"), ("no_proxy", excluded)]), expected, "{excluded}");
        }
    }

    #[test]
    fn a_proxy_is_understood_or_refused() {
        for value in ["http://p:3128", "p:3128", "http://p:3128/", "[::1]:3128", "http://u:s@p"] {
            assert!(parse(value).is_some(), "{value}");
        }
        let has_tls = cfg!(any(feature = "rustls", feature = "native-tls"));
        for value in ["https://p", "socks4://p", "socks4a://p", "socks5://p:1080", "socks5h://u:s@p"] {
            assert_eq!(parse(value).is_some(), has_tls, "{value}");
        }
        for value in [
            " http://p",
            "http://p\n",
            "http://p:1 ",
            "socks://p",
            "ftp://p",
            "http://[::1",
            "http://",
            "p:port",
            "://p",
            "http:/p:1",
            "http//p:1",
            "http://p:1/proxy.pac",
            "http://p:1?q",
            "http://p:1#f",
        ] {
            assert!(parse(value).is_none(), "{value}");
        }
    }
}
