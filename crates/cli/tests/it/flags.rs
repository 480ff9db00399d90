//! Flags and the variables beside them.

use std::{path::Path, sync::Arc, time::Duration};

use koodrive_share_emulator::{Answer, Fault};
use rcgen::{Certificate, CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer, server::WebPkiClientVerifier},
};

use crate::support::{
    DUMP, TOKEN, bare_tool, bulk::ids, directory, emulator, expect, file, json_lines, nowhere, run, text, tool,
};

#[tokio::test]
async fn flags_go_before_variables() {
    let emulator = emulator().await;
    let mut tool = bare_tool();
    tool.env("KOODRIVE_TOKEN", TOKEN)
        .env("KOODRIVE_ENDPOINT", "http://127.0.0.1:1")
        .env("KOODRIVE_USER_ID", "variable")
        .env("KOODRIVE_AGENT_NAME", "variable")
        .args(["--endpoint", emulator.endpoint(), "--user-id", "flag"])
        .args(["--agent-name", "flag-agent"]);
    let output = run(tool.args(DUMP).arg("F1")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks()[0].user_id(), "flag");
    let request = &emulator.requests()[0];
    assert_eq!(request.header("X-Hw-Agentname"), Some("flag-agent"));
}

#[tokio::test]
async fn broken_rules_are_told_all_at_once_in_flags_and_variables() {
    let mut tool = bare_tool();
    tool.args(["package", "--share-id", "", "--container-id", "", "--zip-name", "", "--concurrency", "0", ""]);
    let output = run(&mut tool).await;
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    let names = [
        "--endpoint (KOODRIVE_ENDPOINT): ",
        "credentials: must be given, and be of one kind, given nothing (credentials); give one of --token-file, ",
        "--user-id (KOODRIVE_USER_ID): ",
        "--agent-name (KOODRIVE_AGENT_NAME): ",
        "--container-id: ",
        "--share-id: ",
        "--zip-name: ",
        "--concurrency: ",
        "file id 1 is empty",
    ];
    for name in names {
        assert!(stderr.contains(name), "{name} not in {stderr}");
    }
    assert_eq!(stderr.lines().count(), names.len(), "a line for each: {stderr}");

    let mut tool = bare_tool();
    tool.args(DUMP).args(["F1", "--endpoint", "http://example.com/?q", "--user-id", "é", "--agent-name", " x"]);
    let output = run(tool.env("KOODRIVE_TOKEN", "Bearer x").env("KOODRIVE_KDSTOKEN", "k")).await;
    let stderr = format!("{stderr}{}", text(&output.stderr));
    for name in [
        "--endpoint (KOODRIVE_ENDPOINT): must be https, or http to this machine, ",
        "access token (--token-file, KOODRIVE_TOKEN)",
    ] {
        assert!(stderr.contains(name), "{name} not in {stderr}");
    }
    // These are parts of a JSON path, of calls, of a field, a header and a Rust path.
    for code in ["$.", "(…)", "(true)", "_file", "X-", "::"] {
        assert!(!stderr.contains(code), "{code} in {stderr}");
    }
}

#[tokio::test]
async fn time_and_attempts_are_given_by_flag_or_variable() {
    let emulator = emulator().await;
    let by_flag = |flags: &[&str]| {
        let mut tool = tool(&emulator);
        tool.args(DUMP).arg("F1").args(flags);
        tool
    };
    let by_variable = |variable, value| {
        let mut tool = by_flag(&[]);
        tool.env(variable, value);
        tool
    };
    for mut tool in [by_flag(&["--request-timeout", "3s"]), by_variable("KOODRIVE_REQUEST_TIMEOUT", "3s")] {
        emulator.fail_next(Fault::Delay(Duration::from_secs(3_600)));
        let output = run(&mut tool).await;
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("no complete reply in time"));
    }
    for mut tool in [by_flag(&["--max-attempts", "1"]), by_variable("KOODRIVE_MAX_ATTEMPTS", "1")] {
        let (elsewhere, _bound) = nowhere();
        let output = run(tool.args(["--endpoint", &elsewhere])).await;
        assert_eq!(output.status.code(), Some(6));
        let stderr = text(&output.stderr);
        assert!(!stderr.contains("attempts in"), "{stderr}");
    }
    let mut flag_first = by_flag(&["--request-timeout", "30s", "--connect-timeout", "10s", "--max-attempts", "1"]);
    flag_first
        .env("KOODRIVE_REQUEST_TIMEOUT", "x")
        .env("KOODRIVE_CONNECT_TIMEOUT", "")
        .env("KOODRIVE_MAX_ATTEMPTS", "x");
    assert_eq!(run(&mut flag_first).await.status.code(), Some(0));
}

