//! Wrong clocks, against an emulator that checks the time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use koodrive_share::{AccessToken, Client, ClientBuilder, Credentials, Error, Outcome, XDate};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    bulk::ids,
    bulk_run::{complete, one_by_one, outcomes},
    fixtures::{builder, builder_at, client, dump, dump_template, strict_emulator},
    own_server::{OwnServer, Reply},
};

const APP: (&str, &str) = ("app", "app-secret");

/// The time in the form of the header `Date`.
fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

async fn emulator() -> Emulator {
    let emulator = strict_emulator().token(Emulator::DEFAULT_TOKEN).app(APP.0, APP.1);
    emulator.start().await.unwrap()
}

/// The clients of both kinds of credentials, on a clock that is this far ahead.
fn clients(emulator: &Emulator, ahead: TimeDelta) -> [Client; 2] {
    let clocked = |builder: ClientBuilder| builder.clock(move || Utc::now() + ahead).build().unwrap();
    let app = builder(emulator).credentials(Credentials::app(APP.0, APP.1));
    [clocked(builder(emulator)), clocked(app)]
}

#[tokio::test]
async fn a_clock_16_minutes_off_costs_at_most_one_refused_attempt() {
    for ahead in [16, -16, 12 * 60, -12 * 60] {
        let emulator = emulator().await;
        for client in clients(&emulator, TimeDelta::minutes(ahead)) {
            let before = emulator.request_count();
            client.create(&dump().build().unwrap()).await.unwrap();
            // The requests are the refused attempt, which teaches the time, and the one that is signed anew.
            assert_eq!(emulator.request_count() - before, 2, "{ahead} minutes");
            client.create(&dump().build().unwrap()).await.unwrap();
            assert_eq!(emulator.request_count() - before, 3, "{ahead} minutes");
        }
        assert_eq!(emulator.tasks().len(), 4);
    }
}

#[tokio::test]
async fn a_clock_a_little_off_costs_no_attempt() {
    for ahead in [9, -9, -600] {
        let emulator = emulator().await;
        for client in clients(&emulator, TimeDelta::seconds(ahead)) {
            client.create(&dump().build().unwrap()).await.unwrap();
        }
        assert_eq!(emulator.request_count(), 2, "{ahead} seconds");
    }
}

#[tokio::test]
async fn a_success_teaches_nothing() {
    let emulator = emulator().await;
    for client in clients(&emulator, TimeDelta::minutes(-14)) {
        client.create(&dump().build().unwrap()).await.unwrap();
        client.create(&dump().build().unwrap()).await.unwrap();
    }
    let requests = emulator.requests();
    let date = |n: usize| requests[n].header("x-date").unwrap().parse::<XDate>().unwrap().time();
    for first in [0, 2] {
        // The first date, 14 minutes old, was accepted, and the next one is not corrected.
        assert!(date(first + 1) - date(first) < TimeDelta::minutes(1), "{requests:?}");
    }
}

#[tokio::test]
async fn a_clock_that_a_refusal_does_not_explain_is_not_signed_anew() {
    let emulator = emulator().await;
    emulator.fail_next(Fault::Reply(Answer::gateway(401, "APIGW.0301", "no")));
    let [client, _] = clients(&emulator, TimeDelta::zero());
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!(emulator.request_count(), 1);
}

/// After a refusal of the date, a retry would be right. But the first reply may have made a task, and the second has
/// another cause.
#[tokio::test]
async fn what_no_wrong_date_causes_is_not_signed_anew() {
    let named = Answer::json(403, &json!({"code": 13_000_300, "taskId": "7001"}));
    let missing = Answer::service(404, "13000313", "no such share");
    for (answer, outcome) in [(named, Outcome::Unknown), (missing, Outcome::Rejected)] {
        let emulator = emulator().await;
        let date = http_date(Utc::now() + TimeDelta::hours(1));
        emulator.fail_next(Fault::Reply(answer.header("Date", date)));
        let [client, _] = clients(&emulator, TimeDelta::zero());
        let error = client.create(&dump().build().unwrap()).await.unwrap_err();
        assert_eq!((error.outcome(), emulator.request_count()), (outcome, 1), "{error}");
    }
}

