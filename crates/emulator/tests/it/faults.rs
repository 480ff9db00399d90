//! Scripted faults.

use std::time::Duration;

use koodrive_share_emulator::{Answer, Emulator, Fault, Operation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{DETAIL, Sent, connect, exchange, pass, poll, read_reply, send};

#[tokio::test]
async fn a_scripted_reply_takes_the_place_of_processing() {
    let emulator = Emulator::start().await.unwrap();
    let busy = Answer::gateway(429, "APIGW.0308", "slow down").header("Retry-After", "7");
    emulator.fail_next(Fault::Reply(busy));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "no space")));
    // The HTTP layer asserts that a length set by hand is true.
    let own = Answer::new(503).body("{}").header("Content-Length", "9").header("X-Request-Id", "own");
    emulator.fail_next(Fault::Reply(own));
    for unsendable in [
        Answer::new(99),
        Answer::new(100),
        Answer::new(1000),
        Answer::new(200).header("a b", "c"),
        Answer::new(200).header("a", "b\n"),
    ] {
        emulator.fail_next(Fault::Reply(unsendable));
    }
    let reply = send(&emulator, &Sent::create()).await;
    reply.refused(429, "APIGW.0308", "error_code");
    assert_eq!(reply.header("retry-after"), Some("7"));
    send(&emulator, &Sent::create()).await.refused(400, "13000311", "code");
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!((reply.status, reply.header("x-request-id")), (503, Some("own")));
    assert_eq!(emulator.faults_left(), 5);
    for _ in 0..5 {
        let reply = send(&emulator, &Sent::create()).await;
        reply.refused(500, "EMULATOR", "can't be sent");
    }
    assert_eq!(emulator.faults_left(), 0);
    assert!(emulator.tasks().is_empty());
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    assert_eq!(emulator.request_count(), 9);
}

#[tokio::test]
async fn a_fault_for_an_operation_waits_for_it() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next_of(Operation::GetBatchTask, Fault::Reply(Answer::new(502)));
    emulator.fail_next(Fault::Reply(Answer::new(503)));
    emulator.fail_next_of(Operation::CreateBatchTask, Fault::Reply(Answer::new(504)));
    // Each request takes the oldest fault that applies to it.
    assert_eq!(send(&emulator, &Sent::create()).await.status, 503);
    assert_eq!(send(&emulator, &Sent::create()).await.status, 504);
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    assert_eq!(emulator.faults_left(), 1);
    assert_eq!(send(&emulator, &Sent::new(DETAIL, &serde_json::json!({}))).await.status, 502);
    assert_eq!(emulator.faults_left(), 0);
}

#[tokio::test]
async fn a_lost_reply_leaves_a_task() {
    let emulator = Emulator::start().await.unwrap();
    let gone = Answer::new(504).header("Content-Type", "text/html").body("<html>");
    emulator.fail_next(Fault::ReplyAfterProcessing(gone));
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!((reply.status, reply.header("content-type")), (504, Some("text/html")));
    assert_eq!(emulator.tasks().len(), 1);

    emulator.fail_next(Fault::ReplyAfterProcessing(Answer::new(504)));
    let refused = Sent::create().without("X-Date");
    assert_eq!(send(&emulator, &refused).await.status, 504);
    assert_eq!(emulator.tasks().len(), 1);
}

#[tokio::test]
async fn closing_after_processing_sends_not_a_byte() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut stream = connect(&emulator).await;
    assert!(exchange(&mut stream, &Sent::create()).await.is_some());
    stream.write_all(&Sent::create().bytes()).await.unwrap();
    let mut rest = Vec::new();
    // The stream ends, without an answer and without a wait.
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0);
    assert_eq!(emulator.tasks().len(), 2);
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
}

#[tokio::test]
async fn the_reply_to_each_so_many_tasks_is_lost() {
    let emulator = Emulator::builder().lose_reply_every(2).start().await.unwrap();
    for (made, arrives) in [(1, true), (2, false), (3, true), (4, false)] {
        // A refusal makes no task, so it neither counts nor is lost.
        send(&emulator, &Sent::create().without("X-Date")).await.refused(400, "13000102", "x-date");
        let reply = exchange(&mut connect(&emulator).await, &Sent::create()).await;
        assert_eq!((reply.is_some(), emulator.tasks().len()), (arrives, made));
    }
}

#[tokio::test]
async fn reply_to_a_creation_is_held_back_while_its_task_exists() {
    let hour = Duration::from_secs(3600);
    let emulator = Emulator::builder().delay_creations(hour).start().await.unwrap();
    let mut held = connect(&emulator).await;
    held.write_all(&Sent::create().bytes()).await.unwrap();
    while emulator.tasks().is_empty() {
        tokio::task::yield_now().await;
    }
    let task_id = emulator.tasks()[0].task_id().to_owned();
    // Other replies are not held back.
    poll(&emulator, &task_id).await;
    let mut bytes = [0; 16];
    assert!(held.try_read(&mut bytes).is_err(), "the reply has arrived");
    pass(hour).await;
    assert_eq!(read_reply(&mut held).await.unwrap().body["taskId"], task_id);
}

#[tokio::test]
async fn a_cut_answer_ends_where_it_was_told_to() {
    let emulator = Emulator::start().await.unwrap();
    for (after, expected) in [(0, 0), (20, 20), (100_000, 57), (usize::MAX, 57)] {
        emulator.fail_next(Fault::CutAnswer { after });
        let mut stream = connect(&emulator).await;
        stream.write_all(&Sent::create().bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 57"));
        // {"code":0,"msg":"Success","taskId":"…"} is 38 + 19 bytes long.
        assert_eq!(body.len(), expected);
    }
    assert_eq!(emulator.tasks().len(), 4);
}

#[tokio::test]
async fn a_delayed_request_is_processed_though_its_caller_has_gone() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_secs(3600)));
    let mut gone = connect(&emulator).await;
    gone.write_all(&Sent::create().bytes()).await.unwrap();
    while emulator.request_count() == 0 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    // A second exchange gives the server time to see the first caller's end.
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    pass(Duration::from_secs(3600)).await;
    while emulator.tasks().len() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_delay_holds_one_request_back() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_secs(3600)));
    let mut slow = connect(&emulator).await;
    slow.write_all(&Sent::create().bytes()).await.unwrap();
    while emulator.request_count() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(emulator.tasks().is_empty());
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    pass(Duration::from_secs(3600)).await;
    assert_eq!(read_reply(&mut slow).await.unwrap().status, 200);
    assert_eq!(emulator.tasks().len(), 2);
}
