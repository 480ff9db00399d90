//! The service's messages, which may hold secrets, terminal escapes, and anything else.

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{ok, reply},
};

const BAD: &str = "400 Bad Request";

rows! {
    "What the service says"

    message_echoes_secrets => Row::answered(
        "the message repeats the secrets",
        reply(BAD, "", r#"{"code":"13999999","msg":"what is <secrets>?"}"#),
    )
    .rejected()
    .code("13999999")
    .says("what is ");
    message_echoes_escaped_secrets => Row::answered(
        "the message repeats the secrets in JSON escapes",
        reply(BAD, "", r#"{"code":"13999999","msg":"what is <escaped secrets>?"}"#),
    )
    .rejected()
    .code("13999999")
    .says("***, ***?");
    code_echoes_token => Row::answered(
        "the code repeats the token",
        reply(BAD, "", r#"{"error_code":"<token>","error_msg":"<secrets>"}"#),
    )
    .only(&[Caller::Bearer, Caller::Verbatim, Caller::Provider])
    .rejected()
    .code("***");
    request_id_echoes_token => Row::answered(
        "the request id repeats the token",
        reply(BAD, "X-request-id: req <token>", "{}"),
    )
    .only(&[Caller::Bearer, Caller::Verbatim, Caller::Provider])
    .rejected()
    .says("request id req ***");
    request_id_holds_url => Row::answered(
        "the request id holds a URL",
        reply(BAD, "X-request-id: req <download url>", "{}"),
    )
    .rejected()
    .says("request id req ***");
    task_id_echoes_secrets => Row::answered(
        "the task id beside a refusal repeats the secrets",
        reply(BAD, "", r#"{"code":"13999999","taskId":"7001, <escaped secrets>"}"#),
    )
    .code("13999999")
    .says("it names task 7001, ");
    task_id_escapes => Row::answered(
        "terminal escapes in the task id beside a refusal",
        reply(BAD, "", r#"{"code":"13999999","taskId":"\u001b[31m7001\u202e"}"#),
    )
    .code("13999999")
    .says(r"it names task \u{1b}[31m7001\u{202e} without");
    text_echoes_secrets => Row::answered(
        "a refusal that is no JSON repeats the secrets",
        reply(BAD, "", "denied: <secrets>"),
    )
    .rejected()
    .says("denied: ");
    canonical_request_echoes_secret => Row::answered(
        "the gateway's canonical request differs, and holds the secrets",
        reply(
            "401 Unauthorized",
            "",
            r#"{"error_code":"APIGW.0301","error_msg":"verify failed, POST|/koodrive/ose/v1/share/tasks/||host:<secrets>|x"}"#,
        ),
    )
    .only(&[Caller::App])
    .rejected()
    .is("refused unauthorized")
    .code("APIGW.0301")
    .says("line 4 of the canonical request differs")
    .advice("nothing was done: renew the token, or check the app secret and the user id");
    terminal_escapes => Row::answered(
        "control characters, terminal escapes, and text that runs backwards",
        reply(BAD, "", r#"{"code":"13999999","msg":"\u001b[31mred\u001b]0;title\u0007\r\n\u0085\u202egpj\u2028\u061c"}"#),
    )
    .rejected()
    .code("13999999")
    .says(r#""\u{1b}[31mred\u{1b}]0;title\u{7}\r\n\u{85}\u{202e}gpj\u{2028}\u{61c}""#);
    escapes_in_code => Row::answered(
        "terminal escapes in the code",
        reply(BAD, "", r#"{"error_code":"\u001b[2J"}"#),
    )
    .rejected()
    .code(r"\u{1b}[2J");
    long_message => Row::answered("a message of 10 MB, within the limit on replies", ok(&ten_megabytes()))
        .heavy()
    .max_reply_bytes(16 << 20)
        .rejected()
        .code("13999999")
        .says("xxx…\"");
    message_over_the_limit => Row::answered_in_part(
        "400 with a message of 10 MB, over the limit on replies",
        reply(BAD, "", &ten_megabytes()),
    )
    .heavy()
    .rejected();
    nested_too_deeply => Row::answered("JSON nested 100,000 levels deep", ok(&"[".repeat(100_000)));
    text_is_not_utf8 => Row::answered(
        "a message that is no UTF-8",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 29\r\n\r\n{\"code\":\"13999999\",\"msg\":\"\xff\"}".to_vec(),
    )
    .rejected()
    .code("13999999");
}

fn ten_megabytes() -> String {
    format!(r#"{{"code":13999999,"msg":"{}"}}"#, "x".repeat(10 << 20))
}
