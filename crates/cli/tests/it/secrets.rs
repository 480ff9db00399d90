//! The sources of secrets, and the places where they must not show.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use koodrive_share_emulator::{Answer, Emulator, Fault};
use tokio::time::timeout;

use crate::support::{
    DUMP, HELD, KDSTOKEN, SECRET, TOKEN, bare_tool, bulk::until, emulator, expect, file, id_file, release, run,
    run_with_input, text, tool,
};

#[tokio::test]
async fn secrets_come_from_variables_files_or_the_standard_input_never_from_flags() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let no_token = || {
        let mut tool = tool(&emulator);
        tool.env_remove("KOODRIVE_TOKEN").args(DUMP).arg("F1");
        tool
    };
    for flag in ["--token", "--kdstoken", "--app-secret", "--authorization"] {
        let output = run(no_token().args([flag, "x"])).await;
        assert_eq!(output.status.code(), Some(2), "{flag} is taken");
        assert!(text(&output.stderr).contains("unexpected argument"));
    }
    let token = file("token.secret", &format!("{TOKEN}\r\n"));
    let kdstoken = file("kdstoken.secret", KDSTOKEN);
    let authorization = file("authorization.secret", &format!("Bearer {TOKEN}\n"));
    let secret = file("app.secret", &format!("{SECRET}\n"));
    let mut tools = [(); 7].map(|()| no_token());
    tools[0].arg("--token-file").arg(&token).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    tools[1].arg("--kdstoken-file").arg(&kdstoken);
    tools[1].env("KOODRIVE_AUTHORIZATION", format!("Bearer {TOKEN}"));
    tools[2].arg("--kdstoken-file").arg(&kdstoken);
    tools[2].env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    tools[3].arg("--kdstoken-file").arg(&kdstoken).args(["--token-file", "-"]);
    tools[4].arg("--kdstoken-file").arg(&kdstoken).arg("--authorization-file").arg(&authorization);
    // A flag overrides the variable for it, and the variables of other credentials.
    tools[5].arg("--kdstoken-file").arg(&kdstoken).args(["--app-id", "app", "--app-secret-file"]).arg(&secret);
    tools[5].env("KOODRIVE_APP_ID", "another").env("KOODRIVE_TOKEN", "another");
    tools[6].arg("--kdstoken-file").arg(&kdstoken).arg("--app-secret-file").arg(&secret).env("KOODRIVE_APP_ID", "app");
    for (n, tool) in tools.iter_mut().enumerate() {
        let output = run_with_input(tool, &format!("{TOKEN}\n")).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(emulator.tasks().len(), n + 1);
    }
    let mut two = no_token();
    let output = run(two.arg("--authorization-file").arg(&authorization).arg("--token-file").arg(&token)).await;
    assert_eq!(output.status.code(), Some(2));
    let expected = "give one of --token-file, --authorization-file, and --app-id with --app-secret-file";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    let mut two = no_token();
    let output = run(two.args(["--proxy-file", "-", "--app-secret-file", "-"])).await;
    let expected = "only one of --app-secret-file and --proxy-file can read the standard input";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    let mut two = no_token();
    let output = run(two.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert_eq!(output.status.code(), Some(2));
    let expected = "only one of --token-file and --kdstoken-file can read the standard input";
    assert!(text(&output.stderr).contains(expected));
    let mut status = bare_tool();
    status.args(["status", "1", "--share-id", "s"]);
    let output = run(status.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert!(text(&output.stderr).contains(expected));
}

#[cfg(unix)]
#[tokio::test]
async fn secret_that_is_no_text_is_refused_and_shown_nowhere() {
    use std::os::unix::ffi::OsStrExt;
    let emulator = emulator().await;
    let value = OsStr::from_bytes(b"http://user:pa55word\xff@127.0.0.1:1");
    let variables = ["TOKEN", "AUTHORIZATION", "APP_SECRET", "PROXY", "KDSTOKEN", "EXTRACT_CODE"];
    let variables = variables.map(|name| format!("KOODRIVE_{name}"));
    for name in variables.iter().map(String::as_str).chain(["https_proxy", "ALL_PROXY"]) {
        let mut tool = tool(&emulator);
        if ["KOODRIVE_AUTHORIZATION", "KOODRIVE_APP_SECRET"].contains(&name) {
            tool.env_remove("KOODRIVE_TOKEN");
        }
        let args = if name == "KOODRIVE_EXTRACT_CODE" { vec!["files", "1"] } else { [&DUMP[..], &["F1"]].concat() };
        // No proxy applies to an endpoint on this machine.
        let output = run(tool
            .args(args)
            .args(["-vv", "--max-attempts", "1", "--endpoint", "https://koodrive.invalid"])
            .env(name, value))
        .await;
        let stderr = text(&output.stderr);
        // Of the proxy variables that are not its own, the library ignores those that are not UTF-8.
        let expected = if name.starts_with("KOODRIVE_") { 2 } else { 6 };
        assert_eq!(output.status.code(), Some(expected), "{name}: {stderr}");
        assert!(!stderr.contains("pa55") && output.stdout.is_empty(), "{name}: {stderr}");
    }
}

#[tokio::test]
async fn tracing_shows_no_secret() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let mut signed = tool(&emulator);
    signed.env_remove("KOODRIVE_TOKEN");
    signed.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    let echo = format!("denied: {TOKEN} {SECRET} {KDSTOKEN}");
    for (mut tool, secret) in [(tool(&emulator), TOKEN), (signed, SECRET)] {
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", &echo)));
        tool.args(DUMP).args(["F1", "-vv"]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
        let output = run(&mut tool).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains("DEBUG") && stderr.contains("denied: "), "{stderr}");
        let of_others = |line: &&str| line.contains("Z ") && !line.contains(" koodrive_share::");
        assert_eq!(stderr.lines().find(of_others), None);
        for secret in [secret, KDSTOKEN] {
            assert!(!stderr.contains(secret), "{secret} in {stderr}");
        }
        assert!(!stderr.contains('\u{1b}'), "colours in a pipe: {stderr}");
    }
}

