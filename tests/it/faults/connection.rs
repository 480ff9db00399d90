//! Connections that cannot be made, that break, or that bring no reply.

use std::time::Duration;

use tokio::net::TcpSocket;
use tokio_rustls::rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{
    row::{Row, rows},
    trial::{CREATED, Ending, Observed, create, ok, task},
};
use crate::support::{
    certificates::{Authority, Trust},
    full_queue::FullQueue,
    scripted_server::{Script, Step},
};

/// OpenSSL knows the algorithm, so it reports that the certificate was not signed by it.
const OTHER_ALGORITHM: &str = if cfg!(feature = "rustls") {
    "build with the feature `native-tls` instead of `rustls`"
} else {
    "have it issued anew, without the fault that the cause names"
};

rows! {
    "The connection"

    name_without_address => Row::driven("the name has no address", |trial| async move {
        let ending = trial.call(&trial.client("https://koodrive.invalid")).await;
        unconnected(ending)
    })
    .connections(0)
    .no_connection();
    refused => Row::driven("the connection is refused", |trial| async move {
        // The socket is bound, so that no other test gets the port, but it does not listen.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let endpoint = format!("http://{}", socket.local_addr().unwrap());
        unconnected(trial.call(&trial.client(&endpoint)).await)
    })
    .connections(0)
    .no_connection();
    never_established => Row::driven("the connection isn't established in time", |trial| async move {
        let full = FullQueue::start().await;
        unconnected(trial.call(&trial.client(&full.endpoint())).await)
    })
    .connect_timeout()
    .connections(0)
    .no_connection();
    never_established_thrice => Row::driven(
        "the connection isn't established in time, three times",
        |trial| async move {
            let full = FullQueue::start().await;
            unconnected(trial.call(&trial.client(&full.endpoint())).await)
        },
    )
    .connect_timeout()
    .connections(0)
    .no_connection()
    .attempts(3);
    handshake_never_answered => in_the_clear(
        "the TLS handshake isn't answered in time",
        vec![vec![Step::Byte, Step::Hold]],
    )
    .connect_timeout();
    handshake_reset => in_the_clear("a reset in the TLS handshake", vec![vec![Step::Byte, Step::Reset]]);
    handshake_answered_in_the_clear => in_the_clear(
        "a server without TLS behind https",
        vec![vec![Step::Byte, Step::Send(ok(CREATED)), Step::Reset]],
    );
    certificate_trusted => tls("a certificate by an authority that was added", Trust::Deserved, true, created()).made();
    authority_unknown => tls(
        "a certificate by an unknown authority",
        Trust::Deserved,
        false,
        vec![vec![Step::NoHandshake]],
    )
    .no_connection_until("connect certificate", "trust its issuer by `root_certificates`, or add it to the platform's certificates");
    certificate_of_another_host => tls(
        "a certificate of another host",
        Trust::OtherHost,
        true,
        vec![vec![Step::NoHandshake]],
    )
    .no_connection_until("connect certificate", "check the host name in the endpoint");
    certificate_expired => tls(
        "a certificate that has expired",
        Trust::Expired,
        true,
        vec![vec![Step::NoHandshake]],
    )
    .no_connection_until("connect certificate", "have it renewed, or check this machine's clock");
    certificate_of_another_algorithm => tls(
        "a certificate of an algorithm that ring lacks",
        Trust::OtherAlgorithm,
        true,
        vec![vec![Step::NoHandshake]],
    )
    .no_connection_until("connect certificate", OTHER_ALGORITHM);
    handshake_refused => in_the_clear(
        "the service ends the TLS handshake for want of an algorithm",
        // The bytes are a fatal TLS alert, handshake_failure.
        vec![vec![Step::Byte, Step::Send(vec![21, 3, 3, 0, 2, 2, 40]), Step::Hold]],
    )
    .no_connection_until("connect certificate", "build with the feature `native-tls` instead of `rustls`");
    no_common_protocol => Row::driven("the service speaks HTTP/2 alone", |trial| async move {
        let authority = Authority::new();
        let server = trial.tls_server(&vec![vec![Step::NoHandshake]], authority.http2_acceptor()).await;
        let client = trial.builder(&server.endpoint()).root_certificates(authority.pem()).build().unwrap();
        let ending = trial.call(&client).await;
        drop(client);
        Observed::by(server, ending).await
    })
    .no_connection();
    client_certificate_demanded => demanding("the service demands a client certificate, TLS 1.2", &TLS12);
    client_certificate_demanded_late => demanding(
        "the service demands a client certificate, TLS 1.3: it tells once the request is on its way",
        &TLS13,
    );
    proxy_demands_credentials => Row::driven("the proxy demands credentials", |trial| async move {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n".to_vec();
        let proxy = trial.server(&vec![vec![Step::Request, Step::Send(refusal), Step::Close]]).await;
        let client = trial.builder("https://koodrive.invalid").proxy(proxy.endpoint()).build().unwrap();
        let mut observed = Observed::by(proxy, trial.call(&client).await).await;
        // The one request is the CONNECT to the proxy; none was sent to the service.
        observed.requests -= 1;
        observed
    })
    .no_connection_until("connect proxy_unauthorized", "give the proxy's credentials in its URL");

    reset_on_accept => Row::scripted("a reset as soon as it is accepted", vec![vec![Step::Reset]])
        .requests(0);
    // A request counts only if it was read completely, so here there is none.
    reset_after_head => Row::scripted(
        "a reset after the request's head",
        vec![vec![Step::Head, Step::Reset]],
    )
    .requests(0);
    reset_after_request => Row::scripted(
        "a reset after the whole request",
        vec![vec![Step::Request, Step::Reset]],
    );
    closed_before_reply => Row::scripted(
        "an orderly close before the reply",
        vec![vec![Step::Request, Step::Close]],
    );
    closed_in_head => Row::scripted(
        "an orderly close in the reply's head",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
            Step::Close,
        ]],
    );
    no_http => Row::scripted(
        "a reply that isn't HTTP",
        vec![vec![Step::Request, Step::Send(b"220 mail.example ESMTP\r\n".to_vec()), Step::Close]],
    );
    no_reply => Row::scripted("no reply at all", vec![vec![Step::Request, Step::Stall]])
        .timeout()
        .is("timeout");
    head_byte_by_byte => Row::scripted(
        "the reply's head comes byte by byte, without an end",
        vec![vec![
            Step::Request,
            Step::Send(b"HTTP/1.1 200 OK\r\nX-Padding: ".to_vec()),
            Step::Drip(vec![b'x'; 1_000_000], Duration::from_millis(20)),
        ]],
    )
    .timeout()
    .is("timeout");

    pooled_closed_while_idle => pooled(
        "a pooled connection was closed while idle",
        vec![
            vec![Step::Request, Step::Send(ok(CREATED)), Step::Close],
            vec![Step::Request, Step::Send(ok(CREATED))],
        ],
        Pooled::Closed,
    )
    // The connections are the closed one and a new one.
    .connections(2)
    .made();
    pooled_reset_while_written_to => pooled(
        "a pooled connection is reset while the request is being written",
        vec![vec![Step::Request, Step::Send(ok(CREATED)), Step::Byte, Step::Reset]],
        Pooled::Narrow,
    )
    .heavy()
    .requests(0);
    pooled_closed_after_request => pooled(
        "a pooled connection is closed after the whole request",
        vec![vec![Step::Request, Step::Send(ok(CREATED)), Step::Request, Step::Close]],
        Pooled::Open,
    );
}

