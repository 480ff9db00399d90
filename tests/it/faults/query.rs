//! Queries by `getBatchTask`: they may be retried, and their replies hold a URL that is a secret.

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{ok, reply},
};
use crate::support::scripted_server::Step;

const DONE: &str = r#"{"code":0,"msg":"Success","jobInfo":{"taskId":"task","taskStatus":2,"taskResultCode":1,
    "downloadUrl":"<download url>"},"taskInfos":null}"#;
const REFUSED: &str =
    r#"{"code":13000309,"msg":"<secrets> and <download url>","jobInfo":{"downloadUrl":"<download url>"}}"#;

rows! {
    "Queries"

    done => Row::answered("an ordinary reply to a query", ok(DONE)).query().made().advice("go on with the status");
    query_of_2024 => Row::answered(
        "a query is answered as in the edition of 2024-07-30",
        ok(r#"{"code":"0","msg":"Success","taskInfo":{"taskId":"task","taskStatus":2,"taskResultCode":1,"resultCode":0,"downloadUrl":"<download url>"}}"#),
    )
    .query()
    .made()
    .advice("go on with the status");
    query_of_odd_fields => Row::answered(
        "a query's lesser fields are empty, null, or of another type",
        ok(r#"{"code":0,"msg":[],"jobInfo":{"taskId":null,"taskStatus":"2","taskResultCode":1.0,"progress":"","userId":15,
            "taskType":"2","endTime":{},"downloadUrl":["<download url>"]},"taskInfos":[null,{"fileId":42,"status":1}]}"#),
    )
    .query()
    .made()
    .advice("go on with the status");
    query_repeated => Row::scripted(
        "a query is reset, then answered 503, then answered",
        vec![
            vec![Step::Request, Step::Reset],
            vec![
                Step::Request,
                Step::Send(reply("503 Service Unavailable", "", "")),
                Step::Request,
                Step::Send(ok(DONE)),
            ],
        ],
    )
    .query()
    // Each attempt makes a request; the second and the third share a connection.
    .requests(3)
    .connections(2)
    .made()
    .advice("go on with the status");
    query_reset_for_good => Row::scripted(
        "a query is reset three times",
        vec![vec![Step::Request, Step::Reset]; 3],
    )
    .query()
    // Each attempt makes a request.
    .requests(3)
    .connections(3)
    .is("retryable");
    query_refused => Row::answered("a query is refused under 200", ok(REFUSED))
        .query()
        .rejected()
        .code("13000309")
        .says("and ***")
        .advice("nothing was done: check the task id, the share id and whether the share has ended; ask again later if it was just created");
    query_refused_under_400 => Row::answered(
        "a query is refused under 400, with the package's URL",
        reply("400 Bad Request", "", REFUSED),
    )
    .query()
    .rejected()
    .code("13000309")
    .says("and ***")
    .advice("nothing was done: check the task id, the share id and whether the share has ended; ask again later if it was just created");
    query_echoes_url => Row::answered(
        "the canonical request that the gateway saw for a query holds the package's URL",
        reply(
            "401 Unauthorized",
            "",
            r#"{"error_code":"APIGW.0301","error_msg":"verify failed, POST|/<download url>|x","jobInfo":{"downloadUrl":"<download url>"}}"#,
        ),
    )
    .only(&[Caller::App])
    .query()
    .rejected()
    .is("refused unauthorized")
    .code("APIGW.0301")
    .says("line 2 of the canonical request differs")
    .advice("nothing was done: renew the token, or check the app secret and the user id");
    query_cut_short => Row::answered(
        "a query's JSON is cut short after the package's URL",
        ok(DONE.trim_end_matches(r#"},"taskInfos":null}"#)),
    )
    .query();
    query_of_another_shape => Row::answered(
        "a query's fields are of another type",
        ok(&DONE.replace("\"taskStatus\":2", "\"taskStatus\":\"ended\"").replace("Success", "see <download url>")),
    )
    .query()
    .code("0")
    .says("see ***");
    query_of_unreadable_state => Row::answered(
        "a query's `taskStatus` cannot be read",
        ok(&DONE.replace("\"taskStatus\":2", "\"taskStatus\":\"ended\"")),
    )
    .query()
    .code("0")
    .says("$.jobInfo.taskStatus is \"ended\"");
    query_of_another_task => Row::answered(
        "a query is answered with the state of another task",
        ok(&DONE.replace("\"task\"", "\"other, <escaped secrets>\"")),
    )
    .query()
    .code("0")
    .says("$.jobInfo.taskId is \"other, ");
    query_of_an_array => Row::answered("a query is answered in an array", ok(&format!("[{DONE}]"))).query();
    query_not_found => Row::answered("404 to a query", reply("404 Not Found", "", "<download url>"))
        .query()
        .rejected()
        .advice("nothing was done: check the endpoint and its path prefix");
    query_failed_inside => Row::scripted(
        "a query is answered 13000201, a failure inside the service, three times",
        vec![vec![vec![Step::Request, Step::Send(ok(r#"{"code":13000201,"msg":"<secrets>"}"#))]; 3].concat()],
    )
    .query()
    // Each attempt makes a request.
    .requests(3)
    .status(200)
    .is("retryable")
    .code("13000201");
    query_without_job => Row::answered("a query succeeds without a jobInfo", ok(r#"{"code":0,"msg":"<secrets>"}"#))
        .query()
        .code("0")
        .says("it reports success without a jobInfo");
    query_body_cut_short => Row::scripted(
        "a query's body breaks off three times after the package's URL",
        vec![
            vec![
                Step::Request,
                Step::Send(
                    format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{DONE}").into_bytes(),
                ),
                Step::Close,
            ];
            3
        ],
    )
    .query()
    // Each attempt makes a request.
    .requests(3)
    .connections(3)
    .status(200)
    .is("retryable")
    .says("the connection broke before the reply was complete");
}
