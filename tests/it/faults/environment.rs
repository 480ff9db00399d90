//! Proxies named by environment variables, which belong to the whole process. So rows of other modules run in a child
//! process here.

use std::{env, process::Stdio};

use tokio::process::Command;

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{Ending, Observed, Trial},
};
use crate::support::scripted_server::Step;

const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

rows! {
    "The environment"

    proxy_to_this_machine => Row::driven(
        "variables name a proxy, and the endpoint is on this machine",
        |trial| async move {
            let proxy = trial.server(&vec![]).await;
            run_proxied("faults::reply::tests::created", &proxy.endpoint()).await;
            let mut observed = Observed::by(proxy, Ending::Made).await;
            // The proxy saw no request. The row that ran has checked that the endpoint saw one.
            assert_eq!(observed.requests, 0);
            observed.requests = 1;
            observed
        },
    )
    .only(&[Caller::Bearer])
    .connections(0)
    .made();
    proxy_refuses => Row::driven(
        "the proxy that a variable names refuses the way to the endpoint",
        proxy_refuses,
    )
    .only(&[Caller::Bearer])
    .without_error()
    // The row that ran makes a connection for each kind of caller.
    .connections(4)
    .no_connection();
}

/// Runs a row in a child process in which every proxy variable names `proxy`.
async fn run_proxied(row: &str, proxy: &str) {
    let mut test = Command::new(env::current_exe().unwrap());
    test.args(["--exact", row]).stdin(Stdio::null());
    test.env_remove("NO_PROXY").env_remove("no_proxy");
    test.envs(PROXIES.map(|variable| (variable, proxy)));
    let output = test.output().await.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

async fn proxy_refuses(trial: Trial) -> Observed {
    let refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_vec();
    let connection = vec![Step::Request, Step::Send(refusal), Step::Close];
    let proxy = trial.server(&vec![connection; 4]).await;
    // The proxy's password is a secret, too; the row that runs checks that it is not shown.
    let endpoint = proxy.endpoint().replace("//", "//user:CANARY@");
    run_proxied("faults::connection::tests::name_without_address", &endpoint).await;
    let seen = proxy.finish().await;
    let requests = seen.requests.iter().filter(|request| {
        let asks_for_the_way = request.starts_with("CONNECT koodrive.invalid:443 HTTP/1.1\r\n");
        !asks_for_the_way || request.contains("CANARY")
    });
    Observed { ending: Ending::NoAnswer, connections: Some(seen.connections), requests: requests.count() }
}
