//! Responses of a storage that are not the package.

use std::{error::Error, fmt::Write, fs};

use koodrive_share::{DownloadError, DownloadUrl};
use koodrive_share_emulator::{Answer, Package};
#[cfg(feature = "tls")]
use tokio_rustls::rustls::version::TLS12;

#[cfg(feature = "tls")]
use crate::support::{
    certificates::{Authority, Trust},
    fixtures::builder,
};
use crate::support::{
    packages::{Packaged, files_beside, target},
    scripted_server::{ScriptedServer, Step},
};

fn redirect(location: &str) -> Answer {
    Answer::new(302).header("Location", location)
}

/// Returns the error of a download from a storage with this response. Asserts that one request was sent and no file
/// left.
async fn error(test: &str, package: Package) -> DownloadError {
    let packaged = Packaged::start(package).await;
    let path = target(test);
    let error = packaged.client.download(&packaged.handle, &path).await.unwrap_err();
    assert_eq!(packaged.emulator.downloads(), 1);
    assert!(files_beside(&path).is_empty(), "{:?}", files_beside(&path));
    error
}

#[tokio::test]
async fn a_body_that_is_not_a_package_is_refused_and_leaves_no_file() {
    let html = Answer::new(200).header("Content-Type", "text/html").body("<html>log in</html>");
    let error = error("html", Package::new().answer(html)).await;
    assert!(error.is_resumable());
    let expected =
        "a web page came instead of the package: check what answers on the way, such as a proxy or a login page";
    assert_eq!(error.to_string(), expected);

    let gzip = Answer::new(200).header("Content-Encoding", "gzip").body("\x1f");
    let error = self::error("gzip", Package::new().answer(gzip)).await;
    assert!(error.to_string().starts_with("an encoded body that was not asked for came"));

    let text = Answer::new(200).header("Content-Type", "application/zip").body("no zip");
    let error = self::error("text", Package::new().answer(text)).await;
    assert!(!error.is_resumable() && error.source().is_some());
    assert!(error.to_string().starts_with("the download is not a complete zip"), "{error}");

    // The zip states an offset of its directory that no file can have.
    let (locator, end) = (b"PK\x06\x07\0\0\0\0", b"\x01\0\0\0PK\x05\x06\0\0\0\0");
    let beyond = [&locator[..], &[0xff; 8], end, &[0xff; 12], b"\0\0"].concat();
    let error = self::error("beyond", Package::new().answer(Answer::new(200).body(beyond))).await;
    assert!(!error.is_resumable() && error.to_string().starts_with("the download is not a complete zip"), "{error}");

    // The stated length is shorter than the package, so that the directory is missing.
    let error = self::error("shorter", Package::new().stated_length(1_000)).await;
    assert!(error.to_string().starts_with("the download is not a complete zip"), "{error}");
    let gone = self::error("gone", Package::new().answer(Answer::new(404))).await;
    assert!(gone.status() == Some(404) && !gone.is_resumable(), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_length_that_is_never_reached_is_an_error() {
    for (n, package) in [Package::new(), Package::new().ranges(false)].into_iter().enumerate() {
        let packaged = Packaged::start(package.stated_length(1_000_000)).await;
        let path = target(&format!("longer_{n}"));
        let error = packaged.client.download(&packaged.handle, &path).max_attempts(2).await.unwrap_err();
        assert!(error.is_resumable(), "{error}");
        assert!(!path.exists() && packaged.emulator.downloads() == 3);
    }
}

/// Without a stated length, a body that broke off looks complete, and a zip in it has a directory of its own. With a
/// stated length, the package may have bytes before or after the zip.
#[tokio::test]
async fn a_zip_inside_a_body_is_not_taken_for_the_package() {
    /// The bytes before a zip, the zip, the bytes after it, and whether all of that is a package.
    type Case<'a> = (&'a [u8], &'a [u8], &'a [u8], bool);
    let packaged = Packaged::start(Package::new()).await;
    let path = target("inner");
    let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
    let zip = fs::read(&path).unwrap();
    let empty_zip = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let begun = b"PK\x03\x04, of a zip around it";
    let cases: [Case; 6] = [
        (b"", &zip, b"", true),
        (begun, &zip, b"", false),
        (b"", &zip, begun, false),
        (begun, &zip, begun, false),
        (b"", &empty_zip, b"", true),
        (begun, &empty_zip, b"", false),
    ];
    for (n, (before, zip, behind, is_whole)) in cases.into_iter().enumerate() {
        let length = format!("Content-Length: {}\r\n", before.len() + zip.len() + behind.len());
        // The start of an empty zip cannot be found, so bytes before it are refused even with a stated length.
        let with_length = is_whole || zip.len() > empty_zip.len();
        for (head, is_whole) in [("", is_whole), (&*length, with_length)] {
            let answer = [b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n", before, zip, behind].concat();
            let storage = ScriptedServer::start(vec![vec![Step::Request, Step::Send(answer), Step::Close]]).await;
            let (url, path) = (DownloadUrl::new(format!("{}/1.zip", storage.endpoint())), target("inner"));
            let downloaded = packaged.client.download(&url, &path).await;
            assert_eq!((downloaded.is_ok(), path.exists()), (is_whole, is_whole), "{n}: {downloaded:?}");
            storage.finish().await;
        }
    }
}

#[tokio::test]
async fn redirects_that_do_not_lead_to_https_are_refused() {
    let leads = "a redirect that does not lead to https came instead of the package: \
                 check what answers on the way, such as a proxy or a login page";
    for (n, location) in ["http://storage.example/1.zip", "/other.zip", "file:///etc/passwd"].iter().enumerate() {
        let error = error(&format!("redirect_{n}"), Package::new().answer(redirect(location))).await;
        assert!(error.is_resumable());
        assert_eq!(error.to_string(), leads, "{location}");
    }
    let error = error("redirect_nowhere", Package::new().answer(Answer::new(302))).await;
    assert!(error.to_string().contains("a redirect without a URL"), "{error}");
}

/// Linux connects to 0.0.0.0 as its own address, but the client takes it for another machine.
#[cfg(all(feature = "tls", target_os = "linux"))]
#[tokio::test]
async fn a_redirect_from_another_machine_to_this_one_is_refused() {
    let packaged = Packaged::start(Package::new().answer(redirect("https://127.0.0.1:1/1.zip"))).await;
    let client = builder(&packaged.emulator).allow_http(true).build().unwrap();
    let url = DownloadUrl::new(packaged.url().await.expose().replace("127.0.0.1", "0.0.0.0"));
    let error = client.download(&url, target("redirect_here")).await.unwrap_err();
    assert!(error.to_string().contains("a redirect from another machine to this one"), "{error}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn up_to_5_redirects_to_https_are_followed_with_the_given_certificates() {
    const EMPTY: &str = "PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let authority = Authority::new();
    let moved = "HTTP/1.1 302 Moved\r\nLocation: /next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let found = format!("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{EMPTY}");
    let connection = |answer: &str| vec![Step::Request, Step::Send(answer.as_bytes().to_vec())];
    for redirects in [5, 6] {
        // The emulator makes the first redirect. The sixth redirect is not followed.
        let mut script = vec![connection(moved); redirects - 1];
        if redirects == 5 {
            script.push(connection(&found));
        }
        let storage = ScriptedServer::start_tls(script, authority.acceptor(Trust::Deserved)).await;
        let package = Package::new().answer(redirect(&format!("{}/1.zip?token=CANARY", storage.endpoint())));
        let packaged = Packaged::start(package).await;
        let client = builder(&packaged.emulator).root_certificates(authority.pem()).build().unwrap();
        let downloaded = client.download(&packaged.handle, target(&format!("redirects_{redirects}"))).await;
        let seen = storage.finish().await;
        match downloaded {
            Ok(package) => assert_eq!((redirects, package.files), (5, 0)),
            Err(error) => {
                assert_eq!(redirects, 6, "{error:?}");
                assert!(error.to_string().contains("a sixth redirect"), "{error}");
            }
        }
        for request in seen.requests {
            assert!(!request.to_ascii_lowercase().contains("\r\nreferer"), "{request}");
        }
    }
}

#[tokio::test]
async fn no_error_shows_the_url() {
    const URL: &str = "http://127.0.0.1:1/CANARY.zip?token=CANARY";
    let packaged = Packaged::start(Package::new()).await;
    let download = packaged.client.download(DownloadUrl::new(URL), target("secret")).max_attempts(1);
    let mut shown = format!("{download:?}");
    let error = download.await.unwrap_err();
    assert!(error.is_resumable() && error.is_unavailable(), "{error}");
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(error) = cause {
        write!(shown, "{error} {error:?}").unwrap();
        cause = error.source();
    }
    assert!(shown.contains("refused") && !shown.contains("CANARY"), "{shown}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_storage_that_is_not_trusted_is_reported_with_advice() {
    let authority = Authority::new();
    let packaged = Packaged::start(Package::new()).await;
    let client = builder(&packaged.emulator).root_certificates(authority.pem());
    // The client certificate is for the API; a storage does not get it.
    let client = client.client_certificate(authority.client_pem()).build().unwrap();
    let demanding = authority.demanding_acceptor(&TLS12);
    for (n, (tls, said)) in [
        (
            authority.acceptor(Trust::OtherHost),
            "the storage's certificate is for another host: ask the vendor, or who runs the proxy on the way",
        ),
        (
            demanding,
            "the storage demands a client certificate, or does not accept the one given: \
             ask the vendor, since a download gives none",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let storage = ScriptedServer::start_tls(vec![vec![Step::NoHandshake]], tls).await;
        let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
        let error = client.download(&url, target(&format!("untrusted_{n}"))).await.unwrap_err();
        assert_eq!(error.to_string(), said);
        assert!(error.is_resumable() && !error.is_unavailable(), "{error}");
        storage.finish().await;
    }
}
