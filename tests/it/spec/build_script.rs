//! The build script, run as cargo runs it: in its own process, in the package's directory.

use std::{env, fs, path::PathBuf, process::Command};

use serde_json::json;

use super::{build, snapshot::api_of, spec, spec_text};

/// Set for the child process, which runs the same test.
const IN_CHILD: &str = "RUN_THE_BUILD_SCRIPT";

/// The directory of a package that consists of a spec alone. The build script writes to it, too.
fn package(test: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test)
}

/// Runs the build script on a spec. Returns whether it succeeded, its instructions to cargo, and its standard error.
fn run(test: &str, spec: &str, features: &[&str]) -> (bool, Vec<String>, String) {
    let package = package(test);
    if package.exists() {
        fs::remove_dir_all(&package).unwrap();
    }
    fs::create_dir_all(package.join("openapi")).unwrap();
    fs::write(package.join("openapi/koodrive-share.json"), spec).unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("spec::build_script::{test}"), "--nocapture"])
        .env(IN_CHILD, "1")
        .env("OUT_DIR", &package)
        .env("RUST_BACKTRACE", "1")
        .envs(features.iter().map(|feature| (format!("CARGO_FEATURE_{feature}"), "1")))
        .current_dir(&package)
        .output()
        .unwrap();
    let stdout = String::from_utf8(child.stdout).unwrap();
    // The test harness writes `test … ... ` in front of the first line.
    let to_cargo = stdout.lines().filter_map(|line| line.find("cargo::").map(|at| line[at..].to_owned()));
    let stderr = String::from_utf8(child.stderr).unwrap();
    (child.status.success(), to_cargo.collect(), stderr)
}

fn is_child() -> bool {
    let child = env::var_os(IN_CHILD).is_some();
    if child {
        build::main();
    }
    child
}

#[test]
fn reruns_for_the_spec_alone() {
    if is_child() {
        return;
    }
    let (succeeded, to_cargo, _) = run("reruns_for_the_spec_alone", &spec_text(), &[]);
    assert!(succeeded);
    let expected = ["cargo::rerun-if-changed=openapi/koodrive-share.json"];
    assert_eq!(to_cargo, expected);
}

#[test]
fn schemas_are_generated_with_their_feature_alone() {
    if is_child() {
        return;
    }
    let test = "schemas_are_generated_with_their_feature_alone";
    for (features, schemas) in [(&[][..], false), (&["SCHEMARS"], true)] {
        let (succeeded, ..) = run(test, &spec_text(), features);
        assert!(succeeded);
        let client = fs::read_to_string(package(test).join("client.rs")).unwrap();
        assert_eq!(client.contains("JsonSchema"), schemas, "{features:?}");
    }
}

#[test]
fn a_spec_that_is_no_json_fails_with_the_file_and_the_reason() {
    if is_child() {
        return;
    }
    let broken = r#"{"openapi" "3.0.3"}"#;
    let (succeeded, to_cargo, stderr) = run("a_spec_that_is_no_json_fails_with_the_file_and_the_reason", broken, &[]);
    assert!(!succeeded);
    let error = to_cargo.last().unwrap();
    assert_eq!(
        error,
        "cargo::error=no client can be generated from openapi/koodrive-share.json: expected `:` at line 1 column 12"
    );
    assert_eq!(stderr, "");
}

#[test]
fn a_spec_that_makes_the_generator_panic_fails_with_the_file_and_the_reason() {
    if is_child() {
        return;
    }
    let broken = spec_text().replace("schemas/FileIdInfo\"", "schemas/FileIdInof\"");
    let (succeeded, to_cargo, stderr) =
        run("a_spec_that_makes_the_generator_panic_fails_with_the_file_and_the_reason", &broken, &[]);
    assert!(!succeeded);
    let error = to_cargo.last().unwrap();
    assert_eq!(
        error,
        "cargo::error=no client can be generated from openapi/koodrive-share.json: \
         $ref #/components/schemas/FileIdInof is missing"
    );
    assert_eq!(stderr, "");
}

#[test]
fn a_failure_of_one_path_names_it() {
    if is_child() {
        return;
    }
    // Error statuses of two types, which the generator does not support.
    let mut spec = spec();
    spec["paths"]["/koodrive/ose/v1/share/tasks"]["post"]["responses"]["500"]["$ref"] =
        json!("#/components/responses/Other");
    spec["components"]["responses"]["Other"] = json!({
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FileIdInfo"}}},
        "description": "…",
    });
    let (succeeded, to_cargo, stderr) = run("a_failure_of_one_path_names_it", &spec.to_string(), &[]);
    assert!(!succeeded);
    let error = to_cargo.last().unwrap();
    assert!(error.ends_with(" (in /koodrive/ose/v1/share/tasks)"), "{error}");
    assert_eq!(stderr, "");
}

#[test]
fn a_path_gives_its_headers_to_all_its_operations() {
    let mut spec = spec();
    let api = api_of(&spec);
    for (_, item) in spec["paths"].as_object_mut().unwrap() {
        let operation = item.as_object_mut().unwrap().values_mut().next().unwrap();
        item["parameters"] = operation.as_object_mut().unwrap().remove("parameters").unwrap();
        // These fields of the path are no operations, so they have no headers.
        item["summary"] = json!("…");
        item["x-origin"] = json!({"parameters": []});
    }
    assert_eq!(api_of(&spec), api);
}

#[test]
fn operations_that_differ_in_their_headers_are_refused() {
    for (name, is_required) in [("X-Region", false), ("X-Region", true), ("X-Traceid", true)] {
        let mut spec = spec();
        let parameters = &mut spec["paths"]["/koodrive/ose/v1/share/tasks"]["post"]["parameters"];
        let header = json!({"in": "header", "name": name, "required": is_required, "schema": {"type": "string"}});
        parameters.as_array_mut().unwrap().push(header);
        let error = build::client(&spec, false).err().map(|reason| reason.to_string());
        assert!(error.is_some_and(|reason| reason.ends_with(" differ in their headers")), "{name} {is_required}");
    }
}
