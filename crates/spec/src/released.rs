//! The sources of documents: the repository, a release, a revision of git.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{Input, SPEC, check::endpoints_of, diff::version};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parsed(name: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{name}: no JSON: {error}"))
}

/// The released document with the highest version.
///
/// # Errors
///
/// If there is none, or if one is no document or is not named after its version.
pub fn last_released() -> Result<(PathBuf, Value), String> {
    let folder = root().join("openapi/released");
    let mut last = None;
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = Path::new("openapi/released").join(path.file_name().unwrap_or_default());
        let spec = parsed(&name.display().to_string(), &text(&path)?)?;
        let Some(version) = version(&spec).filter(|[a, b, c]| path.ends_with(format!("{a}.{b}.{c}.json"))) else {
            return Err(format!("{}: not called by its info.version; what is released never changes", name.display()));
        };
        last = last.max(Some((version, name, spec.to_string())));
    }
    let (_, name, spec) = last.ok_or("openapi/released holds no document")?;
    Ok((name.clone(), parsed(&name.display().to_string(), &spec)?))
}

/// The document of a file, or of a revision of git.
///
/// # Errors
///
/// If there is no such file and no such revision, or it is no JSON.
pub fn from_revision(name: &str) -> Result<Value, String> {
    let path = Path::new(name);
    if path.is_file() {
        return parsed(name, &text(path)?);
    }
    let show = Command::new("git").arg("-C").arg(root()).args(["show", &format!("{name}:{SPEC}")]).output();
    let show = show.map_err(|error| format!("{name}: no file, and git cannot be asked: {error}"))?;
    if !show.status.success() {
        let reason = String::from_utf8_lossy(&show.stderr);
        return Err(format!("{name}: neither a file nor a revision that holds {SPEC}: {}", reason.trim()));
    }
    parsed(name, &String::from_utf8_lossy(&show.stdout))
}

impl Input {
    /// The repository's document, and what it is checked against.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is no JSON.
    pub fn of_repository() -> Result<Self, String> {
        let path = root().join(SPEC);
        let written = text(&path)?;
        Ok(Self {
            spec: parsed(SPEC, &written)?,
            text: written,
            endpoints: endpoints_of(&text(&root().join(crate::check::ENDPOINTS))?),
            released: last_released()?.1,
            changes: text(&root().join("openapi/CHANGES.md")).unwrap_or_default(),
        })
    }
}