/// The service also refuses with status 200. Source: carrier reference, errors.
#[tokio::test]
async fn a_refusal_under_200_heals_the_clock_as_one_under_400_does() {
    let emulator = emulator().await;
    for status in [200, 400] {
        for refusal in [
            Answer::service(status, "13000101", "bad request"),
            Answer::service(status, "13000102", "parameter verification failed"),
            Answer::gateway(status, "APIGW.0301", "expired"),
        ] {
            for client in clients(&emulator, TimeDelta::hours(12)) {
                emulator.fail_next(Fault::Reply(refusal.clone().header("Date", http_date(Utc::now()))));
                let before = emulator.request_count();
                client.create(&dump().build().unwrap()).await.unwrap();
                assert_eq!(emulator.request_count() - before, 2, "{refusal:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_third_refusal_is_the_callers() {
    let emulator = emulator().await;
    // Each `Date` explains the refusal, but contradicts the one before.
    for minutes in [60, 120, 180] {
        let date = http_date(Utc::now() + TimeDelta::minutes(minutes));
        let expired = Answer::gateway(401, "APIGW.0301", "expired").header("Date", date);
        emulator.fail_next(Fault::Reply(expired));
    }
    let [client, _] = clients(&emulator, TimeDelta::zero());
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.to_string().contains("check this machine's clock"), "{error}");
    assert_eq!((error.attempts(), emulator.request_count()), (3, 3));
}

#[tokio::test]
async fn the_gateways_text_is_a_second_source_of_the_time() {
    let emulator = emulator().await;
    let server = (Utc::now() + TimeDelta::minutes(30)).format("%Y%m%dT%H%M%SZ").to_string();
    let text = format!("expired, signature time:20261124T080000Z,server time:{server}");
    // The `Date` header is unusable, so only the text has the time.
    let answer = Answer::gateway(401, "APIGW.0301", &text).header("Date", "unreadable");
    emulator.fail_next(Fault::Reply(answer));
    emulator.set_clock_offset(TimeDelta::minutes(30));
    let [client, _] = clients(&emulator, TimeDelta::zero());
    client.create(&dump().build().unwrap()).await.unwrap();
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn the_gateways_text_is_believed_where_an_intermediary_stamps_another_date() {
    let emulator = emulator().await;
    let text = "expired, signature time:20261124T080000Z,server time:20300101T000000Z";
    let answer = Answer::gateway(401, "APIGW.0301", text).header("Date", "Mon, 01 Jan 2029 00:00:00 GMT");
    emulator.fail_next(Fault::Reply(answer));
    let [client, _] = clients(&emulator, TimeDelta::zero());
    client.create(&dump().build().unwrap()).await.unwrap();
    let requests = emulator.requests();
    // The requests are dated by the client's clock, by the text (10 s before 2030), and by the client's clock again,
    // since the emulator's clock is right.
    let years: Vec<_> = requests.iter().map(|request| &request.header("x-date").unwrap()[..4]).collect();
    assert_eq!((years.len(), years[1], years[2] == years[0]), (3, "2029", true), "{years:?}");
}

/// A service behind an intermediary that stamps every `nth` reply, from the first one on, with a `Date` that is `off`.
/// The service judges `X-Date` by the true time, as the reference says, and names no time itself.
async fn behind_an_intermediary(off: Arc<AtomicI64>, nth: u64) -> OwnServer {
    OwnServer::start(move |request| {
        let now = Utc::now();
        let stamped = if (request.number - 1).is_multiple_of(nth) { off.load(Ordering::SeqCst) } else { 0 };
        let date = http_date(now + TimeDelta::seconds(stamped));
        let x_date = request.header("x-date").unwrap().parse::<XDate>().unwrap().time();
        let age = now.timestamp() - x_date.timestamp();
        let reply = if (0..=900).contains(&age) {
            Reply::new(200, &json!({"code": 0, "msg": "Success", "taskId": (7_000 + request.number).to_string()}))
        } else {
            Reply::new(401, &json!({"error_code": "APIGW.0301", "error_msg": "x-date is not in the valid window"}))
        };
        reply.header("Date", &date)
    })
    .await
}

/// A clock that a test moves, in seconds from the true time, and the clients of both kinds of credentials on it.
fn moved_clients(endpoint: &str, ahead: i64) -> [(Client, Arc<AtomicI64>); 2] {
    [Credentials::bearer(Emulator::DEFAULT_TOKEN), Credentials::app(APP.0, APP.1)].map(|credentials| {
        let moved = Arc::new(AtomicI64::new(ahead));
        let clock = moved.clone();
        let builder = builder_at(endpoint).credentials(credentials);
        let client = builder.clock(move || Utc::now() + TimeDelta::seconds(clock.load(Ordering::SeqCst)));
        (client.build().unwrap(), moved)
    })
}

/// The ways in which an intermediary's clock is off: 90 s, an hour, a day.
const OFF: [i64; 6] = [90, -90, 3_600, -3_600, 86_400, -86_400];

/// Makes a call, and returns its result and the number of its requests.
async fn counted(server: &OwnServer, client: &Client) -> (Result<(), Error>, u64) {
    let before = server.request_count();
    let created = client.create(&dump().build().unwrap()).await.map(drop);
    if let Err(error) = &created {
        assert_eq!(u64::from(error.attempts()), server.request_count() - before, "{error}");
    }
    (created, server.request_count() - before)
}

#[tokio::test]
async fn right_clock_takes_one_request_for_each_call_whatever_an_intermediary_stamps() {
    for off in OFF {
        for nth in [1, 2] {
            let server = behind_an_intermediary(Arc::new(off.into()), nth).await;
            for (client, _) in moved_clients(server.endpoint(), 0) {
                for _ in 0..5 {
                    let (created, requests) = counted(&server, &client).await;
                    created.unwrap();
                    assert_eq!(requests, 1, "{off} s, every {nth}th");
                }
            }
        }
    }
}

#[tokio::test]
async fn refusal_of_another_cause_behind_an_intermediary_costs_a_right_clock_no_later_request() {
    for off in OFF {
        let emulator = emulator().await;
        let date = http_date(Utc::now() + TimeDelta::seconds(off));
        for client in clients(&emulator, TimeDelta::zero()) {
            let expired = Answer::gateway(401, "APIGW.0301", "the token has expired").header("Date", &date);
            // The token is refused at every attempt of this call.
            for _ in 0..3 {
                emulator.fail_next(Fault::Reply(expired.clone()));
            }
            client.create(&dump().build().unwrap()).await.unwrap_err();
            while emulator.faults_left() > 0 {
                // Further calls take the faults that are left.
                client.create(&dump().build().unwrap()).await.unwrap_err();
            }
            let before = emulator.request_count();
            client.create(&dump().build().unwrap()).await.unwrap();
            assert_eq!(emulator.request_count() - before, 1, "{off} s");
        }
    }
}

#[tokio::test]
async fn clock_12_hours_off_costs_exactly_one_refused_attempt_where_date_is_right() {
    for ahead in [12 * 3_600, -12 * 3_600, 86_400, -1_200] {
        let server = behind_an_intermediary(Arc::default(), 1).await;
        for (client, _) in moved_clients(server.endpoint(), ahead) {
            for expected in [2, 1, 1] {
                let (created, requests) = counted(&server, &client).await;
                created.unwrap();
                assert_eq!(requests, expected, "{ahead} s");
            }
        }
    }
}

#[tokio::test]
async fn wrong_clock_heals_where_every_second_date_is_wrong() {
    for off in OFF {
        for ahead in [-1_200, 12 * 3_600, -12 * 3_600] {
            // Each client has its own server, since the first reply of a server is a stamped one.
            for client in 0..2 {
                let server = behind_an_intermediary(Arc::new(off.into()), 2).await;
                let (client, _) = &moved_clients(server.endpoint(), ahead)[client];
                let (created, requests) = counted(&server, client).await;
                created.unwrap();
                // One request has the date of the client's clock, one that of the wrong `Date`, and one is accepted.
                assert!(requests <= 3, "{off} s, {ahead} s: {requests}");
                for _ in 0..3 {
                    let (created, requests) = counted(&server, client).await;
                    created.unwrap();
                    assert_eq!(requests, 1, "{off} s, {ahead} s");
                }
            }
        }
    }
}

#[tokio::test]
async fn hopeless_clock_ends_soon_and_its_error_names_the_clock() {
    // A `Date` that is 90 s slow still leads to an `X-Date` within the window.
    for off in OFF.into_iter().filter(|off| *off != -90) {
        for ahead in [-1_200, 12 * 3_600, -12 * 3_600] {
            let server = behind_an_intermediary(Arc::new(off.into()), 1).await;
            for (client, _) in moved_clients(server.endpoint(), ahead) {
                for _ in 0..2 {
                    let (created, requests) = counted(&server, &client).await;
                    let error = created.unwrap_err();
                    assert_eq!(error.outcome(), Outcome::Rejected);
                    assert!(error.to_string().contains("check this machine's clock"), "{off} {ahead}: {error}");
                    // The requests are dated by the client's clock, by `Date`, and by the client's clock once more.
                    assert!(requests <= 3, "{off} s, {ahead} s: {requests}");
                }
            }
        }
    }
}

#[tokio::test]
async fn intermediary_that_is_mended_lets_a_hopeless_clock_heal() {
    for ahead in [-1_200, 12 * 3_600] {
        let off = Arc::new(AtomicI64::new(3_600));
        let server = behind_an_intermediary(off.clone(), 1).await;
        for (client, _) in moved_clients(server.endpoint(), ahead) {
            off.store(3_600, Ordering::SeqCst);
            counted(&server, &client).await.0.unwrap_err();
            off.store(0, Ordering::SeqCst);
            for expected in [2, 1] {
                let (created, requests) = counted(&server, &client).await;
                created.unwrap();
                assert_eq!(requests, expected, "{ahead} s");
            }
        }
    }
}

#[tokio::test]
async fn clock_that_is_set_right_is_followed_even_where_the_date_is_wrong() {
    for off in [0, 90, 3_600, -86_400] {
        for ahead in [12 * 3_600, -12 * 3_600] {
            let stamped = Arc::new(AtomicI64::new(0));
            let server = behind_an_intermediary(stamped.clone(), 1).await;
            for (client, clock) in moved_clients(server.endpoint(), ahead) {
                stamped.store(0, Ordering::SeqCst);
                counted(&server, &client).await.0.unwrap();
                counted(&server, &client).await.0.unwrap();
                // The second call has used the correction. Now the clock is set right.
                clock.store(0, Ordering::SeqCst);
                stamped.store(off, Ordering::SeqCst);
                let (created, requests) = counted(&server, &client).await;
                created.unwrap();
                // The requests are dated with the old correction, by the wrong `Date`, and by the client's clock.
                assert!(requests <= if off == 0 { 2 } else { 3 }, "{off} s: {requests}");
                for _ in 0..2 {
                    let (created, requests) = counted(&server, &client).await;
                    created.unwrap();
                    assert_eq!(requests, 1, "{off} s, {ahead} s");
                }
            }
        }
    }
}

#[tokio::test]
async fn reply_from_a_cache_teaches_nothing() {
    let emulator = emulator().await;
    for client in clients(&emulator, TimeDelta::zero()) {
        let cached = Answer::gateway(401, "APIGW.0301", "expired")
            .header("Date", http_date(Utc::now() - TimeDelta::hours(2)))
            .header("Age", "7200");
        emulator.fail_next(Fault::Reply(cached));
        let before = emulator.request_count();
        client.create(&dump().build().unwrap()).await.unwrap_err();
        client.create(&dump().build().unwrap()).await.unwrap();
        // The requests are the refused one, and one that was dated by the client's clock.
        assert_eq!(emulator.request_count() - before, 2);
    }
}

#[tokio::test]
async fn server_error_of_a_gateway_teaches_nothing() {
    let emulator = emulator().await;
    let date = http_date(Utc::now() + TimeDelta::hours(1));
    for client in clients(&emulator, TimeDelta::zero()) {
        for status in [500, 502, 503, 504] {
            emulator.fail_next(Fault::Reply(Answer::gateway(status, "APIGW.0301", "expired").header("Date", &date)));
            let before = emulator.request_count();
            client.create(&dump().build().unwrap()).await.unwrap_err();
            client.create(&dump().build().unwrap()).await.unwrap();
            assert_eq!(emulator.request_count() - before, 2, "{status}");
        }
    }
}

#[tokio::test]
async fn healed_clock_is_not_questioned_by_a_refusal_of_another_cause() {
    for ahead in [12, -12] {
        let emulator = emulator().await;
        for client in clients(&emulator, TimeDelta::hours(ahead)) {
            client.create(&dump().build().unwrap()).await.unwrap();
            for refusal in [
                Answer::gateway(401, "APIGW.0301", "the token has expired"),
                Answer::service(403, "13000410", "no right"),
                Answer::new(403),
            ] {
                emulator.fail_next(Fault::Reply(refusal));
                let before = emulator.request_count();
                let error = client.create(&dump().build().unwrap()).await.unwrap_err();
                assert!(!error.to_string().contains("clock"), "{error}");
                client.create(&dump().build().unwrap()).await.unwrap();
                // The requests are the refused one and the later one, which has the same correction as before.
                assert_eq!(emulator.request_count() - before, 2, "{ahead} hours");
            }
        }
    }
}

#[tokio::test]
async fn query_heals_the_clock_as_a_creation_does() {
    let emulator = emulator().await;
    let [client, _] = clients(&emulator, TimeDelta::zero());
    let handle = client.create(&dump().build().unwrap()).await.unwrap();
    for client in clients(&emulator, TimeDelta::hours(12)) {
        let before = emulator.request_count();
        client.status(&handle).await.unwrap();
        client.create(&dump().build().unwrap()).await.unwrap();
        // The requests are the refused query, the corrected one, and the creation.
        assert_eq!(emulator.request_count() - before, 3);
    }
}

#[tokio::test]
async fn given_date_that_is_refused_is_not_exchanged() {
    let emulator = emulator().await;
    emulator.set_clock_offset(TimeDelta::hours(1));
    for client in clients(&emulator, TimeDelta::zero()) {
        let before = emulator.request_count();
        let task = dump().x_date(XDate::from(Utc::now() - TimeDelta::seconds(5))).build().unwrap();
        let error = client.create(&task).await.unwrap_err();
        assert_eq!((error.attempts(), emulator.request_count() - before), (1, 1), "{error}");
    }
}

#[tokio::test]
async fn concurrent_calls_of_a_wrong_clock_cost_one_refused_attempt_each_at_most() {
    let server = behind_an_intermediary(Arc::default(), 1).await;
    for (client, _) in moved_clients(server.endpoint(), 12 * 3_600) {
        let before = server.request_count();
        let task = dump().build().unwrap();
        for created in join_all((0..16).map(|_| client.create(&task))).await {
            created.unwrap();
        }
        assert!(server.request_count() - before <= 32);
        let (created, requests) = counted(&server, &client).await;
        created.unwrap();
        assert_eq!(requests, 1);
    }
}

#[tokio::test]
async fn concurrent_calls_of_a_right_clock_are_made_once_each_whatever_an_intermediary_stamps() {
    for off in OFF {
        let server = behind_an_intermediary(Arc::new(off.into()), 1).await;
        let [(client, _), _] = moved_clients(server.endpoint(), 0);
        let task = dump().build().unwrap();
        // The second round has what the replies of the first one have taught.
        for made in [16, 32] {
            for created in join_all((0..16).map(|_| client.create(&task))).await {
                created.unwrap();
            }
            assert_eq!(server.request_count(), made, "{off} s");
        }
    }
}

/// Asserts that a refused token is renewed, although the reply has a `Date` that is `off`, for a client whose clock is
/// this many hours ahead and has been corrected.
async fn assert_expired_token_is_renewed(off: i64, ahead: i64) {
    let emulator = strict_emulator().token("first").token("second").start().await.unwrap();
    let asked = AtomicI64::new(0);
    let provider = move || {
        let token = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "first" } else { "second" };
        async move { Ok(AccessToken::new(token)) }
    };
    let clock = move || Utc::now() + TimeDelta::hours(ahead);
    let client = builder(&emulator).credentials(Credentials::provider(provider)).clock(clock).build().unwrap();
    client.create(&dump().build().unwrap()).await.unwrap();
    emulator.revoke_token("first");
    let date = http_date(Utc::now() + TimeDelta::seconds(off));
    let refusal = Answer::gateway(401, "APIGW.0301", "the token has expired").header("Date", date);
    emulator.fail_next(Fault::Reply(refusal));
    let renewed = client.create(&dump().build().unwrap()).await;
    assert!(renewed.is_ok(), "{off} s, {ahead} hours: {renewed:?}");
    let before = emulator.request_count();
    client.create(&dump().build().unwrap()).await.unwrap();
    assert_eq!(emulator.request_count() - before, 1, "{off} s, {ahead} hours");
}

#[tokio::test]
async fn expired_token_is_renewed_whatever_an_intermediary_stamps() {
    for off in OFF {
        assert_expired_token_is_renewed(off, 0).await;
    }
    for ahead in [12, -12] {
        assert_expired_token_is_renewed(0, ahead).await;
    }
}

#[tokio::test]
async fn bulk_run_behind_an_intermediary_takes_one_request_for_each_chunk() {
    for off in OFF {
        let emulator = strict_emulator().stamped_date(TimeDelta::seconds(off), 1).start().await.unwrap();
        let bulk = client(&emulator).create_bulk_with(dump_template(), ids(5_000), one_by_one());
        assert_eq!(outcomes(&complete(bulk.unwrap()).await), [None; 5], "{off} s");
        assert_eq!(emulator.request_count(), 5, "{off} s");
    }
}

#[tokio::test]
async fn wrong_clock_heals_where_the_refusal_tells_the_time_whatever_an_intermediary_stamps() {
    for off in OFF {
        for ahead in [-20, 12 * 60, -12 * 60] {
            // The emulator's refusals name the true time, and the intermediary's `Date` another one.
            let emulator = strict_emulator().token(Emulator::DEFAULT_TOKEN).app(APP.0, APP.1);
            let emulator = emulator.stamped_date(TimeDelta::seconds(off), 1).start().await.unwrap();
            for client in clients(&emulator, TimeDelta::minutes(ahead)) {
                for expected in [2, 1] {
                    let before = emulator.request_count();
                    client.create(&dump().build().unwrap()).await.unwrap();
                    assert_eq!(emulator.request_count() - before, expected, "{off} s, {ahead} min");
                }
            }
        }
    }
}

#[tokio::test]
async fn expired_token_is_renewed_by_a_corrected_clock_whatever_an_intermediary_stamps() {
    for off in OFF {
        for ahead in [12, -12] {
            assert_expired_token_is_renewed(off, ahead).await;
        }
    }
}

#[tokio::test]
async fn refusal_that_names_its_cause_does_not_question_the_clock() {
    // The service has looked at more than the date, so it has accepted the date.
    let causes = [
        (400, json!({"code": "13000311", "msg": "not enough space"}), "free space in the target"),
        (400, json!({"code": "13000309", "msg": "resource does not exist"}), "send it again later"),
        (403, json!({"code": "13000410", "msg": "no right"}), "ask the space's owner"),
        (400, json!({"error_code": "APIG.0308", "error_msg": "throttled"}), "send fewer requests at a time"),
        (403, json!({"error_code": "APIGW.0308", "error_msg": "throttled"}), "send fewer requests at a time"),
    ];
    for off in OFF {
        for (status, cause, advice) in causes.clone() {
            let server = OwnServer::start(move |request| {
                let date = http_date(Utc::now() + TimeDelta::seconds(off));
                let x_date = request.header("x-date").unwrap().parse::<XDate>().unwrap().time();
                let is_taken = (0..=900).contains(&(Utc::now().timestamp() - x_date.timestamp()));
                let reply = if is_taken { Reply::new(status, &cause) } else { Reply::new(401, &json!({})) };
                reply.header("Date", &date)
            })
            .await;
            let client = builder_at(server.endpoint()).max_attempts(1).build().unwrap();
            let text = client.create(&dump().build().unwrap()).await.unwrap_err().to_string();
            assert!(text.contains(advice), "{off} s: {text}");
            assert_eq!(server.request_count(), 1, "{off} s: {text}");
        }
    }
}
