//! How file ids are read.

use std::fs;

use crate::support::{
    DUMP,
    bulk::{ids, tasks_of},
    emulator, file, run, run_with_input, text, tool,
};

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
    let output = run(tool(&emulator).args(DUMP).args(["--file-ids-from", "/dev/null"])).await;
    assert_eq!(output.status.code(), Some(2), "no ids at all");
    assert_eq!(emulator.request_count(), 2);
}
