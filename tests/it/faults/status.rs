//! Replies with another status than 200.

use chrono::{TimeDelta, Utc};

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{CREATED, Observed, ok, reply},
};
use crate::support::{
    certificates::{Authority, Trust},
    scripted_server::Step,
};

const REFUSAL: &str = r#"{"code":"13000302","msg":"file not in the given space, <secrets>"}"#;
const GATEWAY: &str = r#"{"error_code":"APIGW.0301","error_msg":"verify failed, <secrets>"}"#;
const HTML: &str = "<html><body>an error, <secrets></body></html>";

rows! {
    "Replies under another status"

    bad_request => Row::answered("400 with a code", reply("400 Bad Request", "", REFUSAL))
        .rejected()
        .code("13000302")
        .says("***")
        .advice("nothing was done: check that every file id belongs to the container id");
    bad_request_of_success => Row::answered(
        "400 with a `code` of 0",
        reply("400 Bad Request", "", r#"{"code":"0","msg":"<secrets>"}"#),
    )
    .code("0");
    bad_request_of_inner_failure => Row::answered(
        "400 with 13000201, a failure inside the service",
        reply("400 Bad Request", "", r#"{"code":"13000201","msg":"inner server invoke failure, <secrets>"}"#),
    )
    .code("13000201");
    bad_request_beside_task => Row::answered(
        "400 with a code, and a task is named",
        reply("400 Bad Request", "", r#"{"code":"13009999","msg":"<secrets>","taskId":"7001"}"#),
    )
    .code("13009999")
    .says("it names task 7001 without reporting success");
    bad_request_beside_no_task => Row::answered(
        "400 with a code, and a task id of 0",
        reply("400 Bad Request", "", r#"{"code":"13009999","msg":"too many tasks","taskId":0}"#),
    )
    .rejected()
    .code("13009999");
    bad_request_of_backend => Row::answered(
        "400 with the gateway's code for what the backend or the request's size may have caused",
        reply("400 Bad Request", "", r#"{"error_code":"APIG.0201","error_msg":"too large, <secrets>"}"#),
    )
    .rejected()
    .code("APIG.0201");
    bad_request_cut_short => Row::scripted(
        "400, then the body breaks off",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{\"code\":".to_vec()),
            Step::Close,
        ]],
    )
    .status(400)
    .rejected();
    bad_request_of_unknown_fields => Row::answered(
        "400 in the form whose fields are not public",
        reply("400 Bad Request", "", r#"{"error":{"reason":"no such space, <secrets>"}}"#),
    )
    .status(400)
    .rejected()
    .says("no such space");
    authentication_failed => Row::answered(
        "400 that says that authentication failed",
        reply("400 Bad Request", "", r#"{"code":"13009999","msg":"Authentication failed, <secrets>"}"#),
    )
    .only(&[Caller::Bearer, Caller::Verbatim, Caller::App])
    .rejected()
    .is("refused unauthorized")
    .code("13009999")
    .advice("nothing was done: renew the token, or check the app secret and the user id");
    unauthorized => Row::answered("401", reply("401 Unauthorized", "", GATEWAY))
        .only(&[Caller::Bearer, Caller::Verbatim, Caller::App])
        .rejected()
        .is("refused unauthorized")
        .code("APIGW.0301")
        .advice("nothing was done: renew the token, or check the app secret and the user id");
    unauthorized_twice => Row::scripted(
        "401, and 401 again after the provider was asked for another token",
        refusals("401 Unauthorized", "", GATEWAY, 2),
    )
    .only(&[Caller::Provider])
    // The requests have the first token and the renewed one; no third token is tried.
    .requests(2)
    .status(401)
    .rejected()
    .is("refused unauthorized")
    .code("APIGW.0301")
    .advice("nothing was done: renew the token, or check the app secret and the user id");
    clock_corrected => dated("401, and `Date` says that the clock is off: then a reply", &[off(12)], ok(CREATED))
        // The requests are the refused one and one with a corrected date.
        .requests(2)
        .made();
    clock_hopeless => dated(
        "401, and each `Date` says that the clock is off by something else",
        &[off(12), off(24)],
        reply("401 Unauthorized", &off(36), GATEWAY),
    )
    // The requests are dated by the client's own clock, and twice by a corrected one.
    .requests(3)
    .status(401)
    .rejected()
    .is("refused unauthorized")
    .code("APIGW.0301")
    .advice("nothing was done: check this machine's clock, and whether a proxy changes the header Date");
    date_of_a_cache => Row::answered(
        "401 from a cache, whose `Date` is an hour old",
        reply("401 Unauthorized", &format!("{}\r\nAge: 3600", off(-1)), GATEWAY),
    )
    .only(&[Caller::Bearer, Caller::Verbatim, Caller::App])
    .rejected()
    .is("refused unauthorized")
    .code("APIGW.0301")
    .advice("nothing was done: renew the token, or check the app secret and the user id");
    forbidden => Row::answered("403", reply("403 Forbidden", "", HTML))
        .rejected()
        .is("refused access_refused")
        .says("message \"an error, ")
        .advice("nothing was done: ask for the right to do this");
    not_found => Row::answered("404", reply("404 Not Found", "", HTML))
        .rejected()
        .advice("nothing was done: check the endpoint and its path prefix");
    method_not_allowed => Row::answered("405", reply("405 Not Allowed", "", HTML))
        .rejected()
        .advice("nothing was done: check the endpoint and its path prefix");
    request_timeout => Row::answered("408", reply("408 Request Timeout", "", ""))
        .rejected()
        .is("refused retryable")
        .advice("nothing was done: send it again");
    too_large => Row::answered("413", reply("413 Content Too Large", "", HTML))
        .rejected()
        .advice("nothing was done: give fewer file ids");
    gave_up => Row::answered("499, a proxy that gave up", reply("499 Client Closed Request", "", HTML));

    throttled_under_400 => throttled_as("400 three times, with the gateway's code of throttling", "400 Bad Request", 3);
    throttled_under_403 => throttled_as("403 three times, with the gateway's code of throttling", "403 Forbidden", 3);
    throttled_beside_task => Row::answered(
        "429, and a task is named",
        reply("429 Too Many Requests", "", r#"{"error_code":"APIGW.0308","error_msg":"<secrets>","taskId":"7001"}"#),
    )
    .code("APIGW.0308")
    .says("it names task 7001 without reporting success");
    throttled_for_a_fraction => throttled(
        "429, to wait for a fraction of a second more than the call may last",
        "Retry-After: 60.5",
        1,
    )
    .retry_after(60..=60);
    throttled_for_the_longest => throttled(
        "429, with several waits of which the longest counts",
        "Retry-After: 0\r\nRetry-After: 120\r\nRetry-After: 7",
        1,
    )
    .retry_after(120..=120);
    throttled_for_good => throttled("429 three times, `Retry-After: 0`", "Retry-After: 0", 3)
        .retry_after(0..=0);
    throttled_for_a_while => Row::scripted(
        "429, then a reply",
        vec![vec![
            Step::Request,
            Step::Send(reply("429 Too Many Requests", "Retry-After: 0", "")),
            Step::Request,
            Step::Send(ok(CREATED)),
        ]],
    )
    // The second attempt succeeds.
    .requests(2)
    .made();
    throttled_for_longer_than_the_call => throttled(
        "429, to wait longer than the call may last",
        "Retry-After: 120",
        1,
    )
    .retry_after(120..=120);
    throttled_until_a_date => throttled(
        "429, to wait until a date that is too far off",
        &(Utc::now() + TimeDelta::seconds(120)).format("Retry-After: %a, %d %b %Y %H:%M:%S GMT").to_string(),
        1,
    )
    .retry_after(60..=120);
    throttled_until_a_past_date => throttled(
        "429 three times, to wait until a date that has passed",
        "Retry-After: Mon, 03 Nov 2025 07:01:40 GMT",
        3,
    )
    .retry_after(0..=0);
    throttled_for_ever => throttled(
        "429, to wait longer than any clock runs",
        "Retry-After: 18446744073709551615",
        1,
    )
    .retry_after(u64::MAX..=u64::MAX);
    throttled_in_words => throttled("429 three times, with a wait that is none", "Retry-After: <token>", 3);

    server_error => Row::answered("500", reply("500 Internal Server Error", "", HTML));
    server_error_with_a_listed_code => Row::answered(
        "500 with a code that the reference lists",
        reply("500 Internal Server Error", "", REFUSAL),
    )
    .rejected()
    .code("13000302")
    .advice("nothing was done: check that every file id belongs to the container id");
    server_error_with_another_code => Row::answered(
        "500 with another code",
        reply("500 Internal Server Error", "", r#"{"code":"13999999","msg":"<secrets>"}"#),
    )
    .code("13999999")
    .says("***");
    bad_gateway => Row::answered("502 as HTML", reply("502 Bad Gateway", "", HTML));
    unavailable => Row::answered("503", reply("503 Service Unavailable", "Retry-After: 5", GATEWAY))
        .code("APIGW.0301")
        .retry_after(5..=5);
    gateway_timeout => Row::answered("504", reply("504 Gateway Timeout", "", ""));
    no_known_status => Row::answered("a status that HTTP doesn't know", reply("799 Other", "", CREATED))
        .code("0");

    moved => redirect("301 to the same host", "301 Moved Permanently", "/elsewhere");
    found => redirect("302 to the same host", "302 Found", "/elsewhere");
    temporary => redirect("307 to the same host", "307 Temporary Redirect", "/elsewhere").redirected();
    permanent => redirect("308 to the same host", "308 Permanent Redirect", "/elsewhere").redirected();
    moved_elsewhere => elsewhere("301 to another host", "301 Moved Permanently", false);
    found_elsewhere => elsewhere("302 to another host", "302 Found", false);
    temporary_elsewhere => elsewhere("307 to another host", "307 Temporary Redirect", false).redirected();
    permanent_elsewhere => elsewhere("308 to another host", "308 Permanent Redirect", false).redirected();
    moved_into_the_clear => elsewhere("301 from https to http", "301 Moved Permanently", true);
    found_in_the_clear => elsewhere("302 from https to http", "302 Found", true);
    temporary_in_the_clear => elsewhere("307 from https to http", "307 Temporary Redirect", true).redirected();
    permanent_in_the_clear => elsewhere("308 from https to http", "308 Permanent Redirect", true).redirected();
}

/// One connection on which every request is refused.
fn refusals(status: &str, headers: &str, body: &str, count: usize) -> Vec<Vec<Step>> {
    let refusal = [Step::Request, Step::Send(reply(status, headers, body))];
    vec![vec![refusal; count].concat()]
}

/// One connection on which a request is refused with each of these `Date` headers, and the last one gets `last`.
fn dated(title: &'static str, dates: &[String], last: Vec<u8>) -> Row {
    let refusals = dates.iter().map(|date| reply("401 Unauthorized", date, GATEWAY));
    let replies = refusals.chain([last]).flat_map(|reply| [Step::Request, Step::Send(reply)]);
    // A provider is left out, since its token would be renewed, too.
    Row::scripted(title, vec![replies.collect()]).only(&[Caller::Bearer, Caller::Verbatim, Caller::App])
}

/// The header `Date` of a server whose clock is this many hours ahead of ours.
fn off(hours: i64) -> String {
    (Utc::now() + TimeDelta::hours(hours)).format("Date: %a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Requests that are throttled `seen` times with this status, and with a `Retry-After` of 0.
fn throttled_as(title: &'static str, status: &'static str, seen: usize) -> Row {
    let body = r#"{"error_code":"APIG.0308","error_msg":"slow down, <secrets>"}"#;
    Row::scripted(title, refusals(status, "Retry-After: 0", body, seen))
        .requests(seen)
        .status(status[..3].parse().unwrap())
        .rejected()
        .is("refused throttled retryable")
        .code("APIG.0308")
        .retry_after(0..=0)
        .advice("nothing was done: wait, then send fewer requests at a time")
}

/// Requests that are answered 429 `seen` times: as many of three attempts as `Retry-After` leaves time for.
fn throttled(title: &'static str, headers: &str, seen: usize) -> Row {
    let body = r#"{"error_code":"APIGW.0308","error_msg":"slow down, <secrets>"}"#;
    Row::scripted(title, refusals("429 Too Many Requests", headers, body, seen))
        .requests(seen)
        .status(429)
        .rejected()
        .is("refused throttled retryable")
        .code("APIGW.0308")
        .advice("nothing was done: wait, then send fewer requests at a time")
}

/// A redirect, which isn't followed: no further request is sent to any server.
fn redirect(title: &'static str, status: &str, location: &str) -> Row {
    let row = Row::answered(title, reply(status, &format!("Location: {location}"), HTML));
    if status < "304" { row.says("it is a redirect, and none is followed: check the endpoint") } else { row }
}

/// A redirect to another server, which must see nothing. The endpoint has TLS if `tls`.
fn elsewhere(title: &'static str, status: &'static str, tls: bool) -> Row {
    let row = Row::driven(title, move |trial| async move {
        let authority = Authority::new();
        let other = trial.server(&vec![]).await;
        let location = format!("Location: {}/a", other.endpoint());
        let script = vec![vec![Step::Request, Step::Send(reply(status, &location, HTML))]];
        let server = if tls {
            trial.tls_server(&script, authority.acceptor(Trust::Deserved)).await
        } else {
            trial.server(&script).await
        };
        let client = trial.builder(&server.endpoint()).root_certificates(authority.pem());
        let ending = trial.call(&client.build().unwrap()).await;
        other.finish().await;
        Observed::by(server, ending).await
    });
    row.status(status[..3].parse().unwrap())
}

impl Row {
    /// 307 and 308 ask for the same request elsewhere, so this one wasn't carried out.
    fn redirected(self) -> Self {
        self.rejected().advice("nothing was done: check the endpoint, redirects are not followed")
    }
}
