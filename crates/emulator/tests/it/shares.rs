//! Shares: the way from a link to the files, listings, and refusals.

use chrono::{TimeDelta, Utc};
use koodrive_share_emulator::{EmulatedShare, Emulator, SharedFile};
use serde_json::{Value, json};

use crate::support::{CREATE, DETAIL, Reply, Sent, create, package, send};

const INFO: &str = "/koodrive/ose/v1/share/userInfo";
const VERIFY: &str = "/koodrive/ose/v1/share/verify";
const FILES: &str = "/koodrive/ose/v1/share/files";

async fn with(share: EmulatedShare) -> Emulator {
    Emulator::builder().strict(true).share(share).start().await.unwrap()
}

async fn info(emulator: &Emulator, query: &str) -> Reply {
    let mut sent = Sent::new(INFO, &json!({})).body("").without("Content-Type").without("Content-Length");
    sent.line = format!("GET {INFO}{query} HTTP/1.1");
    send(emulator, &sent).await
}

async fn verify(emulator: &Emulator, code: &str) -> Reply {
    send(emulator, &Sent::new(VERIFY, &json!({"shortUrl": EmulatedShare::EXAMPLE, "extractCode": code}))).await
}

async fn kdstoken(emulator: &Emulator) -> String {
    verify(emulator, EmulatedShare::EXAMPLE_EXTRACT_CODE).await.body["kdstoken"].as_str().unwrap().to_owned()
}

