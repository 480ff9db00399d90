//! Queries, `getBatchTask`: they may be repeated, and their replies hold a URL that is a secret.

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
    // One for each attempt; the second and the third share a connection.
    .requests(3)
    .connections(2)
    .made()
    .advice("go on with the status");
    query_reset_for_good => Row::scripted(
        "a query is reset three times",
        vec![vec![Step::Request, Step::Reset]; 3],
    )
    .query()
    // One for each attempt.
    .requests(3)
    .connections(3)
    .is("retryable");
    query_refused => Row::answered("a query is refused under 200", ok(REFUSED))
        .query()
        .rejected()
        .code("13000309")
        .says("and ***")
        .advice("nothing was done: send it again later; if that does not help, ask the vendor's support");
    query_refused_under_400 => Row::answered(
        "a query is refused under 400, with the package's URL",
        reply("400 Bad Request", "", REFUSED),
    )
    .query()
    .rejected()
    .code("13000309")
    .says("and ***")
    .advice("nothing was done: send it again later; if that does not help, ask the vendor's support");
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
    // One for each attempt.
    .requests(3)
    .connections(3)
    .status(200)
    .is("retryable")
    .says("the connection broke before a whole reply");
}
