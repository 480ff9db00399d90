//! Turns `openapi/koodrive-share.json` into the typed client, `$OUT_DIR/client.rs`.
//!
//! The tests include this file, so that they see what a build generates.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process,
};

use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypePatch};
use replacements::{REPLACEMENTS, replacement};
use serde_json::{Map, Value, json};

#[path = "openapi/replacements.rs"]
mod replacements;

const SPEC: &str = "openapi/koodrive-share.json";

/// The Rust types of a reply's fields, by the type that the spec states: a field that no result depends on must not
/// make a reply unreadable.
const LENIENT: &[(&str, &str)] =
    &[("string", "LenientText"), ("integer", "LenientInt"), ("number", "LenientNumber"), ("boolean", "LenientBool")];

pub(crate) fn main() {
    println!("cargo::rerun-if-changed={SPEC}");
    // The generator panics on what it does not support. The error below shows the panic's text; a backtrace would not
    // help.
    panic::set_hook(Box::new(|_| ()));
    if let Err(reason) = catch_panic(generate) {
        let reason = reason.to_string().replace('\n', " ");
        println!("cargo::error=no client can be generated from {SPEC}: {reason}");
        process::exit(1);
    }
}

/// Turns a panic into an error.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(text.unwrap_or_else(|| "the generator panicked".to_owned()).into())
    })
}

pub(crate) fn generate() -> Result<(), Box<dyn Error>> {
    let spec = serde_json::from_str(&fs::read_to_string(SPEC)?)?;
    let json_schema = env::var_os("CARGO_FEATURE_SCHEMARS").is_some();
    let client =
        catch_panic(|| client(&spec, json_schema)).map_err(|reason| format!("{reason}{}", failing_paths(&spec)))?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("client.rs"), client)?;
    Ok(())
}

/// Returns the paths for which the generator fails when each is alone in the spec, or nothing if it also fails without
/// any path.
fn failing_paths(spec: &Value) -> String {
    let fails = |path: &str| {
        let mut alone = spec.clone();
        if let Some(paths) = alone["paths"].as_object_mut() {
            paths.retain(|name, _| name == path);
        }
        catch_panic(|| client(&alone, false)).is_err()
    };
    let mut paths: Vec<_> = spec["paths"].as_object().into_iter().flatten().map(|(path, _)| path.as_str()).collect();
    paths.retain(|path| fails(path));
    match paths.as_slice() {
        failing @ [_, ..] if !fails("") => format!(" (in {})", failing.join(", ")),
        _ => String::new(),
    }
}

/// Returns the client as Rust code.
pub(crate) fn client(spec: &Value, json_schema: bool) -> Result<String, Box<dyn Error>> {
    let mut settings = settings(spec)?;
    if json_schema {
        let mut types = BTreeSet::new();
        add_references(spec, &json!({"$ref": "#/components/schemas/CreateBatchTaskRequest"}), &mut types);
        for name in types {
            settings.with_patch(name, TypePatch::default().with_derive("::schemars::JsonSchema"));
        }
    }
    let mut spec = spec.clone();
    let headers = take_headers(&mut spec)?;
    for (schema, rust_type) in read_replies_leniently(&mut spec) {
        settings.with_replacement(schema, rust_type, [].into_iter());
    }
    let limits = if json_schema { request_limits(&spec) } else { String::new() };
    let client = Generator::new(&settings).generate_tokens(&serde_json::from_value(spec)?)?;
    Ok(format!("{client} {headers} {limits}"))
}

/// Returns the code of a function that returns the limits on the request of createBatchTask as JSON Schema, since the
/// types drop most of them.
fn request_limits(spec: &Value) -> String {
    let limits = Value::from(limits(spec, &spec["components"]["schemas"]["CreateBatchTaskRequest"]));
    format!("pub(crate) fn request_limits() -> ::serde_json::Value {{ ::serde_json::json!({limits}) }}")
}

/// Returns the limits on valid values in a schema and all schemas that it refers to.
fn limits(spec: &Value, schema: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let limit = match keyword.as_str() {
            "$ref" => {
                let target = component(schema).map(|name| limits(spec, &spec["components"]["schemas"][name]));
                found.extend(target.into_iter().flatten());
                continue;
            }
            "allOf" => {
                found.extend(value.as_array().into_iter().flatten().flat_map(|part| limits(spec, part)));
                continue;
            }
            "items" => limits(spec, value).into(),
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties.map(|(name, schema)| (name.clone(), Value::from(limits(spec, schema)))).collect()
            }
            "enum" | "maxItems" | "maxLength" | "maximum" | "minItems" | "minLength" | "minimum" | "multipleOf"
            | "pattern" | "uniqueItems" => value.clone(),
            _ => continue,
        };
        found.insert(keyword.clone(), limit);
    }
    found
}

/// Removes the header parameters from the operations, and returns Rust code for them: a struct that holds a value for
/// each.
///
/// The hooks add the headers. A generated function would take each as an argument, parse its name and copy its value.
/// Code that fills the struct must name every header, so it does not compile until it fills a new one.
fn take_headers(spec: &mut Value) -> Result<String, Box<dyn Error>> {
    let shared = spec["components"]["parameters"].clone();
    // Takes the headers of an operation, or those of a path, which all its operations share.
    let take = |holder: &mut Value| {
        let mut headers = BTreeMap::new();
        if let Some(parameters) = holder.get_mut("parameters").and_then(Value::as_array_mut) {
            parameters.retain(|parameter| {
                let parameter = component(parameter).map_or(parameter, |name| &shared[name]);
                let is_header = parameter["in"] == "header";
                if let (true, Some(name)) = (is_header, parameter["name"].as_str()) {
                    headers.insert(name.to_lowercase(), parameter["required"] == true);
                }
                !is_header
            });
        }
        headers
    };
    let mut first: Option<(String, BTreeMap<String, bool>)> = None;
    for (path, item) in fields(&mut spec["paths"]) {
        let path_headers = take(item);
        for (method, operation) in fields(item).filter(|(_, value)| value["responses"].is_object()) {
            let mut headers = path_headers.clone();
            headers.extend(take(operation));
            let place = format!("{method} {path}");
            match &first {
                Some((other, expected)) if *expected != headers => {
                    return Err(format!("{place} and {other} differ in their headers").into());
                }
                Some(_) => {}
                None => first = Some((place, headers)),
            }
        }
    }
    let headers = first.map(|(_, headers)| headers).unwrap_or_default();
    Ok(headers_struct(&headers))
}

