//! The call, written by hand with reqwest. It sends the same headers and the same bytes, and reads the same reply.

use std::time::Duration;

use reqwest::header;
use serde::{Deserialize, Serialize};

pub(crate) const TOKEN: &str = "3b91d6e0a4c84d0f9b1c6f2f6a1f7f5e";
pub(crate) const USER: &str = "1505084218764547200";
pub(crate) const CARRIER: &str = "carrier";
pub(crate) const SHARE: &str = "1689765568237837824";
pub(crate) const SPACE: &str = "IAABh_RdhS8bOg0cA1684711052660690818";

/// The fields are in the generated type's order, so that the bytes are the same.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    container_id: String,
    file_ids: Vec<String>,
    share_id: String,
    target_file_id: Target,
    task_type: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    container_id: String,
    file_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    code: i64,
    msg: String,
    task_id: String,
}

/// Returns the builder of the HTTP client for the other variants, with a user agent as long as the crate's and its
/// default time-out.
pub(crate) fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().user_agent("koodrive-share/0.1.0").timeout(Duration::from_secs(30)).no_proxy()
}

pub(crate) struct ByHand {
    http: reqwest::Client,
    url: String,
}

impl ByHand {
    pub(crate) fn new(endpoint: &str) -> Self {
        Self { http: http().build().unwrap(), url: format!("{endpoint}/koodrive/ose/v1/share/tasks") }
    }

    pub(crate) fn request(file_ids: Vec<String>) -> Request {
        Request {
            container_id: SPACE.into(),
            file_ids,
            share_id: SHARE.into(),
            target_file_id: Target { container_id: SPACE.into(), file_id: "root".into() },
            task_type: 2,
        }
    }

    /// Creates a task and returns its id.
    pub(crate) async fn create(&self, request: &Request) -> String {
        let date = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
        let request = self
            .http
            .post(&self.url)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header("X-Date", date.to_string())
            .header("X-Hw-Agentname", CARRIER)
            .header("X-Traceid", "a".repeat(58))
            .header("X-User-Id", USER)
            .json(request);
        let reply: Reply = request.send().await.unwrap().json().await.unwrap();
        assert!(reply.code == 0, "{}", reply.msg);
        assert!(!reply.task_id.is_empty());
        reply.task_id
    }
}
