//! Connections: proxies, and how long an idle connection is kept.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use koodrive_share::Client;
#[cfg(feature = "tls")]
use koodrive_share::Error;
#[cfg(feature = "tls")]
use rcgen::ExtendedKeyUsagePurpose;
#[cfg(feature = "tls")]
use tokio_rustls::rustls::version::{TLS12, TLS13};

#[cfg(feature = "tls")]
use crate::support::certificates::{Authority, Trust};
use crate::support::{
    fixtures::{builder_at, dump},
    scripted_server::{ScriptedServer, Step, json_reply},
};

fn created_reply() -> Vec<u8> {
    let body = r#"{"code":0,"msg":"Success","taskId":"1"}"#;
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn created() -> Step {
    Step::Send(created_reply())
}

async fn create(client: &Client) {
    client.create(&dump().build().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_given_proxy_is_used_to_this_machine_too() {
    let proxy = ScriptedServer::start(vec![vec![Step::Request, created()]]).await;
    let client = builder_at("http://127.0.0.1:1").proxy(proxy.endpoint()).build().unwrap();
    create(&client).await;
    drop(client);
    let seen = proxy.finish().await;
    let line = "POST http://127.0.0.1:1/koodrive/ose/v1/share/tasks HTTP/1.1\r\n";
    assert!(seen.requests[0].starts_with(line), "{}", seen.requests[0]);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn an_https_proxy_leads_to_an_http_endpoint_and_has_to_be_trusted() {
    let authority = Authority::new();
    for (trusted, script) in [(true, vec![Step::Request, created()]), (false, vec![Step::NoHandshake])] {
        let proxy = ScriptedServer::start_tls(vec![script], authority.acceptor(Trust::Deserved)).await;
        let mut client = builder_at("http://127.0.0.1:1").proxy(proxy.endpoint());
        if trusted {
            client = client.root_certificates(authority.pem());
        }
        let client = client.build().unwrap();
        let result = client.create(&dump().build().unwrap()).await;
        assert_eq!(result.as_ref().err().map(Error::is_certificate), (!trusted).then_some(true), "{result:?}");
        drop(client);
        proxy.finish().await;
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_socks5_proxy_is_asked_for_the_way() {
    // A client without credentials greets with version 5, one method, and "no authentication".
    let answer = Step::Send(vec![5, 0]);
    let way = Step::Send(vec![5, 0, 0, 1, 127, 0, 0, 1, 0, 1]);
    // Its request is version 5, connect, a reserved byte, IPv4, and six bytes of address and port.
    let script = [vec![Step::Byte; 3], vec![answer], vec![Step::Byte; 10], vec![way, Step::Request, created()]];
    let proxy = ScriptedServer::start(vec![script.concat()]).await;
    let url = proxy.endpoint().replace("http://", "socks5://");
    let client = builder_at("http://127.0.0.1:1").proxy(url).build().unwrap();
    create(&client).await;
    drop(client);
    assert_eq!(proxy.finish().await.requests.len(), 1);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_socks5_proxy_that_refuses_the_credentials_says_so_once() {
    // The proxy demands a user and a password (version 5, method 2), then refuses them (version 1, status 1).
    let (demand, refusal) = (Step::Send(vec![5, 2]), Step::Send(vec![1, 1]));
    // The client sends the version, the count and the kind of its methods; then a version, and each text after its
    // length.
    let script =
        [vec![Step::Byte; 3], vec![demand], vec![Step::Byte; 3 + "user".len() + "s3cret".len()], vec![refusal]];
    let proxy = ScriptedServer::start(vec![script.concat()]).await;
    let url = proxy.endpoint().replace("http://", "socks5://user:s3cret@");
    let client = builder_at("http://127.0.0.1:1").proxy(url).build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_proxy_unauthorized() && !error.is_retryable(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    drop(client);
    proxy.finish().await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_socks5_proxy_that_demands_credentials_says_so_once() {
    // The proxy accepts no method that was offered (0xff), or answers with the method that it wants (2).
    for answer in [vec![5, 0xff], vec![5, 2]] {
        let proxy = ScriptedServer::start(vec![[vec![Step::Byte; 3], vec![Step::Send(answer)]].concat()]).await;
        let url = proxy.endpoint().replace("http://", "socks5://");
        let client = builder_at("http://127.0.0.1:1").proxy(url).build().unwrap();
        let error = client.create(&dump().build().unwrap()).await.unwrap_err();
        assert!(error.is_proxy_unauthorized() && !error.is_retryable(), "{error:?}");
        drop(client);
        proxy.finish().await;
    }
}

#[tokio::test]
async fn a_name_and_headers_of_the_callers_own_are_sent_and_shown_nowhere() {
    let refused = json_reply(403, &serde_json::json!({"code": 403, "msg": "no right for s3cret-key"}));
    let server = ScriptedServer::start(vec![vec![Step::Request, Step::Send(refused)]]).await;
    let client = builder_at(&server.endpoint()).user_agent("portal/2.1").request_headers([("X-Key", "s3cret-key")]);
    let client = client.build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(!format!("{error} {error:?} {client:?}").contains("s3cret"), "{error}");
    drop(client);
    let request = server.finish().await.requests.remove(0);
    assert!(request.contains("user-agent: koodrive-share/0.1.0 portal/2.1\r\n"), "{request}");
    assert!(request.contains("x-key: s3cret-key\r\n"), "{request}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_service_that_demands_a_certificate_gets_one() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let script = vec![vec![Step::Request, created()]];
        let server = ScriptedServer::start_tls(script, authority.demanding_acceptor(version)).await;
        let client = builder_at(&server.endpoint()).root_certificates(authority.pem());
        let client = client.client_certificate(authority.client_pem()).build().unwrap();
        create(&client).await;
        drop(client);
        server.finish().await;
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_client_certificate_of_another_authority_or_purpose_is_told_as_such() {
    let authority = Authority::new();
    let of_another_purpose = authority.pem_for(ExtendedKeyUsagePurpose::ServerAuth);
    for (version, certificate) in [
        (&TLS12, Authority::new().client_pem()),
        (&TLS13, Authority::new().client_pem()),
        (&TLS12, of_another_purpose.clone()),
        (&TLS13, of_another_purpose),
    ] {
        let script = vec![vec![Step::NoHandshake]];
        let server = ScriptedServer::start_tls(script, authority.demanding_acceptor(version)).await;
        let client = builder_at(&server.endpoint()).root_certificates(authority.pem());
        let client = client.client_certificate(certificate).build().unwrap();
        let error = client.create(&dump().build().unwrap()).await.unwrap_err();
        assert!(error.is_certificate() && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("client_certificate"), "{error}");
        drop(client);
        server.finish().await;
    }
}

#[tokio::test]
async fn a_proxy_to_a_service_without_tls_says_that_it_demands_credentials() {
    let refusal = json_reply(407, &serde_json::json!({}));
    let proxy = ScriptedServer::start(vec![vec![Step::Request, Step::Send(refusal)]]).await;
    let client = builder_at("http://127.0.0.1:1").proxy(proxy.endpoint()).build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_proxy_unauthorized() && error.is_refused() && !error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("give the proxy's credentials"), "{error}");
    drop(client);
    proxy.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_used_again_unless_its_time_is_over() {
    let answered = vec![Step::Request, created()];
    for (idle_timeout, pause, connections) in [
        (Duration::from_secs(60), Duration::ZERO, 1),
        (Duration::ZERO, Duration::ZERO, 2),
        (Duration::from_millis(50), Duration::from_millis(300), 2),
    ] {
        let script = if connections == 1 {
            vec![[answered.clone(), answered.clone()].concat()]
        } else {
            vec![answered.clone(); 2]
        };
        let server = ScriptedServer::start(script).await;
        let client = builder_at(&server.endpoint()).idle_timeout(idle_timeout).build().unwrap();
        create(&client).await;
        // The test waits in real time, since the connection pool uses the system's clock.
        tokio::time::sleep(pause).await;
        create(&client).await;
        drop(client);
        assert_eq!(server.finish().await.connections, connections, "{idle_timeout:?} {pause:?}");
    }
}

/// The end of the connection, which arrived meanwhile, is noticed before a request is sent, even on a single thread.
#[tokio::test]
async fn a_connection_that_closes_while_the_runtime_is_busy_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = builder_at(&format!("http://{}", listener.local_addr().unwrap())).build().unwrap();
    let ((close, is_to_close), (closed, is_closed)) = (channel(), channel());
    let server = thread::spawn(move || {
        for () in is_to_close {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                assert!(read > 0, "it was closed");
                request.extend_from_slice(&part[..read]);
            }
            stream.write_all(&created_reply()).unwrap();
            closed.send(stream).unwrap();
        }
    });
    for _ in 0..3 {
        close.send(()).unwrap();
        create(&client).await;
        // This blocks the runtime's only thread while the end of the connection arrives.
        drop(is_closed.recv().unwrap());
        thread::sleep(Duration::from_millis(100));
    }
    drop(close);
    server.join().unwrap();
}
