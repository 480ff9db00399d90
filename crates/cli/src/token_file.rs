//! An access token in a file that may be renewed while the tool runs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use koodrive_share::{AccessToken, Credentials, TokenProvider};

use crate::secret;

/// Credentials that read the file for each request, also for the one after a 401.
///
/// Returns `None` if the file can be read only once, like the standard input or a pipe.
pub(crate) fn credentials(path: &Path, token: String) -> Option<Credentials> {
    let is_file = !secret::is_stdin(path) && path.is_file();
    let latest = Arc::new(Mutex::new(token));
    is_file.then(|| Credentials::provider(provider(path.to_owned(), latest)))
}

fn provider(path: PathBuf, latest: Arc<Mutex<String>>) -> impl TokenProvider {
    move || {
        let (path, latest) = (path.clone(), latest.clone());
        async move {
            let read = tokio::task::spawn_blocking(move || secret::read_again(&path)).await?;
            let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
            // A file may be missing or empty while it is replaced; until then the last token is used.
            if let Ok(token) = read {
                *latest = token;
            }
            // With a lifetime of 0, the token is kept for one request, so that a changed file is noticed before a 401.
            Ok(AccessToken::new(latest.as_str()).expires_in(Duration::ZERO))
        }
    }
}
