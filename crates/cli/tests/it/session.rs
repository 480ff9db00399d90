//! The sessions that the README and `docs/tool.md` show.

use std::{fs, process::Stdio};

use koodrive_share_emulator::{EmulatedShare, Emulator, Schedule};

use crate::support::{
    DUMP, HELD, TOKEN,
    bulk::{ids, until},
    directory, emulator, release, run, shell_line, text, tool, without_progress,
};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// A command as it is typed, and its output.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    lines: Vec<String>,
}

/// The commands and their output in a picture.
fn steps(picture: &str) -> Vec<Step> {
    let mut lines: Vec<(String, String)> = Vec::new();
    // The first text is the window's title.
    for element in picture.split("<text ").skip(2) {
        let (attributes, rest) = element.split_once('>').unwrap();
        let y = attributes.split_once(" y=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let (escaped, _) = rest.split_once("</text>").unwrap();
        let mut shown = escaped.to_owned();
        for (entity, character) in [("&#160;", " "), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")] {
            shown = shown.replace(entity, character);
        }
        match lines.last_mut() {
            Some((line, text)) if *line == y => text.push_str(&shown),
            _ => lines.push((y, shown)),
        }
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (_, line) in &lines {
        let line = line.trim_end();
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), lines: Vec::new() });
        } else if goes_on {
            steps.last_mut().unwrap().command.extend(["\n", line]);
        } else if !line.is_empty() {
            steps.last_mut().unwrap().lines.push(line.to_owned());
        }
        goes_on = line.ends_with('\\') && (goes_on || line.starts_with("$ "));
    }
    steps
}

/// The line with its task ids and trace ids masked, since they differ between runs.
fn masked(line: &str) -> String {
    let words = line.split_inclusive([' ', ')']).map(|word| match word.trim_end_matches([' ', ')']) {
        id if id.len() == 19 && id.bytes().all(|byte| byte.is_ascii_digit()) => word.replace(id, "TASK"),
        id if id.len() == 58 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => word.replace(id, "TRACE"),
        _ => word.to_owned(),
    });
    words.collect()
}

#[tokio::test]
async fn the_picture_of_a_session_shows_what_the_tool_writes() {
    // The picture's terminal shows progress as a bar, so tasks that end at once avoid lines of progress.
    let schedule = Schedule::immediate_success();
    let emulator = Emulator::builder().token(TOKEN).schedule(schedule).start().await.unwrap();
    let directory = directory("session");
    fs::write(directory.join("code"), EmulatedShare::EXAMPLE_EXTRACT_CODE).unwrap();
    let steps = steps(&fs::read_to_string(format!("{DOCS}/session.svg")).unwrap());
    assert_eq!(steps.len(), 3, "{steps:?}");
    for Step { command, lines } in steps {
        let mut shell = shell_line(&format!("{command} 2>&1"), &tool(&emulator));
        let output = run(shell.current_dir(&directory)).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output.stdout));
        let written: Vec<_> = text(&output.stdout).lines().map(masked).collect();
        let shown: Vec<_> = lines.iter().map(|line| masked(line)).collect();
        assert_eq!(written, shown, "{command}");
    }
}

#[tokio::test]
async fn the_session_of_a_killed_run_shows_what_the_tool_writes() {
    let emulator = emulator().await;
    let directory = directory("killed-session");
    fs::write(directory.join("ids.txt"), ids(50_000).join("\n")).unwrap();
    for _ in 0..24 {
        emulator.fail_next(HELD);
    }
    let dump = |further: &[&str]| {
        let mut tool = tool(&emulator);
        tool.current_dir(&directory).args(DUMP).args(["--file-ids-from", "ids.txt", "--ledger", "dump.ledger"]);
        tool.args(further).stdout(Stdio::null()).stderr(Stdio::piped());
        tool
    };
    let mut first = dump(&[]).spawn().unwrap();
    // Four requests are sent at a time, in any order. The run is killed while those of chunks 20 to 23 are on their
    // way.
    for sent in (4..24).step_by(4) {
        until("four requests on their way", || emulator.request_count() == sent).await;
        release().await;
    }
    until("four requests on their way", || emulator.request_count() == 24).await;
    first.kill().await.unwrap();
    let first = first.wait_with_output().await.unwrap();
    let (second, third) = (run(&mut dump(&[])).await, run(&mut dump(&["--resend-unknown"])).await);
    let written = [first, second, third].map(|output| text(&output.stderr).to_owned()).concat();
    // The session shows a bar in place of the progress lines.
    let written: Vec<_> = without_progress(&written).into_iter().map(masked).collect();

    let page = fs::read_to_string(format!("{DOCS}/tool.md")).unwrap();
    let (session, _) = page.split_once("```console\n").unwrap().1.split_once("```").unwrap();
    let is_written = |line: &&str| !line.starts_with(['$', ' ', '=']) && *line != "Killed";
    let mut shown: Vec<_> = session.lines().filter(is_written).map(masked).collect();
    let more = shown.iter().position(|line| line == "… (3 more)").unwrap();
    let others = (21..24).map(|n| shown[more - 1].replace("20000..21000", &format!("{n}000..{}000", n + 1)));
    let others: Vec<_> = others.collect();
    shown.splice(more..=more, others);
    assert_eq!(written, shown);
}
