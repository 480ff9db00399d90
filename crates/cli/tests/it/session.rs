//! The session that the README shows, command by command.

use std::{fs, process::Stdio};

use koodrive_share_emulator::{EmulatedShare, Emulator, Schedule};
use tokio::process::Command;

use crate::support::{TOKEN, directory, run, text, tool};

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/session.svg");

/// A command as it is typed, and the lines that it writes.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    lines: Vec<String>,
}

/// What the picture shows.
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
            steps.last_mut().unwrap().command += &format!("\n{line}");
        } else if !line.is_empty() {
            steps.last_mut().unwrap().lines.push(line.to_owned());
        }
        goes_on = line.ends_with('\\') && (goes_on || line.starts_with("$ "));
    }
    steps
}

/// The line without what is another one in each run: task ids and trace ids.
fn masked(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.len() {
        19 if word.bytes().all(|byte| byte.is_ascii_digit()) => "TASK",
        58 if word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "TRACE",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_picture_of_a_session_shows_what_the_tool_writes() {
    // A terminal shows progress by a bar, so there is none to compare.
    let schedule = Schedule::immediate_success();
    let emulator = Emulator::builder().token(TOKEN).schedule(schedule).start().await.unwrap();
    let directory = directory("session");
    fs::write(directory.join("code"), EmulatedShare::EXAMPLE_EXTRACT_CODE).unwrap();
    let steps = steps(&fs::read_to_string(PICTURE).unwrap());
    assert_eq!(steps.len(), 3, "{steps:?}");
    for Step { command, lines } in steps {
        let tool = tool(&emulator);
        let program = tool.as_std().get_program().to_str().unwrap();
        let environment = tool.as_std().get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{} 2>&1", command.replace("koodrive-share", program))]);
        let output = run(shell.env_clear().envs(environment).current_dir(&directory).stdin(Stdio::null())).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output.stdout));
        let written: Vec<_> = text(&output.stdout).lines().map(masked).collect();
        let shown: Vec<_> = lines.iter().map(|line| masked(line)).collect();
        assert_eq!(written, shown, "{command}");
    }
}
