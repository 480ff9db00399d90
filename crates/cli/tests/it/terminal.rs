//! What a terminal is shown, through the pseudo-terminal of `script`.

use std::time::Duration;

use koodrive_share_emulator::Fault;
use tokio::process::Command;

use crate::support::{DUMP, emulator, id_file, run, text, tool};

/// Runs the tool on a terminal with this variable, and gives all that it shows.
async fn shown(tool: &Command, (name, value): (&str, &str)) -> String {
    let tool = tool.as_std();
    let words = [tool.get_program()].into_iter().chain(tool.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    let environment = tool.get_envs().filter_map(|(name, value)| Some((name, value?)));
    script.env_clear().envs(environment).env("TERM", "xterm").env(name, value);
    let output = run(script.args(["-qec", &words.join(" "), "/dev/null"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    text(&output.stdout).to_owned()
}

#[tokio::test]
async fn colours_are_for_terminals_that_have_them() {
    let emulator = emulator().await;
    let mut traced = tool(&emulator);
    traced.args(DUMP).args(["F1", "-v"]);
    for (variable, coloured) in [
        (("TERM", "xterm"), true),
        (("TERM", "dumb"), false),
        (("NO_COLOR", "1"), false),
        // Empty, it counts as one that is not set.
        (("NO_COLOR", ""), true),
    ] {
        let shown = shown(&traced, variable).await;
        assert!(shown.contains("DEBUG"), "{shown}");
        assert_eq!(shown.contains("\u{1b}[2m"), coloured, "{variable:?}: {shown}");
    }
}

#[tokio::test]
async fn bar_is_for_terminals_that_understand_it_and_lines_are_for_others() {
    let emulator = emulator().await;
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--file-ids-from"]).arg(id_file("terminal.ids", 2_500));
    for (term, has_bar) in [("xterm", true), ("dumb", false)] {
        // A line comes once a second.
        emulator.fail_next(Fault::Delay(Duration::from_millis(1_100)));
        let shown = shown(&dump, ("TERM", term)).await;
        assert!(shown.contains("3 created"), "{shown}");
        assert_eq!(shown.contains("1000 of 2500 ids attempted"), !has_bar, "{shown:?}");
        assert_eq!(shown.contains('\u{1b}'), has_bar, "{shown:?}");
    }
}
