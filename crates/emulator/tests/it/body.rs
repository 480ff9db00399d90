//! The rules of the bodies.

use koodrive_share_emulator::Emulator;
use serde_json::json;

use crate::support::{CREATE, DETAIL, Sent, create, cut, dump, package, send, set, strict};

async fn refuse_all(emulator: &Emulator, cases: &[(String, &str)]) {
    for (body, why) in cases {
        let reply = send(emulator, &Sent::create().body(body.as_str())).await;
        let why = format!("parameter verification failed: {why}");
        reply.refused(400, "\"13000102\"", &why);
    }
    assert!(emulator.tasks().is_empty());
}

#[tokio::test]
async fn every_rule_of_the_create_body_refuses() {
    let emulator = strict().await;
    let ids = |count: usize| json!(vec!["id"; count]);
    let cases = [
        (String::new(), "body: "),
        ("{".to_owned(), "body: "),
        ("[]".to_owned(), "body: "),
        ("[1,\"c\",[\"f\"],\"z\",\"s\"]".to_owned(), "body: "),
        ("null".to_owned(), "body: "),
        (format!("{} x", package()), "body: "),
        (cut(package(), "", "taskType"), "taskType: mandatory"),
        (set(package(), "/taskType", json!("1")), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(1.5)), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(null)), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(0)), "taskType: must be 1 or 2"),
        (set(package(), "/taskType", json!(3)), "taskType: must be 1 or 2"),
        (cut(package(), "", "containerId"), "containerId: mandatory"),
        (set(package(), "/containerId", json!("")), "containerId: must not be empty"),
        (set(package(), "/containerId", json!(null)), "containerId: must be a string"),
        (cut(package(), "", "shareId"), "shareId: mandatory"),
        (set(package(), "/shareId", json!(7)), "shareId: must be a string"),
        (cut(package(), "", "fileIds"), "fileIds: mandatory"),
        (set(package(), "/fileIds", json!("a")), "fileIds: must be an array"),
        (set(package(), "/fileIds", ids(0)), "fileIds: must hold 1 to 1000"),
        (set(package(), "/fileIds", ids(1001)), "fileIds: must hold 1 to 1000"),
        (set(package(), "/fileIds", json!(["a", ""])), "fileIds[1]: must not be empty"),
        (set(package(), "/fileIds", json!(["a", null])), "fileIds[1]: must be a string"),
        (set(package(), "/kdstoken", json!(null)), "kdstoken: must be a string"),
        (set(package(), "/kdstoken", json!("")), "kdstoken: must not be empty"),
        (cut(package(), "", "zipName"), "zipName: mandatory when taskType is 1"),
        (set(package(), "/zipName", json!("")), "zipName: must not be empty"),
        (set(package(), "/zipName", json!(null)), "zipName: must be a string"),
        (set(package(), "/more", json!(1)), "more: unknown field"),
        (package().to_string().replacen('{', "{\"shareId\":\"x\",", 1), "shareId: given twice"),
    ];
    refuse_all(&emulator, &cases).await;
    let reply = send(&emulator, &Sent::create().body(b"{\"a\":\"\xff\"}".as_slice())).await;
    reply.refused(400, "13000102", "body: not UTF-8");

    let thousand = set(package(), "/fileIds", ids(1000));
    let reply = send(&emulator, &Sent::create().body(thousand)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(emulator.tasks()[0].file_count(), 1000);
}

#[tokio::test]
async fn every_rule_of_the_target_refuses() {
    let emulator = strict().await;
    let cases = [
        (cut(dump(), "", "targetFileId"), "targetFileId: mandatory when taskType is 2"),
        (set(dump(), "/targetFileId", json!(null)), "targetFileId: "),
        (set(dump(), "/targetFileId", json!(["root", "own"])), "targetFileId: "),
        (cut(dump(), "/targetFileId", "fileId"), "targetFileId.fileId: mandatory"),
        (cut(dump(), "/targetFileId", "containerId"), "targetFileId.containerId: mandatory"),
        (set(dump(), "/targetFileId/fileId", json!("")), "targetFileId.fileId: must not"),
        (set(dump(), "/targetFileId/more", json!("")), "targetFileId.more: unknown field"),
        (dump().to_string().replace("\"root\"", "\"root\",\"fileId\":\"x\""), "fileId: given twice"),
        (set(dump(), "/zipName", json!(null)), "zipName: must be a string"),
    ];
    refuse_all(&emulator, &cases).await;
}

#[tokio::test]
async fn every_rule_of_the_detail_body_refuses() {
    let emulator = strict().await;
    let id = create(&emulator, &package()).await;
    let cases = [
        (json!({"shareId": "share"}), "13000102", "taskId: mandatory"),
        (json!({"taskId": id}), "13000102", "shareId: mandatory"),
        (json!({"taskId": id, "shareId": ""}), "13000102", "shareId: must not be empty"),
        (json!({"taskId": 1, "shareId": "share"}), "13000102", "taskId: must be a string"),
        (json!({"taskId": id, "shareId": "share", "kdstoken": null}), "13000102", "kdstoken"),
        (json!({"taskId": id, "shareId": "share", "more": 1}), "13000102", "more: unknown"),
        (json!({"taskId": id, "shareId": "other"}), "13000309", "does not exist"),
        (json!({"taskId": format!("+{id}"), "shareId": "share"}), "13000309", "does not exist"),
        (json!({"taskId": "1689765568237837825", "shareId": "share"}), "13000309", "not exist"),
        (json!({"taskId": "1", "shareId": "share"}), "13000309", "does not exist"),
        (json!({"taskId": "x", "shareId": "share"}), "13000309", "does not exist"),
    ];
    for (body, code, why) in cases {
        let reply = send(&emulator, &Sent::new(DETAIL, &body)).await;
        reply.refused(400, code, why);
    }
    assert_eq!(emulator.tasks()[0].polls(), 0);
}

#[tokio::test]
async fn a_share_that_needs_a_kdstoken_refuses_any_other() {
    let builder = Emulator::builder().share_access("kds-secret");
    let emulator = builder.start().await.unwrap();
    let id = create(&emulator, &package()).await;
    let mut other = package();
    other["kdstoken"] = json!("guess");
    for sent in [
        Sent::new(CREATE, &other),
        Sent::new(CREATE, &dump()),
        Sent::new(DETAIL, &json!({"taskId": id, "shareId": "share"})),
    ] {
        send(&emulator, &sent).await.refused(400, "13000410", "msg");
    }
    assert_eq!(emulator.tasks().len(), 1);
}
