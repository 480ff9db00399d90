//! Completions and manual pages.

use crate::support::{bare_tool, run, text};

#[tokio::test]
async fn completions_and_manual_pages_cover_the_command_line() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(bare_tool().args(["completions", shell])).await;
        let script = text(&output.stdout);
        for word in ["package", "dump", "status", "wait", "emulator", "resend-unknown"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let page = run(bare_tool().arg("man")).await;
    let page = text(&page.stdout).to_owned();
    for word in [".SH NAME", "KOODRIVE_APP_SECRET", "outcome unknown"] {
        assert!(page.contains(word), "{word} not in {page}");
    }
    let page = run(bare_tool().args(["man", "dump"])).await;
    let page = text(&page.stdout);
    assert!(page.contains("koodrive\\-share dump") && page.contains("\\-\\-ledger"), "{page}");
}
