//! Completions and manual pages.

use crate::support::{bare_tool, run, text};

#[tokio::test]
async fn help_lists_the_flags_of_the_service_only_where_it_is_called() {
    let help = async |args: &[&str]| {
        let output = run(bare_tool().args(args)).await;
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).to_owned()
    };
    for subcommand in ["ledger", "emulator", "completions", "man"] {
        for page in [help(&[subcommand, "--help"]).await, help(&["help", subcommand]).await] {
            assert!(!page.contains("--endpoint") && !page.contains("Service"), "{page}");
            assert!(page.contains(&format!("koodrive-share {subcommand} ")), "{page}");
            assert_eq!(page.contains("--verbose"), subcommand == "emulator", "{page}");
        }
    }
    for subcommand in ["files", "package", "dump", "status", "wait", "download"] {
        let page = help(&[subcommand, "-h"]).await;
        assert!(page.contains("--endpoint") && page.contains("--request-timeout"), "{page}");
        assert!(page.contains("Trace to the standard error") && !page.contains("Report each request"), "{page}");
        assert!(page.contains("koodrive-share --help for examples, the environment and the exit status"), "{page}");
    }
    assert!(help(&["emulator", "-h"]).await.contains("Report each request, not only the faults"));
    let page = help(&["--help"]).await;
    let commands = page.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    let expected =
        ["files", "package", "dump", "status", "wait", "download", "ledger", "emulator", "completions", "man", "help"];
    assert_eq!(commands, expected);
}

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