#[tokio::test]
async fn time_and_attempts_out_of_bounds_are_refused_by_name() {
    let emulator = emulator().await;
    for (flag, variable, given, expected) in [
        ("--request-timeout", "KOODRIVE_REQUEST_TIMEOUT", "0s", "must be more than 0 and at most a day"),
        ("--request-timeout", "KOODRIVE_REQUEST_TIMEOUT", "soon", "such as 90s or 10m"),
        ("--connect-timeout", "KOODRIVE_CONNECT_TIMEOUT", "30s", "less than the total"),
        ("--idle-timeout", "KOODRIVE_IDLE_TIMEOUT", "25h", "must be at most a day"),
        ("--max-attempts", "KOODRIVE_MAX_ATTEMPTS", "11", "must be 1 to 10"),
        ("--max-attempts", "KOODRIVE_MAX_ATTEMPTS", "x", "invalid digit"),
    ] {
        let mut tools = [tool(&emulator), tool(&emulator)];
        tools[0].args(DUMP).arg("F1").env(variable, given);
        tools[1].args(DUMP).arg("F1").arg(format!("{flag}={given}"));
        for mut tool in tools {
            let output = run(&mut tool).await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains(expected), "{expected} not in {stderr}");
            assert!(stderr.contains(flag) || stderr.contains(variable), "no name in {stderr}");
        }
    }
    assert_eq!(emulator.request_count(), 0);
}

#[tokio::test]
async fn idle_connections_are_kept_for_as_long_as_the_flag_or_variable_says() {
    let emulator = emulator().await;
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", relay.local_addr().unwrap());
    let service = emulator.endpoint().trim_start_matches("http://").to_owned();
    let (connected, connections) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = relay.accept().await {
            connected.send_modify(|count| *count += 1);
            let mut service = TcpStream::connect(&service).await.unwrap();
            tokio::spawn(async move { drop(copy_bidirectional(&mut client, &mut service).await) });
        }
    });
    let mut counts = Vec::new();
    for (flag, variable) in [("4s", "0s"), ("0s", "4s"), ("", "0s")] {
        let before = *connections.borrow();
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "1", "--endpoint", &endpoint]).env("KOODRIVE_IDLE_TIMEOUT", variable);
        tool.args((!flag.is_empty()).then(|| format!("--idle-timeout={flag}"))).args(ids(2_001));
        let output = run(&mut tool).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        counts.push(*connections.borrow() - before);
    }
    assert_eq!(counts, [1, 3, 3], "of three requests each");
}

