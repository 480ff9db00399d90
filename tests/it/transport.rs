//! Connections: proxies, and how long an idle one is kept.

use std::time::Duration;

use koodrive_share::Client;

use crate::support::{
    fixtures::{builder_at, dump},
    scripted_server::{ScriptedServer, Step},
};

fn created() -> Step {
    let body = r#"{"code":0,"msg":"Success","taskId":"1"}"#;
    Step::Send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
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
async fn a_socks5_proxy_is_asked_for_the_way() {
    // The greeting of a client without credentials: version 5, one method, none.
    let answer = Step::Send(vec![5, 0]);
    let way = Step::Send(vec![5, 0, 0, 1, 127, 0, 0, 1, 0, 1]);
    // Version 5, connect, reserved, IPv4 and six bytes of address.
    let script = [vec![Step::Byte; 3], vec![answer], vec![Step::Byte; 10], vec![way, Step::Request, created()]];
    let proxy = ScriptedServer::start(vec![script.concat()]).await;
    let url = proxy.endpoint().replace("http://", "socks5://");
    let client = builder_at("http://127.0.0.1:1").proxy(url).build().unwrap();
    create(&client).await;
    drop(client);
    assert_eq!(proxy.finish().await.requests.len(), 1);
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
        // Real time: the connection pool follows the system's clock.
        tokio::time::sleep(pause).await;
        create(&client).await;
        drop(client);
        assert_eq!(server.finish().await.connections, connections, "{idle_timeout:?} {pause:?}");
    }
}
