//! Checks that the servers are those of the library.

use serde_json::Value;

use crate::{
    document::{items, join},
    finding::Finding,
};

/// The file with the library's constants.
pub(crate) const ENDPOINTS: &str = "src/client/builder.rs";

/// The URLs of the constants `ENDPOINT_…` in the library's source.
pub(crate) fn endpoints(source: &str) -> Vec<String> {
    let constants = source.lines().filter(|line| line.starts_with("pub const ENDPOINT_"));
    constants.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

pub(super) fn check(spec: &Value, endpoints: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let urls: Vec<_> = items(&spec["servers"]).map(|server| server["url"].as_str().unwrap_or_default()).collect();
    for (n, url) in urls.iter().enumerate() {
        let at = format!("/servers/{n}/url");
        if !url.starts_with("https://") {
            findings.push(Finding::new(at, format!("{url} is not https"), "write https: credentials go there"));
        } else if !endpoints.iter().any(|known| known == url) {
            let problem = format!("{url} is no endpoint of the library");
            findings.push(Finding::new(at, problem, format!("correct it, or the constants ENDPOINT_… in {ENDPOINTS}")));
        }
    }
    for missing in endpoints.iter().filter(|known| !urls.contains(&known.as_str())) {
        let problem = format!("{missing} of the library is no server");
        findings.push(Finding::new("/servers", problem, format!("add it, or remove the constant in {ENDPOINTS}")));
    }
    if endpoints.is_empty() {
        findings.push(Finding::new(ENDPOINTS, "holds no constant ENDPOINT_…", "tell crates/spec where they are now"));
    }
    super::structure(spec, "", false, &mut |pointer, fields| {
        if fields.contains_key("servers") && !pointer.is_empty() {
            let problem = "a server for a part of the API, which the client does not know";
            findings.push(Finding::new(join(pointer, "servers"), problem, "state servers for the document alone"));
        }
    });
    findings
}