#[tokio::test]
async fn ids_and_names_may_begin_with_a_dash() {
    let emulator = emulator().await;
    let mut package = tool(&emulator);
    package.args(["package", "--share-id", "-s", "--container-id", "--1c", "--zip-name", "-v.zip", "--user-id", "-u"]);
    let output = run(package.args(["--", "-F1", "--wait"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut dump = tool(&emulator);
    dump.args(["dump", "--share-id", "-s", "--container-id", "-c", "--target-file-id", "-v"]);
    let output = run(dump.args(["--target-container-id", "-t", "F1", "--wait", "--format", "json"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(json_lines(&output).len(), 2, "--wait is a flag after an id");
    let bodies: Vec<_> = emulator.tasks().iter().map(|task| task.body().unwrap()).collect();
    let [package, dump] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(
        (&package["shareId"], &package["containerId"], &package["zipName"]),
        (&"-s".into(), &"--1c".into(), &"-v.zip".into())
    );
    assert_eq!(package["fileIds"], serde_json::json!(["-F1", "--wait"]));
    assert_eq!(dump["targetFileId"], serde_json::json!({ "fileId": "-v", "containerId": "-t" }));
    assert_eq!(emulator.tasks()[0].user_id(), "-u");
    // The service has no such task, so the tool took `-v` for an id.
    expect(&emulator, &["status", "--share-id", "-s", "--", "-v"], 3, "13000309").await;
}

#[tokio::test]
async fn flag_is_not_taken_for_the_value_of_another() {
    let emulator = emulator().await;
    let args = ["package", "--share-id", "s", "--container-id", "c", "F1", "--zip-name", "--split"];
    expect(&emulator, &args, 2, "'--split' for '--zip-name <NAME>': this is a flag, so the value is missing").await;
    expect(&emulator, &["status", "--share-id", "s"], 2, "\n  <TASK_ID|--tasks-from <FILE>>\n").await;
    let expected = "\n  <--share-id <ID>|--link <LINK>|--tasks-from <FILE>>\n";
    expect(&emulator, &["status", "42"], 2, expected).await;
    let expected = "'--patience <TIME>': write a number and its unit, such as 90s or 10m";
    expect(&emulator, &["files", "--patience", "soon"], 2, expected).await;
    expect(&emulator, &["status", "--shareid", "s"], 2, "--shareid").await;
}

/// Reads the head of a request, replies that a task was created, and returns the request line.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    let mut stream = BufReader::new(stream);
    let mut request_line = String::new();
    stream.read_line(&mut request_line).await?;
    let mut header = String::new();
    while stream.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let body = r#"{"code":0,"msg":"ok","taskId":"42"}"#;
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(request_line)
}

#[tokio::test]
async fn proxy_is_given_by_flag_or_variable() {
    let emulator = emulator().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut tools = [tool(&emulator), tool(&emulator), tool(&emulator)];
    tools[0].args(["--proxy", &url]).env("KOODRIVE_PROXY", "http://127.0.0.1:1");
    let with_password = url.replace("://", "://user:password@");
    tools[1].env("KOODRIVE_PROXY", &with_password);
    tools[2].arg("--proxy-file").arg(file("proxy.secret", &with_password)).env("KOODRIVE_PROXY", "http://127.0.0.1:1");
    for mut tool in tools {
        let request = async { answer(proxy.accept().await.unwrap().0).await.unwrap() };
        let both = async { tokio::join!(run(tool.args(DUMP).arg("F1")), request) };
        let (output, request) = timeout(Duration::from_secs(60), both).await.expect("the proxy is not asked");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        // A request to a proxy has the whole URL.
        assert!(request.starts_with(&format!("POST {}/", emulator.endpoint())), "{request}");
    }
    let expected = "--proxy: every user of the machine can see a password in a flag; give --proxy-file or set KOODRIVE_PROXY instead";
    let with_password = ["F1", "--proxy", "http://user:password@proxy.example"];
    expect(&emulator, &[&DUMP[..], &with_password].concat(), 2, expected).await;
    let expected = "--proxy, --proxy-file (KOODRIVE_PROXY): must be the URL of an http, https, socks4 or socks5 proxy, without a path";
    for proxy in ["ftp://proxy.example", "http://proxy.example/proxy.pac"] {
        expect(&emulator, &[&DUMP[..], &["F1", "--proxy", proxy]].concat(), 2, expected).await;
    }
    assert_eq!(emulator.request_count(), 0);
    // A proxy on the way answers like this.
    emulator.fail_next(Fault::Reply(Answer::json(407, &serde_json::json!({}))));
    let expected =
        "give the proxy's credentials in the URL of --proxy-file (KOODRIVE_PROXY), http://user:password@host:port";
    expect(&emulator, &[&DUMP[..], &["F1"]].concat(), 3, expected).await;
}

/// Starts a service on this machine with a certificate of its own, which may demand a certificate of its clients.
/// Returns its endpoint, its certificate, and its tokio task.
async fn tls_service(client_certificate: Option<&Certificate>) -> (String, String, JoinHandle<()>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = match client_certificate {
        Some(certificate) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate.der().clone()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap()
        }
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![cert.der().clone()], PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into());
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = answer(stream).await;
            }
        }
    });
    (endpoint, cert.pem(), server)
}

/// Expects the command to succeed with the file by its flag and by its variable, and to fail with the advice without it.
async fn expect_needed(command: impl Fn() -> Command, names: (&str, &str), file: &Path, advice: &str) {
    let (flag, variable) = names;
    let mut tools = [(command(), 0), (command(), 0), (command(), 1)];
    tools[0].0.arg(flag).arg(file);
    tools[1].0.env(variable, file);
    for (tool, status) in &mut tools {
        let output = run(tool).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(*status), "{stderr}");
        assert_eq!(stderr.contains(advice), *status == 1, "{stderr}");
    }
}

