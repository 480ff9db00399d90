//! The command: what it prints, and its exit status.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};
use spec::{SPEC, root};

use crate::support::{put, released};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spec")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A document in a file of its own: the released one with at most this many file ids.
fn limited(test: &str, limit: u64) -> PathBuf {
    let mut spec = released();
    put(&mut spec, "/components/schemas/CreateBatchTaskRequest/properties/fileIds/maxItems", json!(limit));
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.json"));
    fs::write(&file, spec.to_string()).unwrap();
    file
}

#[test]
fn check_of_the_repository_finds_nothing() {
    let output = run(&["check"]);
    assert_eq!(stdout(&output), format!("{SPEC}: nothing is wrong\n"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn diff_tells_who_breaks_and_fails_while_the_version_has_not_moved() {
    let file = limited("diff_tells_who_breaks", 500);
    let released = root().join("openapi/released/1.0.0.json");
    let output = run(&["diff", released.to_str().unwrap(), file.to_str().unwrap()]);
    let expected = "\
Breaking
  createBatchTask request: $.fileIds holds at most 500 items, was 1000 (narrowed-bound): callers with more break; major
      at /components/schemas/CreateBatchTaskRequest/properties/fileIds/maxItems
      Rust: no generated type changes, since the generator drops this limit; see that src/ refuses what breaks it

info.version was 1.0.0 in the last release, must be at least 2.0.0 and is 1.0.0: TOO LITTLE.
";
    assert_eq!(stdout(&output), expected);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn diff_fails_on_a_step_if_it_is_told_to() {
    let file = limited("diff_fails_on_a_step", 1000);
    let file = file.to_str().unwrap();
    let status = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(status(&["diff", file, file]), Some(0));
    assert_eq!(status(&["diff", file, file, "--fail-on", "minor"]), Some(0));
    // The fields of the edition of 2024 are a minor change, and the version has moved.
    let current = root().join(SPEC);
    let current = current.to_str().unwrap();
    assert_eq!(status(&["diff", file, current]), Some(0));
    assert_eq!(status(&["diff", file, current, "--fail-on", "major"]), Some(0));
    assert_eq!(status(&["diff", file, current, "--fail-on", "minor"]), Some(1));
}

#[test]
fn diff_speaks_json() {
    let file = limited("diff_speaks_json", 500);
    let released = root().join("openapi/released/1.0.0.json");
    let output = run(&["diff", released.to_str().unwrap(), file.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let version = json!({"released": "1.0.0", "is": "1.0.0", "mustBeAtLeast": "2.0.0", "isEnough": false});
    assert_eq!((&report["version"], &report["step"]), (&version, &json!("major")));
    let [change] = report["changes"].as_array().unwrap().as_slice() else {
        panic!("{report}");
    };
    let of = json!([{"operation": "createBatchTask", "direction": "request", "status": null, "place": "$.fileIds"}]);
    assert_eq!((&change["rule"], &change["reachedFrom"]), (&json!("narrowed-bound"), &of));
}

/// `CHANGES.md` is the report in Markdown, as `check` demands.
#[test]
fn diff_in_markdown_is_the_file_of_changes() {
    let output = run(&["diff", "--format", "markdown"]);
    assert_eq!(stdout(&output), fs::read_to_string(root().join("openapi/CHANGES.md")).unwrap());
}

/// Only `CHANGES.md` names the command that generates it.
#[test]
fn diff_in_markdown_of_two_documents_names_both() {
    let file = limited("diff_in_markdown_of_two", 500);
    let file = file.to_str().unwrap();
    let heading = |arguments: &[&str]| {
        let report = stdout(&run(&[&["diff", "--format", "markdown"], arguments].concat()));
        report.lines().take(3).collect::<Vec<_>>().join("|")
    };
    assert_eq!(
        heading(&[file, file]),
        format!("# Changes of the spec from {file} to {file}||Nothing changed that a message shows.")
    );
    let current = root().join(SPEC);
    let current = current.to_str().unwrap();
    assert_eq!(
        heading(&[current]),
        format!("# Changes of the spec since {current}||Nothing changed that a message shows.")
    );
}

/// The second change comes after one that has raised the version.
#[test]
fn diff_with_a_revision_that_was_never_released_judges_the_version_by_the_release() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let document = |name: &str, fields: &[&str], version: &str| {
        let mut spec = released();
        for field in fields {
            let at = format!("/components/schemas/CreateBatchTaskRequest/properties/{field}");
            put(&mut spec, &at, json!({"description": "…", "type": "string"}));
        }
        put(&mut spec, "/info/version", json!(version));
        let file = folder.join(name);
        fs::write(&file, spec.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let first = document("first.json", &["one"], "1.1.0");
    for (second, version, verdict, status) in [
        (document("second.json", &["one", "two"], "1.1.0"), "1.1.0", "enough", 0),
        (document("low.json", &["one", "two"], "1.0.0"), "1.0.0", "TOO LITTLE", 1),
    ] {
        let output = run(&["diff", &first, &second]);
        let report = stdout(&output);
        let expected = format!(
            "info.version was 1.0.0 in the last release, must be at least 1.1.0 and is {version}: {verdict}.\n"
        );
        assert!(
            report.contains("$.two is new") && !report.contains("$.one") && report.ends_with(&expected),
            "{report}"
        );
        assert_eq!(output.status.code(), Some(status));
    }
}

#[test]
fn what_is_neither_file_nor_revision_is_named() {
    let output = run(&["diff", "no-such-revision"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let neither = format!("error: no-such-revision: neither a file nor a revision that holds {SPEC}: ");
    // This is the message on a machine without git.
    let no_git = "error: no-such-revision: no file, and git cannot be asked: ";
    assert!(stderr.starts_with(&neither) || stderr.starts_with(no_git), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_document_that_cannot_be_compared_is_named() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("swagger.json");
    fs::write(&file, r#"{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": {}}"#).unwrap();
    let output = run(&["diff", file.to_str().unwrap()]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("swagger.json: /openapi: the generator reads OpenAPI 3.0, not null; write"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}
