//! Reading file ids.

use std::fs;

use crate::support::{
    DUMP,
    bulk::{ids, tasks_of},
    emulator, expect, file, run, run_with_input, text, tool,
};

const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

#[tokio::test]
async fn ids_are_read_line_by_line_whatever_the_lines_look_like() {
    let emulator = emulator().await;
    let content = "\u{feff}F000000\r\n\r\n  F000001\t\n\nF000002";
    let path = file("crlf.ids", content);
    let from_file = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(&path)).await;
    assert_eq!(from_file.status.code(), Some(0));
    let mut from_stdin = tool(&emulator);
    from_stdin.args(DUMP).args(["--file-ids-from", "-"]);
    let from_stdin = run_with_input(&mut from_stdin, content).await;
    assert_eq!(from_stdin.status.code(), Some(0));
    assert_eq!(tasks_of(&emulator.tasks(), &ids(3)).len(), 2);

    fs::write(&path, b"F1\n\xff\xfe\n").unwrap();
    let output = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(&path)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("valid UTF-8"));
    let output = run(tool(&emulator).args(DUMP).args(["--file-ids-from", NOTHING])).await;
    assert_eq!(output.status.code(), Some(2), "no ids at all");
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn input_without_ids_is_refused_by_line_before_anything_is_sent() {
    let emulator = emulator().await;
    let utf_16 = "F1\r\nF2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The line is behind the first 1,000 ids: a run that checked the ids as it went would have sent a task before.
    let late = (ids(1_500).join("\n") + "\nF1\tname\n").into_bytes();
    let cases: [(Vec<u8>, &str); 4] = [
        (utf_16, "line 1 holds NUL characters, as UTF-16 does"),
        (b"F1\rF2\rF3,F4\r".to_vec(), "line 3 holds a comma"),
        (b"F1\n\xff\xfe\n".to_vec(), "line 2 is not valid UTF-8"),
        (late, "line 1501 holds a tab"),
    ];
    for (content, expected) in cases {
        let path = file("refused.ids", "");
        fs::write(&path, content).unwrap();
        let mut by_path = tool(&emulator);
        by_path.args(DUMP).arg("--file-ids-from").arg(&path);
        let mut by_stdin = tool(&emulator);
        by_stdin.args(DUMP).args(["--file-ids-from", "-"]).stdin(fs::File::open(&path).unwrap());
        for mut tool in [by_path, by_stdin] {
            let output = run(&mut tool).await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains(expected), "{expected} not in {stderr}");
            assert!(stderr.contains("refused.ids: ") || stderr.contains("from -: "), "{stderr}");
        }
    }
    expect(&emulator, &[&DUMP[..], &["F1", "F2,F3"]].concat(), 2, "file id 2 holds a comma").await;
    assert_eq!(emulator.request_count(), 0);
}

#[tokio::test]
async fn pipe_is_refused_at_the_line_that_holds_no_id() {
    let emulator = emulator().await;
    let dump = || {
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--file-ids-from", "-"]);
        tool
    };
    let output = run_with_input(&mut dump(), "F1\nF2\tname\n").await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("line 2 holds a tab"), "{stderr}");
    assert_eq!(emulator.request_count(), 0);

    let output = run_with_input(&mut dump(), &(ids(1_500).join("\n") + "\nF1\tname\n")).await;
    let stderr = text(&output.stderr);
    // Status 2 would say that no task was made.
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("0..1000 were attempted, the rest was not: -: line 1501 holds a tab"), "{stderr}");
    assert_eq!(tasks_of(&emulator.tasks(), &ids(1_000)).len(), 1);
}

#[tokio::test]
async fn duplicates_are_told_and_sent() {
    let emulator = emulator().await;
    let path = file("duplicates.ids", "F1\nF2\nF1\n");
    let mut tools = [tool(&emulator), tool(&emulator), tool(&emulator)];
    tools[0].args(DUMP).arg("--file-ids-from").arg(&path);
    tools[1].args(DUMP).args(["F1", "F2", "F1"]);
    tools[2].args(DUMP).args(["--file-ids-from", "-"]);
    for (tool, place) in tools.iter_mut().zip(["line", "argument", "line"]) {
        let output = run_with_input(tool, "F1\nF2\nF1\n").await;
        assert_eq!(output.status.code(), Some(0));
        let expected = format!("warning: duplicate file ids are sent as given: F1 in {place} 3 as in {place} 1");
        assert_eq!(
            text(&output.stderr).lines().filter(|line| *line == expected).count(),
            1,
            "{}",
            text(&output.stderr)
        );
    }
    let sent = ["F1", "F2", "F1"].map(str::to_owned);
    assert_eq!(tasks_of(&emulator.tasks(), &sent).len(), 3);
}