fn created() -> Script {
    vec![vec![Step::Request, Step::Send(ok(CREATED))]]
}

/// The result without connections and requests, since no server accepts any.
fn unconnected(ending: Ending) -> Observed {
    Observed { ending, connections: Some(0), requests: 0 }
}

/// A server without TLS, called at an https URL.
fn in_the_clear(title: &'static str, script: Script) -> Row {
    let row = Row::driven(title, move |trial| {
        let script = script.clone();
        async move {
            let server = trial.server(&script).await;
            let endpoint = server.endpoint().replace("http:", "https:");
            let ending = trial.call(&trial.client(&endpoint)).await;
            Observed::by(server, ending).await
        }
    });
    row.no_connection()
}

/// A server that demands a client certificate, and a client that has none.
fn demanding(title: &'static str, version: &'static SupportedProtocolVersion) -> Row {
    let row = Row::driven(title, move |trial| async move {
        let authority = Authority::new();
        let script = vec![vec![Step::NoHandshake]];
        let server = trial.tls_server(&script, authority.demanding_acceptor(version)).await;
        let client = trial.builder(&server.endpoint()).root_certificates(authority.pem()).build().unwrap();
        let ending = trial.call(&client).await;
        drop(client);
        Observed::by(server, ending).await
    });
    row.no_connection_until("connect certificate", "give one that it accepts by `client_certificate`")
}

/// A server with TLS, and a client that trusts its authority if `trusts`.
fn tls(title: &'static str, trust: Trust, trusts: bool, script: Script) -> Row {
    Row::driven(title, move |trial| {
        let script = script.clone();
        async move {
            let authority = Authority::new();
            let server = trial.tls_server(&script, authority.acceptor(trust)).await;
            let mut client = trial.builder(&server.endpoint());
            if trusts {
                client = client.root_certificates(authority.pem());
            }
            let ending = trial.call(&client.build().unwrap()).await;
            Observed::by(server, ending).await
        }
    })
}

/// The state of a pooled connection when the second call uses it.
#[derive(Clone, Copy)]
enum Pooled {
    Open,
    Closed,
    /// The request is larger than the buffers, so it is not written at once.
    Narrow,
}

/// A call on a connection that has served another call before, which isn't counted.
fn pooled(title: &'static str, script: Script, state: Pooled) -> Row {
    Row::driven(title, move |trial| {
        let script = script.clone();
        async move {
            let mut server = trial.server(&script).await;
            // On a busy machine, making the megabytes may take longer than an idle connection is kept by default.
            let builder = trial.builder(&server.endpoint()).idle_timeout(Duration::from_secs(60));
            let client = builder.build().unwrap();
            assert!(matches!(trial.call(&client).await, Ending::Made));
            let ending = match state {
                Pooled::Closed => {
                    // Both sides have closed the connection, so the client knows.
                    server.until(|seen| seen.ended == 1).await;
                    trial.call(&client).await
                }
                Pooled::Open => trial.call(&client).await,
                Pooled::Narrow => {
                    // The request is larger than the buffers on the way, so that it can't be written at once.
                    create(&client, &task(&"f".repeat(8 << 20))).await
                }
            };
            drop(client);
            let mut observed = Observed::by(server, ending).await;
            observed.requests -= 1;
            observed
        }
    })
}
