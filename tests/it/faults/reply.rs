//! Replies under status 200: only a `code` of 0 with a task id is a success.

use std::time::Duration;

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{CREATED, ok, reply},
};
use crate::support::scripted_server::{Step, chunked};

/// `{}` compressed with gzip, as from a server that compresses without being asked.
const GZIPPED: [u8; 22] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0];

rows! {
    "Replies under 200"

    created => Row::answered("an ordinary reply", ok(CREATED)).made();
    chunked => Row::answered(
        "the reply comes in chunks",
        ok_in_chunks(&CREATED.as_bytes().chunks(7).collect::<Vec<_>>()),
    )
    .made();
    after_informational_replies => Row::scripted(
        "100 and 103 come before the reply",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Step::Send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".to_vec()),
            Step::Send(ok(CREATED)),
        ]],
    )
    .made();
    header_bytes_beyond_ascii => Row::answered(
        "header values hold bytes beyond ASCII",
        [
            b"HTTP/1.1 200 OK\r\nX-request-id: \xe9\xff\r\nDate: \xa0\r\nRetry-After: \xb2\r\n".as_slice(),
            format!("Content-Length: {}\r\n\r\n{CREATED}", CREATED.len()).as_bytes(),
        ]
        .concat(),
    )
    .made();
    other_success => Row::answered("202 with a task id", reply("202 Accepted", "", CREATED)).made();
    code_zero_as_string => Row::answered(
        "`code` is \"0\", `msg` is null, and there are unknown fields",
        ok(r#"{"code":"0","msg":null,"taskId":"1","new":{"a":[]}}"#),
    )
    .made();
    task_id_number => Row::answered(
        "the task id is a number",
        ok(r#"{"code":0,"msg":"Success","taskId":1689765568237837824}"#),
    )
    .made();
    lesser_fields_odd => Row::answered(
        "`msg` is an object, and further fields are of other types",
        ok(r#"{"code":0,"msg":{"zh":"成功"},"taskId":"1","userId":15,"taskStatus":"soon","jobInfo":[]}"#),
    )
    .made();

    code_not_zero => Row::answered(
        "`code` isn't 0",
        ok(r#"{"code":13000311,"msg":"not enough space, <secrets>"}"#),
    )
    .rejected()
    .code("13000311")
    .says("not enough space, ")
    .advice("nothing was done: free space in the target, then send it again");
    code_of_no_resource => Row::answered(
        "`code` is that of a resource that does not exist",
        ok(r#"{"code":13000309,"msg":null}"#),
    )
    .rejected()
    .code("13000309")
    .advice(
        "nothing was done: open the share again, which tells whether it has ended; else send it again later; if that does \
         not help, ask the vendor's support",
    );
    code_as_string => Row::answered(
        "`code` is a string of digits other than 0",
        ok(r#"{"code":"13000302","msg":null}"#),
    )
    .rejected()
    .code("13000302")
    .advice("nothing was done: check that every file id belongs to the container id");
    code_unlisted => Row::answered(
        "`code` is a number that the reference doesn't list",
        ok(r#"{"code":13999999,"msg":"<secrets>"}"#),
    )
    .rejected()
    .code("13999999");
    code_beyond_i64 => Row::answered(
        "`code` is beyond 64 bits",
        ok(r#"{"code":18446744073709551616}"#),
    )
    .code("18446744073709551616");
    code_negative => Row::answered("`code` is negative", ok(r#"{"code":-1}"#)).code("-1");
    code_of_no_series => Row::answered(
        "`code` is of no series of the vendor's",
        ok(r#"{"code":500,"msg":"<secrets>"}"#),
    )
    .code("500");
    code_of_an_inner_failure => Row::answered(
        "`code` is 13000201, a failure inside the service",
        ok(r#"{"code":13000201,"msg":"inner server invoke failure, <secrets>"}"#),
    )
    .code("13000201")
    .says("the service reports an internal failure");
    gateway_refusal => Row::answered(
        "a gateway's `error_code` under 200",
        ok(r#"{"error_code":"APIGW.0101","error_msg":"<secrets>"}"#),
    )
    .rejected()
    .code("APIGW.0101");

    code_beyond_f64 => Row::answered("`code` is a number that nothing holds", ok(r#"{"code":1e999}"#));
    code_in_words => Row::answered(
        "`code` is neither a number nor digits",
        ok(r#"{"code":"<token>","msg":"<secrets>","taskId":"1"}"#),
    )
    .only(&[Caller::App])
    .code("none");
    code_of_a_dash => Row::answered("`code` is a dash", ok(r#"{"code":"-","taskId":"1"}"#)).code("-");
    code_twice => Row::answered(
        "a key comes twice",
        ok(r#"{"code":0,"code":13000311,"taskId":"1"}"#),
    );
    task_id_missing => Row::answered("`code` is 0 without a task id", ok(r#"{"code":0,"msg":"<secrets>"}"#))
        .code("0")
        .says("it reports success without a task id");
    task_id_empty => Row::answered(
        "`code` is 0 with an empty task id",
        ok(r#"{"code":0,"msg":"<escaped secrets>","taskId":""}"#),
    )
    .code("0")
    .says("***");
    task_id_of_none => Row::answered("`code` is 0 with a task id of \"0\"", ok(r#"{"code":0,"taskId":"0"}"#))
        .code("0")
        .says("it reports success without a task id");
    task_beside_listed_refusal => Row::answered(
        "`code` is a refusal that the reference lists, and a task is named",
        ok(r#"{"code":13000312,"msg":"some files exist","taskId":"7001"}"#),
    )
    .code("13000312")
    .says("it names task 7001 without reporting success");
    task_beside_unreadable_code => Row::answered(
        "`code` cannot be read, and a task is named",
        ok(r#"{"code":{"value":0},"taskId":7001}"#),
    )
    .says("it names task 7001 without reporting success");
    code_of_another_type => Row::answered(
        "`code` is of another type",
        ok(r#"{"code":[0],"msg":"<secrets>"}"#),
    )
    .says("$.code is [0]");
    other_shape => Row::answered("JSON of another shape", ok(r#"[{"code":0,"msg":"<secrets>"}]"#));
    no_json => Row::answered("no JSON", ok("<html>welcome to the portal, <secrets></html>"));
    empty => Row::answered("an empty body", ok("")).says("its body is empty");
    no_content => Row::answered("204", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
        .says("its body is empty");
    switching_protocols => Row::answered(
        "101, which nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n".to_vec(),
    );
    gzipped => Row::answered(
        "compressed, though that wasn't asked for",
        [
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", GZIPPED.len())
                .as_bytes(),
            &GZIPPED,
        ]
        .concat(),
    )
    .says("its body is compressed (gzip), which was not asked for");
    json_cut_short => Row::answered(
        "the JSON is cut short",
        ok(r#"{"code":0,"msg":"<secrets>","taskId":"16897"#),
    );
    body_cut_short => Row::scripted(
        "the body is cut short, then an orderly close",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0,\"taskId\":\"1\"}".to_vec()),
            Step::Close,
        ]],
    )
    .status(200)
    .says("the connection broke before the reply was complete");
    chunks_cut_short => Row::scripted(
        "the chunks break off with a reset",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n{\"code\":0,".to_vec()),
            Step::Reset,
        ]],
    )
    .status(200)
    .says("the connection broke before the reply was complete");
    refusal_cut_short => Row::scripted(
        "400, and the body is cut short after a task id",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n{\"taskId\":\"7001\",\"msg\":".to_vec()),
            Step::Close,
        ]],
    )
    .status(400)
    .says("its beginning names task 7001");
    body_byte_by_byte => Row::scripted(
        "the body comes byte by byte, without an end",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec()),
            // Each read succeeds, so only the time-out of the whole call ends it.
            Step::Drip(vec![b' '; 1_000_000], Duration::from_millis(20)),
        ]],
    )
    .status(200)
    .timeout()
    .is("timeout");
    over_the_limit => too_large(
        "larger than the limit, by its Content-Length",
        ok(&format!(r#"{{"code":0,"msg":"{}","taskId":"1"}}"#, "x".repeat(2 << 20))),
    );
    over_the_limit_in_chunks => too_large(
        "larger than the limit, without a Content-Length",
        ok_in_chunks(&[b" ".repeat(64 << 10).as_slice(); 33]),
    );
    over_the_limit_by_claim => too_large(
        "a Content-Length of an exabyte",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 1152921504606846976\r\n\r\n".as_slice(),
            b" ".repeat(2 << 20).as_slice(),
        ]
        .concat(),
    );
}

fn ok_in_chunks(chunks: &[&[u8]]) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    [head.as_slice(), &chunked(chunks)].concat()
}

/// A reply over the limit. The client hangs up once it has read that much.
fn too_large(title: &'static str, reply: Vec<u8>) -> Row {
    let row = Row::scripted(title, vec![vec![Step::Request, Step::Flood(reply)]]);
    row.status(200).says("its body is larger than the limit")
}
