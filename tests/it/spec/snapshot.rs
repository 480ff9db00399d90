//! What the spec generates, for review beside the spec's diff.

use super::{build, spec_text};

const UPDATE: &str = "EXPECTORATE=overwrite cargo test --all-features --test it spec::snapshot";

fn pretty(code: &str) -> String {
    prettyplease::unparse(&syn::parse_file(code).unwrap())
}

fn client() -> String {
    let spec = serde_json::from_str(&spec_text()).unwrap();
    build::client(&spec, false).unwrap()
}

#[test]
fn generated_client_is_the_snapshot() {
    // Shown when the comparison fails.
    println!("the spec changed the Rust API; if it should, run `{UPDATE}` and commit the snapshot");
    expectorate::assert_contents("tests/snapshots/client.rs", &pretty(&client()));
}

#[test]
fn generated_mock_is_the_snapshot() {
    println!("the spec changed the mock's API; if it should, run `{UPDATE}` and commit the snapshot");
    let spec = serde_json::from_str(&spec_text()).unwrap();
    let mock = build::mock(&spec).unwrap();
    expectorate::assert_contents("tests/snapshots/httpmock.rs", &pretty(&mock));
}

/// The snapshot is only a witness: what is compiled comes from the spec. So both must come from it alike.
#[test]
fn snapshot_is_of_the_code_that_is_compiled() {
    let compiled = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));
    let spec = serde_json::from_str(&spec_text()).unwrap();
    let generated = build::client(&spec, cfg!(feature = "schemars")).unwrap();
    assert!(compiled == generated, "the build generates another client than the tests");
}
