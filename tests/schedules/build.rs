//! Copies the library's modules, with `shuttled.rs` in place of std and `tokio.rs` in place of tokio. Takes the types
//! of the generated client from their snapshot.

use std::{env, fs, io, path::Path};

/// The modules that a bulk run and a token cache need, except the client.
const MODULES: &[&str] = &[
    "bulk",
    "connect_fault",
    "credentials",
    "disk",
    "error",
    "error_chain",
    "generated",
    "lenient",
    "patience",
    "redact",
    "rules",
    "service_code",
    "share_task",
    "trace_id",
    "validation",
    "x_date",
];

const SOURCE: &str = "../../src";

const SNAPSHOT: &str = "../snapshots/client.rs";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed={SNAPSHOT}");
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("library");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    copy(Path::new(SOURCE), &target)?;
    let snapshot = fs::read_to_string(SNAPSHOT)?;
    // The functions after the types are left out, because the snapshot omits their bodies.
    let types = snapshot.split_once("pub mod types {").and_then(|(_, rest)| rest.split_once("/// Error types."));
    let (types, _) = types.expect("the snapshot has the types");
    fs::write(target.join("generated.rs"), format!("pub(crate) mod types {{{types}}}\n"))?;
    let modules = MODULES.iter().map(|module| format!("mod {module};"));
    let modules = modules.chain(["mod task { pub(crate) mod handle; pub(crate) mod wire; }".to_owned()]);
    // The library's own build lints the modules, and the tests here use only parts of them.
    let modules: Vec<String> =
        modules.map(|module| format!("#[allow(warnings, clippy::pedantic)]\n{module}\n")).collect();
    fs::write(target.join("modules.rs"), modules.concat())
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let target = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path())?;
            let text = text.replace("use std::", "use crate::shuttled::").replace("tokio::", "crate::tokio::");
            // The unit tests run with the library.
            let text = text.replace("#[cfg(test)]", "#[cfg(any())]");
            fs::write(target, text)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