/// A page of the share `s`.
async fn page(emulator: &Emulator, more: Value) -> Reply {
    let mut body = json!({"shortUrl": "s"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(emulator, &Sent::new(FILES, &body)).await
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.body["files"].as_array().unwrap().iter().map(|file| file["fileName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_example_share_leads_from_its_link_to_a_task() {
    let emulator = Emulator::builder().strict(true).start().await.unwrap();
    let link = info(&emulator, "?shortUrl=1808628918203192832").await.body["link"].clone();
    assert_eq!((&link["status"], &link["permission"]["download"]), (&json!(0), &json!(true)));
    let kdstoken = kdstoken(&emulator).await;
    let body = json!({"shortUrl": EmulatedShare::EXAMPLE, "kdstoken": kdstoken});
    let files = send(&emulator, &Sent::new(FILES, &body)).await;
    let file = &files.body["files"][0];
    let task = json!({"taskType": 1, "zipName": "z", "shareId": link["shareId"], "kdstoken": kdstoken,
        "containerId": file["containers"][0], "fileIds": [file["id"]]});
    create(&emulator, &task).await;
}

#[tokio::test]
async fn get_share_info_takes_its_query_and_nothing_else() {
    let emulator = with(EmulatedShare::new("s p")).await;
    assert_eq!(info(&emulator, "?shortUrl=s%20p").await.status, 200);
    assert_eq!(info(&emulator, "?shortUrl=s+p").await.status, 200);
    for (query, why) in [
        ("", "query shortUrl: mandatory"),
        ("?shortUrl=", "query shortUrl: must not be empty"),
        ("?shortUrl=a&shortUrl=b", "query shortUrl: given twice"),
        ("?shortUrl=%ff", "query shortUrl: not UTF-8"),
        ("?shortUrl=a&b=c", "query b: not documented"),
    ] {
        info(&emulator, query).await.refused(400, "13000102", why);
    }
    info(&emulator, "?shortUrl=another").await.refused(400, "13000309", "does not exist");
    let mut sent = Sent::new(INFO, &json!({}));
    sent.line = format!("GET {INFO}?shortUrl=s HTTP/1.1");
    send(&emulator, &sent).await.refused(400, "13000102", "body: the operation takes none");
    sent.line = format!("POST {INFO}?shortUrl=s HTTP/1.1");
    let reply = send(&emulator, &sent).await;
    reply.refused(405, "APIGW.0103", "method");
    assert_eq!(reply.header("allow"), Some("GET"));
}

#[tokio::test]
async fn every_rule_of_the_bodies_refuses() {
    let emulator = with(EmulatedShare::new("s").files(1)).await;
    for (body, why) in [
        (json!({"extractCode": "a"}), "shortUrl: mandatory"),
        (json!({"shortUrl": "s"}), "extractCode: mandatory"),
        (json!({"shortUrl": "s", "extractCode": ""}), "extractCode: must not be empty"),
        (json!({"shortUrl": "s", "extractCode": 7}), "extractCode: must be a string"),
        (json!({"shortUrl": "s", "extractCode": "a", "b": 1}), "b: unknown field"),
    ] {
        send(&emulator, &Sent::new(VERIFY, &body)).await.refused(400, "13000102", why);
    }
    for (more, why) in [
        (json!({"shortUrl": null}), "shortUrl: must be a string"),
        (json!({"parentFolder": ""}), "parentFolder: must not be empty"),
        (json!({"pageSize": 0}), "pageSize: must be 1 to 100, got 0"),
        (json!({"pageSize": 101}), "pageSize: must be 1 to 100, got 101"),
        (json!({"pageSize": "9"}), "pageSize: must be an integer"),
        (json!({"pageCursor": ""}), "pageCursor: must not be empty"),
        (json!({"sortType": 3}), "sortType: must be 1, 2 or 4, got 3"),
        (json!({"sortDirection": 0}), "sortDirection: must be 1 or 2, got 0"),
        (json!({"refreshCount": 1}), "refreshCount: must be a boolean"),
        (json!({"kdstoken": null}), "kdstoken: must be a string"),
        (json!({"fileName": null}), "fileName: must be a string"),
        (json!({"b": 1}), "b: unknown field"),
    ] {
        page(&emulator, more).await.refused(400, "13000102", why);
    }
    page(&emulator, json!({"pageCursor": "2"})).await.refused(400, "13000101", "pageCursor");
    page(&emulator, json!({"parentFolder": "none"})).await.refused(400, "13000309", "does not exist");
}

#[tokio::test]
async fn wrong_and_used_up_codes_and_lapsed_tokens_are_refused() {
    let emulator = with(EmulatedShare::example().code_uses(2).kdstoken_calls(1)).await;
    verify(&emulator, "00000000").await.refused(400, "13000102", "extractCode: wrong");
    let token = kdstoken(&emulator).await;
    let list = async |kdstoken: &str| {
        let body = json!({"shortUrl": EmulatedShare::EXAMPLE, "kdstoken": kdstoken});
        send(&emulator, &Sent::new(FILES, &body)).await
    };
    list("another").await.refused(400, "13000410", "may not operate");
    assert_eq!(list(&token).await.status, 200);
    list(&token).await.refused(400, "13000410", "may not operate");
    let token = kdstoken(&emulator).await;
    emulator.lapse_kdstokens();
    list(&token).await.refused(400, "13000410", "may not operate");
    verify(&emulator, EmulatedShare::EXAMPLE_EXTRACT_CODE).await.refused(400, "13000102", "extractCode: used up");
}

#[tokio::test]
async fn a_share_that_has_ended_is_told_by_its_status_and_refused_elsewhere() {
    for ended in
        [EmulatedShare::new("s").status(2), EmulatedShare::new("s").expires(Utc::now() - TimeDelta::seconds(1))]
    {
        let emulator = with(ended.share_id("share")).await;
        assert_eq!(info(&emulator, "?shortUrl=s").await.status, 200);
        page(&emulator, json!({})).await.refused(400, "13000309", "does not exist");
        send(&emulator, &Sent::new(CREATE, &package())).await.refused(400, "13000309", "does not exist");
        send(&emulator, &Sent::new(DETAIL, &json!({"taskId": "t", "shareId": "share"}))).await.refused(
            400,
            "13000309",
            "does not exist",
        );
    }
}

#[tokio::test]
async fn files_are_sorted_filtered_and_paged_as_asked() {
    let file = |name: &str, size, edited: &str| SharedFile::file(name, size).edited(edited);
    let share = EmulatedShare::new("s").file(file("b", 1, "3")).file(file("c", 2, "1")).file(file("a", 3, "2"));
    let emulator = with(share).await;
    for (asked, expected) in [
        (json!({}), ["b", "a", "c"]),
        (json!({"sortDirection": 1}), ["c", "a", "b"]),
        (json!({"sortType": 1, "sortDirection": 1}), ["a", "b", "c"]),
        (json!({"sortType": 2}), ["a", "c", "b"]),
    ] {
        assert_eq!(names(&page(&emulator, asked.clone()).await), expected, "{asked}");
    }
    assert_eq!(names(&page(&emulator, json!({"fileName": "c"})).await), ["c"]);
    let sorted = json!({"sortType": 1, "sortDirection": 1, "pageSize": 2});
    let first = page(&emulator, sorted.clone()).await;
    assert_eq!(names(&first), ["a", "b"]);
    let mut next = sorted;
    next["pageCursor"] = first.body["nextCursor"].clone();
    let last = page(&emulator, next).await;
    assert_eq!((names(&last), last.body.get("nextCursor")), (vec!["c"], None));
}

/// The million files take no memory: only the files of a page are generated.
#[tokio::test]
async fn directories_of_any_size_are_generated() {
    let emulator = with(EmulatedShare::new("s").tree(1_000_000, 2, 30).container_id("c").share_id("share")).await;
    let sorted = |more: Value| {
        let mut asked = json!({"sortType": 1, "sortDirection": 1});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let top = page(&emulator, sorted(json!({"pageSize": 3}))).await;
    assert_eq!(names(&top), ["directory-000000", "directory-000001", "file-000000.jpg"]);
    let end = page(&emulator, sorted(json!({"pageCursor": "1000000.0"}))).await;
    assert_eq!(names(&end), ["file-999998.jpg", "file-999999.jpg"]);
    assert_eq!(end.body.get("nextCursor"), None);
    let deepest = format!("D{}", "-1".repeat(30));
    let below = page(&emulator, sorted(json!({"parentFolder": deepest, "pageSize": 1}))).await;
    assert_eq!(names(&below), ["file-000000.jpg"]);
    page(&emulator, json!({"parentFolder": format!("{deepest}-0")})).await.refused(400, "13000309", "exist");
    for (id, is_there) in [("F-999999", true), ("F-1-0-7", true), ("D-1", true), ("F-1000000", false), ("D-2", false)] {
        let task = json!({"taskType": 1, "zipName": "z", "shareId": "share", "containerId": "c", "fileIds": [id]});
        let reply = send(&emulator, &Sent::new(CREATE, &task)).await;
        assert_eq!(reply.status == 200, is_there, "{id}: {reply:?}");
    }
    let elsewhere = json!({"taskType": 1, "zipName": "z", "shareId": "share", "containerId": "d", "fileIds": ["D-1"]});
    send(&emulator, &Sent::new(CREATE, &elsewhere)).await.refused(400, "13000302", "not in the given space");
}

#[tokio::test]
async fn empty_pages_come_before_each_page_and_a_cursor_may_repeat() {
    let emulator = with(EmulatedShare::new("s").files(2).page_limit(1).empty_pages(1)).await;
    let mut cursor = None;
    let mut sizes = Vec::new();
    loop {
        let asked = cursor.map_or(json!({}), |cursor| json!({"pageCursor": cursor}));
        let reply = page(&emulator, asked).await;
        sizes.push(names(&reply).len());
        match reply.body.get("nextCursor") {
            Some(next) => cursor = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(sizes, [0, 1, 0, 1]);
    let emulator = with(EmulatedShare::new("s").files(9).page_limit(1).repeats_cursor(true)).await;
    let cursor = page(&emulator, json!({})).await.body["nextCursor"].clone();
    assert_eq!(page(&emulator, json!({"pageCursor": cursor})).await.body["nextCursor"], cursor);
}

#[tokio::test]
async fn no_debug_shows_a_code_or_a_token() {
    let share = EmulatedShare::example().member("/ownerName", json!("s3cret"));
    let builder = Emulator::builder().share(share.clone());
    let shown = format!("{share:?} {builder:?}");
    for secret in [EmulatedShare::EXAMPLE_EXTRACT_CODE, "aea2968e", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let emulator = with(share).await;
    verify(&emulator, EmulatedShare::EXAMPLE_EXTRACT_CODE).await;
    let shown = format!("{:?} {0}", emulator.requests()[0]);
    assert!(!shown.contains(EmulatedShare::EXAMPLE_EXTRACT_CODE), "{shown}");
}
