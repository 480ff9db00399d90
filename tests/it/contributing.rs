//! The claims of CONTRIBUTING.md.

use std::{fs, path::Path};

const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");

/// Appends the text of every Rust file in a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *text += &fs::read_to_string(path).unwrap();
        }
    }
}

#[test]
fn every_test_that_the_rule_table_names_exists() {
    let mut text = String::new();
    for folder in ["../src", "."] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
    }
    let table = CONTRIBUTING.split("## Rules").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut count = 0;
    for row in rows {
        let name = row.trim_end_matches(" |").rsplit('`').nth(1).unwrap();
        assert!(text.contains(&format!("fn {name}()")), "{name} is not a test");
        count += 1;
    }
    // The table has at least 15 rows; if it were not found, there would be none.
    assert!(count >= 15, "{count}");
}
