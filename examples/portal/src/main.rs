//! A portal: an HTTP API for the share tasks of many users, in one process.
//!
//! `cargo run --manifest-path examples/portal/Cargo.toml` starts it on an emulator and prints its address. With
//! `KOODRIVE_ENDPOINT`, `KOODRIVE_AGENT_NAME` and a token in `KOODRIVE_TOKEN`, it talks to that endpoint instead,
//! through the proxy in `PORTAL_PROXY` if there is one. `PORTAL_LISTEN` is the address to listen at, `PORTAL_DATA` the
//! folder for handles and ledgers, which are kept across restarts.
//!
//! | request | does |
//! |---|---|
//! | `POST /users/{user}/tasks` | creates a task for the user, and keeps its handle |
//! | `GET /users/{user}/tasks/{task}` | returns the status of the task |
//! | `PUT /users/{user}/dumps/{name}` | dumps any number of files, and reports the progress as server-sent events |
//! | `GET /spans` | returns the spans that have ended |
//!
//! SIGTERM or Ctrl-C ends the portal once the requests in flight are finished. A dump that was cut short is resumed by
//! the same request.

mod failure;
mod portal;
mod routes;
mod spans;

use std::{
    env::{self, VarError},
    error::Error,
    future::IntoFuture,
    path::PathBuf,
    pin::pin,
    time::Duration,
};

use futures_util::future::{Either, select};
use koodrive_share::{ClientBuilder, Credentials};
use koodrive_share_emulator::Emulator;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{portal::Portal, spans::Spans};

/// How long connections may stay open once all runs are finished.
const LEAVE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let spans = Spans::collect();
    let mut client = ClientBuilder::from_env()
        // Each call is made for the user of its request.
        .user_id("portal")
        .user_agent(concat!("portal/", env!("CARGO_PKG_VERSION")));
    let emulator = if env::var_os("KOODRIVE_ENDPOINT").is_some() { None } else { Some(Emulator::start().await?) };
    if let Some(emulator) = &emulator {
        let credentials = Credentials::bearer(Emulator::DEFAULT_TOKEN);
        client = client.endpoint(emulator.endpoint()).credentials(credentials).agent_name("portal");
    }
    match env::var("PORTAL_PROXY") {
        Ok(proxy) => client = client.proxy(proxy),
        Err(VarError::NotPresent) => {}
        // The value may hold a password, so it is not shown.
        Err(VarError::NotUnicode(_)) => return Err("PORTAL_PROXY must be UTF-8".into()),
    }
    let data = env::var_os("PORTAL_DATA").map_or_else(|| env::temp_dir().join("koodrive-portal"), PathBuf::from);
    let portal = Portal::open(client.build()?, spans, data)?;
    let address = env::var("PORTAL_LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = stop_on_signal(portal.stopping.clone())?;
    let served = axum::serve(listener, routes::router(portal.clone())).with_graceful_shutdown(stop).into_future();
    let finished = async {
        portal.stopping.cancelled().await;
        portal.runs.close();
        portal.runs.wait().await;
    };
    // A run outlasts its connection if the caller hangs up. A connection outlasts the runs if its caller neither reads
    // the response nor sends the rest of the request.
    match select(pin!(served), pin!(finished)).await {
        Either::Left((served, finished)) => {
            served?;
            finished.await;
        }
        Either::Right(((), served)) => _ = timeout(LEAVE, served).await,
    }
    Ok(())
}

fn stop_on_signal(stopping: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    })
}
