//! The subcommand `emulator`.

use std::process::Stdio;

use crate::support::{DUMP, SECRET, TOKEN, bare_tool, file, first_line, run, send, text};

#[tokio::test]
async fn emulator_subcommand_serves_apps_and_tokens() {
    let secret = file("emulator.secret", SECRET);
    for app in [true, false] {
        let mut server = bare_tool();
        server.arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = bare_tool();
        if app {
            server.args(["--app-id", "app", "--app-secret-file"]).arg(&secret);
            client.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
        } else {
            server.args(["--token", TOKEN]);
            client.env("KOODRIVE_TOKEN", TOKEN);
        }
        let mut server = server.spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        client.args(["--user-id", "me", "--agent-name", "carrier", "--endpoint", &endpoint]);
        let output = run(client.args(DUMP).args(["F1", "--wait"])).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        server.kill().await.unwrap();
    }
}

#[tokio::test]
async fn emulator_serves_packages_as_its_flags_say() {
    let path = file("emulator_package.zip", "");
    let mut server = bare_tool();
    server.args([
        "emulator",
        "--package-file-bytes",
        "5000",
        "--package-cut-every",
        "1000",
        "--package-held-back",
        "1",
    ]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let mut client = bare_tool();
    client.env("KOODRIVE_TOKEN", "emulator-token");
    client.args(["--user-id", "me", "--agent-name", "carrier", "--endpoint", &endpoint, "package", "F1", "F2"]);
    client.args(["--share-id", "share", "--container-id", "space", "--overwrite", "--output"]).arg(&path);
    let output = run(&mut client).await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let bytes = std::fs::metadata(path).unwrap().len();
    assert!((5_000..10_000).contains(&bytes), "{bytes}");
    server.kill().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn emulator_ends_at_an_interrupt() {
    let mut server = bare_tool();
    let mut server = server.arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    first_line(&mut server).await;
    send("-INT", server.id().unwrap()).await;
    assert_eq!(server.wait().await.unwrap().code(), Some(0));
}