#[tokio::test]
async fn certificates_to_trust_are_given_by_flag_or_variable() {
    let (endpoint, certificate, server) = tls_service(None).await;
    let emulator = emulator().await;
    let pem = file("trusted.pem", &certificate);
    let dump = || {
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["F1", "--endpoint", &endpoint, "--max-attempts", "1"]);
        tool
    };
    let advice = "trust its issuer by --cacert (KOODRIVE_CACERT), or";
    expect_needed(dump, ("--cacert", "KOODRIVE_CACERT"), &pem, advice).await;
    server.abort();
    for (path, expected) in [
        ("missing.pem", "no certificates can be read from missing.pem"),
        (file("no.pem", "F1").to_str().unwrap(), "no.pem: must hold a certificate as PEM"),
    ] {
        expect(&emulator, &[&DUMP[..], &["F1", "--cacert", path]].concat(), 2, expected).await;
    }
}

#[tokio::test]
async fn certificate_of_the_client_is_given_by_flag_or_variable() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["client".to_owned()]).unwrap();
    let own = file("client.pem", &(cert.pem() + &signing_key.serialize_pem()));
    let (endpoint, certificate, server) = tls_service(Some(&cert)).await;
    let emulator = emulator().await;
    let trusted = file("demanding.pem", &certificate);
    let dump = || {
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["F1", "--endpoint", &endpoint, "--max-attempts", "1", "--cacert"]).arg(&trusted);
        tool
    };
    let advice = "give one that it accepts by --cert (KOODRIVE_CERT)";
    expect_needed(dump, ("--cert", "KOODRIVE_CERT"), &own, advice).await;
    server.abort();
    let without_key = file("client.no-key.pem", &cert.pem());
    let path = without_key.to_str().unwrap();
    let expected = format!(
        "--cert {path}: must hold a certificate and its private key as PEM, given {} bytes without `PRIVATE KEY-----`",
        cert.pem().len()
    );
    expect(&emulator, &[&DUMP[..], &["F1", "--cert", path]].concat(), 2, &expected).await;
}

#[tokio::test]
async fn share_link_is_not_taken_for_a_share_id() {
    let emulator = emulator().await;
    let link = "https://example.com/cloudfile/#/sharelink/i/1808628918203192832";
    let expected = "this is a share link";
    expect(&emulator, &["dump", "--share-id", link, "F1"], 2, expected).await;
    expect(&emulator, &["status", "--share-id", link, "42"], 2, expected).await;
}

#[tokio::test]
async fn advice_after_a_failure_names_the_ids_that_have_no_task() {
    let emulator = emulator().await;
    let ids = crate::support::id_file("advice.ids", 5_500);
    let dump = async |code, expected, args: &[&str]| {
        let mut dump = tool(&emulator);
        dump.args(DUMP).args(["--concurrency", "1", "--file-ids-from"]).arg(&ids).args(args);
        let output = run(&mut dump).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    let refused = || Fault::Reply(Answer::service(400, "13000311", "not enough space"));
    for fault in [refused(), Fault::Delay(Duration::ZERO), refused(), refused()] {
        emulator.fail_next(fault);
    }
    let expected = "give a new run the ids 0..1000, 2000..4000, of which no task was made\n";
    dump(3, expected, &[]).await;
    for fault in [refused(), Fault::Delay(Duration::ZERO), Fault::CloseAfterProcessing] {
        emulator.fail_next(fault);
    }
    let expected = "the ids 0..1000, of which no task was made, and any ids from 3000 on, which were not attempted\n";
    dump(4, expected, &[]).await;
    // No task was made, so the advice must not name only the ids that were not attempted.
    let (elsewhere, _bound) = nowhere();
    let expected = "the ids 0..1000, of which no task was made, and any ids from 1000 on, which were not attempted\n";
    dump(6, expected, &["--endpoint", &elsewhere]).await;
}

#[tokio::test]
async fn file_that_two_flags_name_is_refused_before_anything_is_written() {
    let emulator = emulator().await;
    let directory = directory("named-twice");
    let package = ["package", "--share-id", "s", "--container-id", "c", "F1", "--output", "p.zip"];
    for (args, expected) in [
        (&[&DUMP[..], &["F1", "--save", "x", "--ledger", "x"]].concat(), "--save and --ledger name the same file"),
        (&[&DUMP[..], &["F1", "--save", "x", "--ledger", "./x"]].concat(), "--save and --ledger name the same file"),
        (&[&package[..], &["--ledger", "p.zip"]].concat(), "--ledger and --output name the same file"),
        (&[&package[..], &["--save", "../named-twice/p.zip"]].concat(), "--save and --output name the same file"),
        (&[&package[..], &["--save", "p.zip.ledger"]].concat(), "--save and --ledger name the same file"),
    ] {
        let output = run(tool(&emulator).current_dir(&directory).args(args)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{expected} not in {stderr}");
    }
    assert_eq!(emulator.request_count(), 0);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
