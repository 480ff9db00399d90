//! The requests that are kept.

use koodrive_share_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{create, package, poll};

#[tokio::test]
async fn only_the_most_recent_requests_and_bodies_are_kept() {
    let builder = Emulator::builder().record(2);
    let emulator = builder.start().await.unwrap();
    let mut ids = Vec::new();
    for name in ["1", "2", "3"] {
        let mut body = package();
        body["zipName"] = json!(name);
        ids.push(create(&emulator, &body).await);
    }
    let kept: Vec<Value> = emulator.requests().iter().map(|request| request.json().unwrap()).collect();
    assert_eq!((kept.len(), &kept[0]["zipName"]), (2, &json!("2")));
    assert_eq!(emulator.request_count(), 3);
    let tasks = emulator.tasks();
    let bodies: Vec<bool> = tasks.iter().map(|task| task.body().is_some()).collect();
    assert_eq!(bodies, [false, true, true]);
    assert_eq!(poll(&emulator, &ids[0]).await["taskInfos"], json!([]));
    assert_eq!(poll(&emulator, &ids[1]).await["taskInfos"][0]["fileId"], "a");

    let none = Emulator::builder().record(0).start().await.unwrap();
    create(&none, &package()).await;
    assert!(none.requests().is_empty() && none.tasks()[0].body().is_none());
}