/// Creates eight tasks, one after the other, and changes the token file while the third request is on its way. Returns
/// the `Authorization` of each request.
async fn authorizations_of_run_with_changed_token(
    emulator: &Emulator,
    file_name: &str,
    change: impl FnOnce(&Path),
) -> Vec<String> {
    let path = file(file_name, &format!("{TOKEN}\n"));
    let ids = id_file(&format!("{file_name}.ids"), 8_000);
    for fault in [Fault::Delay(Duration::ZERO), Fault::Delay(Duration::ZERO), HELD] {
        emulator.fail_next(fault);
    }
    let mut tool = tool(emulator);
    tool.env_remove("KOODRIVE_TOKEN").args(DUMP).args(["--concurrency", "1", "--token-file"]).arg(&path);
    tool.arg("--file-ids-from").arg(&ids).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = tool.spawn().unwrap();
    until("the third request is on its way", || emulator.request_count() == 3).await;
    change(&path);
    release().await;
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 8);
    let requests = emulator.requests();
    let values = requests.iter().map(|request| request.header("Authorization").unwrap().to_owned());
    values.collect()
}

#[tokio::test]
async fn secret_is_read_as_windows_writes_it() {
    let emulator = emulator().await;
    let path = file("windows.secret", "");
    let with = |content: Vec<u8>| {
        fs::write(&path, content).unwrap();
        let mut tool = tool(&emulator);
        tool.env_remove("KOODRIVE_TOKEN").args(DUMP).args(["F1", "--token-file"]).arg(&path);
        tool
    };
    let utf_16: Vec<u8> = format!("\u{feff}{TOKEN}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The contents are as written by `echo` in cmd, by `echo` in PowerShell, and by an editor.
    for content in [format!("{TOKEN} \r\n").into_bytes(), utf_16.clone(), format!("\u{feff}{TOKEN}").into_bytes()] {
        let output = run(&mut with(content)).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let one_byte_more = [&utf_16[..], b"\n"].concat();
    for content in [&utf_16[1..], b"\xff\xfe\x00\xd8", &one_byte_more] {
        let output = run(&mut with(content.to_owned())).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains("windows.secret: it is neither valid UTF-8 nor UTF-16 as Windows writes it"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[tokio::test]
async fn token_file_that_changes_is_read_again() {
    let emulator = emulator().await;
    emulator.accept_token("renewed");
    let sent = authorizations_of_run_with_changed_token(&emulator, "changed.secret", |path| {
        fs::write(path, "renewed\n").unwrap();
    })
    .await;
    let old = format!("Bearer {TOKEN}");
    assert_eq!(sent[..3], [old.as_str(); 3]);
    assert_eq!(sent[3..], ["Bearer renewed"; 5]);
}

#[tokio::test]
async fn token_file_is_read_again_after_a_401() {
    let emulator = emulator().await;
    emulator.accept_token("renewed");
    let path = file("refused.secret", TOKEN);
    let mut tool = tool(&emulator);
    tool.env_remove("KOODRIVE_TOKEN").args(DUMP).args(["F1", "--token-file"]).arg(&path);
    emulator.revoke_token(TOKEN);
    emulator.fail_next(HELD);
    let child = tool.stdout(Stdio::null()).spawn().unwrap();
    until("the request is on its way", || emulator.request_count() == 1).await;
    fs::write(&path, "renewed").unwrap();
    release().await;
    assert_eq!(child.wait_with_output().await.unwrap().status.code(), Some(0));
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn token_file_that_is_gone_while_it_is_replaced_ends_no_run() {
    let emulator = emulator().await;
    let sent =
        authorizations_of_run_with_changed_token(&emulator, "gone.secret", |path| fs::remove_file(path).unwrap()).await;
    assert_eq!(sent, [format!("Bearer {TOKEN}").as_str(); 8]);
}

#[tokio::test]
async fn token_file_without_a_token_is_refused_by_name() {
    let emulator = emulator().await;
    let files = [
        (PathBuf::from("missing.secret"), "no secret can be read from missing.secret"),
        (file("empty.secret", "\n"), "empty.secret is empty"),
        (file("scheme.secret", "Bearer x"), "access token (--token-file, KOODRIVE_TOKEN): must not carry a scheme"),
    ];
    for (path, expected) in files {
        expect(&emulator, &[&DUMP[..], &["F1", "--token-file", path.to_str().unwrap()]].concat(), 2, expected).await;
    }
    assert_eq!(emulator.request_count(), 0);
}
