//! Opening a share: `getShareInfo`, `verifyExtractCode` and `listShareFiles`, one after the other. They are queries
//! like `getBatchTask`; these rows are the faults that only they have.

use super::{
    row::{Row, rows},
    trial::{ok, reply},
};
use crate::support::scripted_server::{Script, Step};

const FOUND: &str = r#"{"code":0,"link":{"shareId":"share"}}"#;
const VERIFIED: &str = r#"{"code":0,"kdstoken":"<kdstoken>"}"#;
const EMPTY: &str = r#"{"code":0}"#;
const REFUSED: &str = r#"{"code":13000309,"msg":"<extract code>, <kdstoken>","kdstoken":"<kdstoken>"}"#;

/// One connection on which each request is answered.
fn answers(replies: impl IntoIterator<Item = Vec<u8>>) -> Script {
    vec![replies.into_iter().flat_map(|reply| [Step::Request, Step::Send(reply)]).collect()]
}

rows! {
    "Opening a share"

    share_opened => Row::scripted("each of the three calls of `open_share` is answered", answers([FOUND, VERIFIED, EMPTY].map(ok)))
        .share()
        .requests(3)
        .made()
        .advice("go on with the share");
    share_calls_repeated => Row::scripted(
        "each of the three calls is answered 503, then answered",
        answers([FOUND, VERIFIED, EMPTY].into_iter().flat_map(|body| [reply("503 Service Unavailable", "", ""), ok(body)])),
    )
    .share()
    // Each call makes two requests.
    .requests(6)
    .made()
    .advice("go on with the share");
    share_ended => Row::scripted(
        "`getShareInfo` tells that the share has expired",
        answers([ok(r#"{"code":0,"link":{"shareId":"share","status":2}}"#)]),
    )
    .share()
    .rejected()
    .is("refused share_ended")
    .says("the share is expired or invalid")
    .advice("nothing was done: ask its owner for a new link");
    share_without_link => Row::answered("`getShareInfo` succeeds without a link", ok(EMPTY))
        .share()
        .code("0")
        .says("it reports success without a link");
    share_without_id => Row::answered("`getShareInfo` gives a link without an id", ok(r#"{"code":0,"link":{}}"#))
        .share()
        .code("0")
        .says("$.link.shareId is missing, or no text");
    extract_code_refused => Row::scripted(
        "`verifyExtractCode` is refused under 200, with the code and a kdstoken",
        answers([FOUND, REFUSED].map(ok)),
    )
    .share()
    .requests(2)
    .rejected()
    .is("refused extract_code_refused")
    .status(200)
    .code("13000309")
    .advice("nothing was done: compare the extract code with whoever shared the link: it may be wrong or used up");
    extract_code_without_token => Row::scripted(
        "`verifyExtractCode` succeeds without a kdstoken",
        answers([FOUND, EMPTY].map(ok)),
    )
    .share()
    .requests(2)
    .status(200)
    .code("0")
    .says("it reports success without a kdstoken");
    kdstoken_cut_short => Row::scripted(
        "the JSON of `verifyExtractCode` is cut short after the kdstoken",
        answers([FOUND, VERIFIED.trim_end_matches('}')].map(ok)),
    )
    .share()
    .requests(2)
    .status(200);
    kdstoken_compressed => Row::scripted(
        "the reply of `verifyExtractCode` is compressed, unasked, in a form that leaves the kdstoken as it is",
        answers([ok(FOUND), reply("200 OK", "Content-Encoding: zstd", &format!("(\u{4}{VERIFIED}6"))]),
    )
    .share()
    .requests(2)
    .status(200)
    .says("its body is compressed (zstd), which was not asked for");
    kdstoken_in_a_page => Row::scripted(
        "the JSON of `verifyExtractCode` comes in a page",
        answers([FOUND, &format!("<pre>{VERIFIED}</pre>")].map(ok)),
    )
    .share()
    .requests(2)
    .status(200);
    listing_refused => Row::scripted(
        "`listShareFiles` is refused under 400, with the kdstoken",
        answers([ok(FOUND), ok(VERIFIED), reply("400 Bad Request", "", r#"{"code":13000410,"msg":"<kdstoken>"}"#)]),
    )
    .share()
    .requests(3)
    .rejected()
    .is("refused access_refused")
    .status(400)
    .code("13000410")
    .says("message \"***\"")
    .advice("nothing was done: open the share again: its kdstoken may have lapsed, or the share has ended");
    listing_of_another_shape => Row::scripted(
        "the `files` of `listShareFiles` are no list",
        answers([FOUND, VERIFIED, r#"{"code":0,"files":"none"}"#].map(ok)),
    )
    .share()
    .requests(3)
    .status(200)
    .code("0")
    .says("$.files is \"none\", which is no array");
    listing_reset_for_good => Row::scripted("`listShareFiles` is reset three times", {
        let reset = vec![Step::Request, Step::Reset];
        let opened = answers([FOUND, VERIFIED].map(ok)).concat();
        vec![[opened, reset.clone()].concat(), reset.clone(), reset]
    })
    .share()
    // The first two calls make one request each, the third makes one for each attempt.
    .requests(5)
    .connections(3)
    .is("retryable");
}