fn headers_struct(headers: &BTreeMap<String, bool>) -> String {
    let (mut fields, mut named) = (Vec::new(), Vec::new());
    for (name, is_required) in headers {
        let field = name.replace('-', "_");
        let (field_type, value) = if *is_required {
            ("::reqwest::header::HeaderValue", format!("Some(&self.{field})"))
        } else {
            ("::std::option::Option<::reqwest::header::HeaderValue>", format!("self.{field}.as_ref()"))
        };
        named.push(format!("(const {{ ::reqwest::header::HeaderName::from_static({name:?}) }}, {value})"));
        fields.push(format!("pub {field}: {field_type}"));
    }
    format!(
        "/// The documented headers of a request.
         #[derive(Clone, Debug)] pub struct Headers {{ {} }}
         impl Headers {{
             /// In lower case.
             pub const NAMES: &[&str] = &{:?};
             pub fn named(&self) -> [
                 (::reqwest::header::HeaderName, ::std::option::Option<&::reqwest::header::HeaderValue>); {}
             ] {{ [{}] }}
         }}",
        fields.join(", "),
        headers.keys().collect::<Vec<_>>(),
        named.len(),
        named.join(", "),
    )
}

/// Makes the fields of schemas that only replies use lenient: plain fields get the types of [`LENIENT`], and objects
/// and arrays get types of their own. Returns the schemas that stand for these types, each with its Rust type.
fn read_replies_leniently(spec: &mut Value) -> BTreeMap<String, String> {
    let (mut in_requests, mut in_replies) = (BTreeSet::new(), BTreeSet::new());
    for item in spec["paths"].as_object().into_iter().flat_map(|paths| paths.values()) {
        for operation in item.as_object().into_iter().flat_map(|item| item.values()) {
            add_references(spec, &operation["requestBody"], &mut in_requests);
            add_references(spec, &operation["responses"], &mut in_replies);
        }
    }
    let schemas = spec["components"]["schemas"].clone();
    let is_ours =
        |name: &str| REPLACEMENTS.iter().any(|(schema, rust_type)| *schema == name && rust_type.starts_with("crate"));
    // Keep the library's own types, except those that requests share, which are strict. A secret is always kept.
    let is_kept = |name: &str| is_ours(name) && (!in_requests.contains(name) || schemas[name]["format"] == "password");
    let lenient = |field: &Value| {
        let target = component(&field["allOf"][0]).or_else(|| component(field));
        let stated = target.map_or(&field["type"], |target| &schemas[target]["type"]);
        let object_type = |name| (format!("Lenient{name}"), format!("LenientObject<crate::generated::types::{name}>"));
        let plain_type = |(_, lenient): &(_, &str)| ((*lenient).to_owned(), (*lenient).to_owned());
        match target {
            Some(target) if is_kept(target) => None,
            Some(target) if stated == "object" => Some(object_type(target)),
            _ => LENIENT.iter().find(|(plain, _)| stated == plain).map(plain_type),
        }
    };
    let list_type = |(name, item)| (format!("{name}List"), format!("LenientList<crate::lenient::{item}>"));
    let mut types = BTreeMap::new();
    for name in in_replies.difference(&in_requests) {
        for (_, field) in fields(&mut spec["components"]["schemas"][name]["properties"]) {
            let is_list = field["type"] == "array";
            let found = if is_list { lenient(&field["items"]).map(list_type) } else { lenient(field) };
            let Some((schema, rust_type)) = found else { continue };
            let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
            *field = json!({"allOf": [reference], "description": field["description"], "nullable": true});
            types.insert(schema, format!("crate::lenient::{rust_type}"));
        }
    }
    for schema in types.keys() {
        spec["components"]["schemas"][schema] = json!({"type": "object", "nullable": true});
    }
    types
}

/// Adds the names of the schemas that `value` refers to, directly or through others.
fn add_references(spec: &Value, value: &Value, names: &mut BTreeSet<String>) {
    if let Some(reference) = value["$ref"].as_str() {
        let schema = reference.strip_prefix("#/components/schemas/");
        if schema.is_none_or(|name| names.insert(name.to_owned())) {
            add_references(spec, spec.pointer(&reference[1..]).unwrap_or(&Value::Null), names);
        }
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| add_references(spec, value, names)),
        Value::Array(items) => items.iter().for_each(|value| add_references(spec, value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the name of the component that a reference leads to.
fn component(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.rsplit('/').next()
}

/// Returns the fields of an object, and none for any other value.
fn fields(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

fn settings(spec: &Value) -> Result<GenerationSettings, Box<dyn Error>> {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_inner_type("crate::client::exchange::Exchange".parse()?);
    for (name, schema) in spec["components"]["schemas"].as_object().into_iter().flatten() {
        if let Some(rust_type) = replacement(name, schema["type"] == "string" && schema["enum"].is_null()) {
            settings.with_replacement(name, rust_type, [].into_iter());
        }
    }
    Ok(settings)
}
