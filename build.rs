//! Turns `openapi/koodrive-share.json` into the typed client, `$OUT_DIR/client.rs`.
//!
//! The tests include this file, so that they see what a build generates.

use std::{
    env,
    error::Error,
    fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process,
};

use openapiv3::{OpenAPI, Parameter, ReferenceOr};
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};

const SPEC: &str = "openapi/koodrive-share.json";

/// Schemas whose Rust type is not the generator's.
///
/// Ids become plain strings, since the wrapper reports all broken rules at once where a checking newtype stops at the
/// first. Domain types are ours: open enums, dates, and secrets that no `Debug` shows.
const REPLACEMENTS: [(&str, &str); 17] = [
    ("CompactTime", "crate::task::wire::CompactTime"),
    ("ContainerId", "::std::string::String"),
    ("DownloadUrl", "crate::task::wire::WireUrl"),
    ("FileId", "::std::string::String"),
    ("FileStatusCode", "crate::task::status::FileStatus"),
    ("HeaderText", "::std::string::String"),
    ("KdsToken", "crate::credentials::KdsToken"),
    ("ServiceCode", "crate::service_code::ServiceCode"),
    ("ShareId", "::std::string::String"),
    ("TaskId", "::std::string::String"),
    ("TaskInfos", "crate::task::wire::TaskInfos"),
    ("TaskResultCode", "crate::task::wire::OpenNumber"),
    ("TaskStatusCode", "crate::task::wire::OpenNumber"),
    ("TaskType", "crate::share_task::TaskType"),
    ("TraceId", "crate::trace_id::TraceId"),
    ("XDate", "crate::x_date::XDate"),
    ("ZipName", "::std::string::String"),
];

pub(crate) fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={SPEC}");
    // The generator panics on what it does not support; its text is the reason, its backtrace is not.
    panic::set_hook(Box::new(|_| ()));
    if let Err(reason) = caught(generate) {
        let reason = reason.to_string().replace('\n', " ");
        println!("cargo::error=no client can be generated from {SPEC}: {reason}");
        process::exit(1);
    }
}

/// Turns a panic into an error.
fn caught<T>(work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(text.unwrap_or_else(|| "the generator panicked".to_owned()).into())
    })
}

pub(crate) fn generate() -> Result<(), Box<dyn Error>> {
    let spec = serde_json::from_str(&fs::read_to_string(SPEC)?)?;
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let client = caught(|| client(&spec, feature("SCHEMARS"))).map_err(|reason| format!("{reason}{}", place(&spec)))?;
    fs::write(out_dir.join("client.rs"), client)?;
    Ok(())
}

/// Where the generator fails: the paths that it fails for one at a time. Nothing if it fails without any path, too.
fn place(spec: &OpenAPI) -> String {
    let fails = |path: &str| {
        let mut alone = spec.clone();
        alone.paths.paths.retain(|name, _| name == path);
        caught(|| client(&alone, false)).is_err()
    };
    let mut paths: Vec<_> = spec.paths.paths.keys().map(String::as_str).collect();
    paths.retain(|path| fails(path));
    match paths.as_slice() {
        failing @ [_, ..] if !fails("") => format!(" (in {})", failing.join(", ")),
        _ => String::new(),
    }
}

/// The client as Rust code.
pub(crate) fn client(spec: &OpenAPI, json_schema: bool) -> Result<String, Box<dyn Error>> {
    let mut settings = settings()?;
    if json_schema {
        settings.with_derive("::schemars::JsonSchema");
    }
    let mut spec = spec.clone();
    let names = leave_headers_to_hooks(&mut spec);
    let client = Generator::new(&settings).generate_tokens(&spec)?;
    Ok(format!("{client} {names}"))
}

/// Makes every shared header of the spec optional, and gives the names of all as Rust code, for the hooks that add them.
///
/// For each request, a generated function parses the names of its headers, copies their values and moves both through
/// two maps. The headers stay its arguments: neither a new nor a renamed one compiles until the wrapper follows.
fn leave_headers_to_hooks(spec: &mut OpenAPI) -> String {
    let components = spec.components.iter_mut();
    let parameters = components.flat_map(|components| components.parameters.values_mut());
    let names = parameters.filter_map(|parameter| {
        let ReferenceOr::Item(Parameter::Header { parameter_data, .. }) = parameter else {
            return None;
        };
        parameter_data.required = false;
        let name = parameter_data.name.to_lowercase();
        let constant = name.to_uppercase().replace('-', "_");
        Some(format!(
            "pub const {constant}: ::reqwest::header::HeaderName = \
             ::reqwest::header::HeaderName::from_static({name:?});"
        ))
    });
    format!("pub mod headers {{ {} }}", names.collect::<String>())
}

fn settings() -> Result<GenerationSettings, Box<dyn Error>> {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_inner_type("crate::client::hooks::Attempt".parse()?);
    for (schema, rust_type) in REPLACEMENTS {
        settings.with_replacement(schema, rust_type, [].into_iter());
    }
    Ok(settings)
}
