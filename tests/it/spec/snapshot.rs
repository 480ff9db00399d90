//! What the spec generates, for review beside the spec's diff.

use super::{build, spec_text};

const UPDATE: &str = "EXPECTORATE=overwrite cargo test -p koodrive-share-tests spec::snapshot";

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
    expectorate::assert_contents("snapshots/client.rs", &pretty(&client()));
}
