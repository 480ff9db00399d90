//! One client for many users.

use std::time::Duration;

use koodrive_share::{Client, Credentials, ShareTask};
use koodrive_share_emulator::Fault;

use crate::support::{
    fixtures::{USER, broken, builder, builder_at, dump, strict_emulator},
    scripted_server::{ScriptedServer, Step, json_reply},
};

const SECOND: Duration = Duration::from_secs(1);

fn task() -> ShareTask {
    dump().build().unwrap()
}

async fn create(client: &Client) {
    client.create(&task()).await.unwrap();
}

#[tokio::test]
async fn users_share_a_connection_and_differ_in_what_they_send() {
    let created = json_reply(200, &serde_json::json!({"code": 0, "msg": "Success", "taskId": "1"}));
    let server = ScriptedServer::start(vec![vec![[Step::Request, Step::Send(created)]; 3].concat()]).await;
    let client = builder_at(&server.endpoint()).build().unwrap();
    let other = client.for_user("other").unwrap().with_credentials(Credentials::bearer("their-own")).unwrap();
    create(&other).await;
    create(&client).await;
    create(&other.for_user("third").unwrap()).await;
    drop((client, other));
    let seen = server.finish().await;
    assert_eq!(seen.connections, 1);
    let sent =
        [("other", "their-own"), (USER, koodrive_share_emulator::Emulator::DEFAULT_TOKEN), ("third", "their-own")];
    for (request, (user, token)) in seen.requests.iter().zip(sent) {
        assert!(request.contains(&format!("x-user-id: {user}\r\n")), "{request}");
        assert!(request.contains(&format!("authorization: Bearer {token}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn what_one_user_learns_of_the_clock_serves_all() {
    let emulator = strict_emulator().start().await.unwrap();
    let slow = || chrono::Utc::now() - chrono::TimeDelta::hours(12);
    let client = builder(&emulator).clock(slow).build().unwrap();
    let (one, other) = (client.for_user("one").unwrap(), client.for_user("other").unwrap());
    create(&one).await;
    assert_eq!(emulator.request_count(), 2, "refused once, then corrected");
    create(&other).await;
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test(start_paused = true)]
async fn users_share_the_maximum_of_concurrent_requests() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_concurrent_requests(1).build().unwrap();
    let (one, other) = (client.for_user("one").unwrap(), client.for_user("other").unwrap());
    emulator.fail_next(Fault::Delay(60 * SECOND));
    let first = tokio::spawn(async move { one.create(&task()).await });
    while emulator.request_count() == 0 {
        tokio::task::yield_now().await;
    }
    let error = other.with_timeout(11 * SECOND).unwrap().create(&task()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("no time was left"), "{error}");
    assert_eq!(emulator.request_count(), 1);
    assert!(first.await.unwrap().unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_some_calls_may_be_shorter_or_longer() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).connect_timeout(SECOND).max_attempts(1).build().unwrap();
    for (timeout, delay, is_in_time) in [(5, 6, false), (20, 10, true), (120, 60, true), (120, 121, false)] {
        emulator.fail_next(Fault::Delay(delay * SECOND));
        let result = client.with_timeout(timeout * SECOND).unwrap().create(&task()).await;
        assert_eq!(result.is_ok(), is_in_time, "{timeout} {delay}");
        if let Err(error) = result {
            assert_eq!((error.is_timeout(), error.elapsed().as_secs()), (true, u64::from(timeout)), "{error}");
        }
    }
}

#[test]
fn what_differs_keeps_the_rules() {
    let client = builder_at("http://localhost").connect_timeout(SECOND).build().unwrap();
    for user in ["", "a\nb"] {
        let error = client.for_user(user).unwrap_err();
        assert_eq!(broken(&error), ["X-User-Id header-text"]);
        assert!(error.to_string().ends_with("give for_user(…) the id of a user"), "{error}");
    }
    let credentials = Credentials::bearer("Bearer s3cret");
    assert_eq!(broken(&client.with_credentials(credentials).unwrap_err()), ["token bare-token"]);
    assert_eq!(broken(&client.with_timeout(Duration::ZERO).unwrap_err()), ["timeout timeout"]);
    // The connect time-out stays what it was.
    let error = client.with_timeout(SECOND).unwrap_err();
    assert_eq!(broken(&error), ["connect_timeout connect-timeout"]);
    assert!(error.to_string().contains("given 1s of 1s"), "{error}");
    // The same holds for the default connect time-out.
    let error = builder_at("http://localhost").build().unwrap().with_timeout(8 * SECOND).unwrap_err();
    assert!(error.to_string().contains("given 10s of 8s"), "{error}");
}
