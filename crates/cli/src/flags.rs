//! The flags and variables that set the fields of the library.

/// The flag or variable that sets a field.
pub(crate) fn flag(path: &str) -> Option<&'static str> {
    Some(match path {
        "endpoint" => "--endpoint (KOODRIVE_ENDPOINT)",
        "credentials" => "credentials",
        "token" => "access token (--token-file, KOODRIVE_TOKEN)",
        "Authorization" => "--authorization-file (KOODRIVE_AUTHORIZATION)",
        "app id" => "--app-id (KOODRIVE_APP_ID)",
        "app secret" => "--app-secret-file (KOODRIVE_APP_SECRET)",
        "X-User-Id" => "--user-id (KOODRIVE_USER_ID)",
        "X-Hw-Agentname" => "--agent-name (KOODRIVE_AGENT_NAME)",
        "timeout" => "--request-timeout (KOODRIVE_REQUEST_TIMEOUT)",
        "connect_timeout" => "--connect-timeout (KOODRIVE_CONNECT_TIMEOUT)",
        "idle_timeout" => "--idle-timeout (KOODRIVE_IDLE_TIMEOUT)",
        "max_attempts" => "--max-attempts (KOODRIVE_MAX_ATTEMPTS)",
        "root_certificates" => "--cacert (KOODRIVE_CACERT)",
        "client_certificate" => "--cert (KOODRIVE_CERT)",
        "proxy" => "--proxy, --proxy-file (KOODRIVE_PROXY)",
        "concurrency" => "--concurrency",
        "rate" => "--rate (KOODRIVE_RATE)",
        "resend_unknown" => "--resend-unknown",
        "$.shareId" => "--share-id",
        "$.containerId" => "--container-id",
        "$.fileIds" => "file ids",
        "$.kdstoken" => "--kdstoken-file (KOODRIVE_KDSTOKEN)",
        "$.zipName" => "--zip-name",
        "$.targetFileId.fileId" => "--target-file-id",
        "$.targetFileId.containerId" => "--target-container-id",
        "range" => "RANGE",
        "task_id" | "$.taskId" => "TASK_ID",
        "link" => "LINK",
        "$.extractCode" => "--extract-code-file (KOODRIVE_EXTRACT_CODE)",
        "path" => "--output",
        _ => return None,
    })
}
