//! Throttling.

use std::time::Duration;

use koodrive_share_emulator::{Answer, Emulator, Fault, Throttle};
use serde_json::json;

use crate::support::{DETAIL, Sent, create, package, pass, send};

const WINDOW: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_and_make_nothing() {
    let emulator = Emulator::builder().throttle(Throttle::new(3, WINDOW)).start().await.unwrap();
    // A request for no operation, or one that never reaches the service, doesn't count.
    assert_eq!(send(&emulator, &Sent::new("/", &json!({}))).await.status, 404);
    emulator.fail_next(Fault::Reply(Answer::new(502)));
    assert_eq!(send(&emulator, &Sent::create()).await.status, 502);

    let id = create(&emulator, &package()).await;
    let asked = Sent::new(DETAIL, &json!({"taskId": id, "shareId": "share"}));
    assert_eq!(send(&emulator, &asked).await.status, 200);
    send(&emulator, &Sent::create().with("Authorization", "Bearer no")).await.refused(401, "APIGW.0301", "token");
    // A call is throttled before its headers are checked: the last one has no X-Date.
    for sent in [Sent::create(), asked.clone(), Sent::create().without("X-Date")] {
        let reply = send(&emulator, &sent).await;
        reply.refused(429, "APIGW.0308", "throttling");
        assert_eq!(reply.header("retry-after"), None);
    }
    assert_eq!((emulator.tasks().len(), emulator.tasks()[0].polls()), (1, 1));

    pass(WINDOW).await;
    assert_eq!(send(&emulator, &asked).await.status, 200);
    assert_eq!((emulator.tasks().len(), emulator.tasks()[0].polls()), (1, 2));
}

#[tokio::test]
async fn a_refusal_tells_when_the_window_ends_if_asked_to() {
    let throttle = Throttle::new(1, WINDOW).retry_after(true);
    let emulator = Emulator::builder().throttle(throttle).start().await.unwrap();
    create(&emulator, &package()).await;
    pass(WINDOW / 2).await;
    let reply = send(&emulator, &Sent::create()).await;
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    // Beside the half hour, some real time has passed, but less than a minute.
    assert!((1740..=1800).contains(&seconds), "{reply:?}");
}
