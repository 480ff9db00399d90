//! A clock that is wrong, against an emulator that checks the time.

use chrono::{TimeDelta, Utc};
use koodrive_share::{Client, ClientBuilder, Credentials, Outcome, XDate};
use koodrive_share_emulator::{Answer, Emulator, Fault};

use crate::support::fixtures::{builder, dump, strict_emulator};

const APP: (&str, &str) = ("app", "app-secret");

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
            // The refused attempt, which teaches the time, and the one that is signed anew.
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
        // Accepted although it was 14 minutes old, and so is the next one.
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

#[tokio::test]
async fn a_third_refusal_is_the_callers() {
    let emulator = emulator().await;
    // Each explains the refusal, and contradicts the one before.
    for minutes in [60, 120, 180] {
        let date = (Utc::now() + TimeDelta::minutes(minutes)).format("%a, %d %b %Y %H:%M:%S GMT");
        let expired = Answer::gateway(401, "APIGW.0301", "expired").header("Date", date.to_string());
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
    // No usable Date header, so the text alone tells the time.
    let answer = Answer::gateway(401, "APIGW.0301", &text).header("Date", "unreadable");
    emulator.fail_next(Fault::Reply(answer));
    emulator.set_clock_offset(TimeDelta::minutes(30));
    let [client, _] = clients(&emulator, TimeDelta::zero());
    client.create(&dump().build().unwrap()).await.unwrap();
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn sources_that_disagree_correct_nothing_and_are_both_named() {
    let emulator = emulator().await;
    let text = "expired, signature time:20261124T080000Z,server time:20300101T000000Z";
    let answer = Answer::gateway(401, "APIGW.0301", text).header("Date", "Mon, 01 Jan 2029 00:00:00 GMT");
    emulator.fail_next(Fault::Reply(answer));
    let [client, _] = clients(&emulator, TimeDelta::zero());
    let error = client.create(&dump().build().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("20290101T000000Z") && error.contains("20300101T000000Z"), "{error}");
    assert_eq!(emulator.request_count(), 1);
    // Not corrected: the emulator, whose clock is right, accepts the next one.
    client.create(&dump().build().unwrap()).await.unwrap();
}
