//! The portal's API.

use std::{convert::Infallible, mem};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{get, post, put},
};
use futures_util::{Stream, StreamExt, stream};
use koodrive_share::{Bulk, BulkItem, BulkPolicy, ShareTask, ShareTaskBuilder, TargetDirectory, TaskStatus};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{failure::Failure, portal::Portal};

pub(crate) fn router(portal: Portal) -> Router {
    Router::new()
        .route("/users/{user}/tasks", post(create))
        .route("/users/{user}/tasks/{task}", get(status))
        .route("/users/{user}/dumps/{name}", put(dump))
        .layer(middleware::from_fn(traced))
        .route("/spans", get(async |State(portal): State<Portal>| Json(portal.spans.so_far())))
        .with_state(portal)
}

/// Makes a span for each request, which is the parent of the spans of the client's calls.
async fn traced(request: Request, next: Next) -> Response {
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        url.path = request.uri().path(),
    );
    next.run(request).instrument(span).await
}

/// Files to save into a user's own space.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dump {
    share_id: String,
    container_id: String,
    target_container_id: String,
    file_ids: Vec<String>,
}

impl Dump {
    /// Begins the task, without its files.
    fn task(self) -> ShareTaskBuilder {
        let target = TargetDirectory::root(self.target_container_id);
        ShareTask::dump(target).share_id(self.share_id).container_id(self.container_id)
    }
}

/// Creates a task, and keeps its handle even if the caller hangs up, which drops this future.
async fn create(
    State(portal): State<Portal>,
    Path(user): Path<String>,
    Json(mut dump): Json<Dump>,
) -> Result<impl IntoResponse, Failure> {
    let file_ids = mem::take(&mut dump.file_ids);
    let task = dump.task().file_ids(file_ids).build()?;
    let client = portal.client.for_user(&user)?;
    let runs = portal.runs.clone();
    let created = async move {
        let handle = client.create(&task).await?;
        let task_id = handle.task_id().to_owned();
        match portal.keep(user, handle) {
            Ok(()) => Ok((StatusCode::CREATED, Json(json!({ "taskId": task_id })))),
            Err(error) => Err(Failure::NotKept { task_id, error }),
        }
    };
    runs.spawn(created.in_current_span()).await.map_err(Failure::Lost)?
}

async fn status(
    State(portal): State<Portal>,
    Path((user, task)): Path<(String, String)>,
) -> Result<Json<TaskStatus>, Failure> {
    let client = portal.client.for_user(&user)?;
    let handle = portal.handle(&(user, task)).ok_or(Failure::NotFound)?;
    Ok(Json(client.status(&handle).await?))
}

/// Begins a dump, which goes on if the caller hangs up. The same request resumes a dump that was cut short.
async fn dump(
    State(portal): State<Portal>,
    Path((user, name)): Path<(String, String)>,
    Json(mut dump): Json<Dump>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let ledger = portal.ledger(&user, &name).ok_or(Failure::NotFound)?;
    let policy = BulkPolicy::default().ledger(ledger);
    let file_ids = mem::take(&mut dump.file_ids);
    let bulk = portal.client.for_user(user)?.create_bulk_with(dump.task(), file_ids, policy)?;
    // The channel is unbounded, so that a slow caller does not delay the run. An event is smaller than its chunk's ids.
    let (events, mut received) = mpsc::unbounded_channel();
    portal.runs.spawn(run(bulk, events, portal.stopping.clone()).in_current_span());
    Ok(Sse::new(stream::poll_fn(move |context| received.poll_recv(context)).map(Ok)))
}

async fn run(mut bulk: Bulk<'static>, events: mpsc::UnboundedSender<Event>, stopping: CancellationToken) {
    let stopped = stopping.cancelled_owned();
    tokio::pin!(stopped);
    let mut is_stopped = false;
    loop {
        let event = tokio::select! {
            item = bulk.next() => match item {
                Some(Ok(item)) => progress(&item),
                Some(Err(error)) => Event::default().event("incomplete").data(error.to_string()),
                None => break,
            },
            () = &mut stopped, if !is_stopped => {
                is_stopped = true;
                bulk.stop();
                continue;
            }
        };
        // The caller may have hung up.
        let _ = events.send(event);
    }
    let _ = events.send(Event::default().event("report").data(bulk.report().to_string()));
}

fn progress(item: &BulkItem) -> Event {
    let result = match &item.result {
        Ok(handle) => json!({ "ids": item.range, "taskId": handle.task_id() }),
        Err(error) => json!({ "ids": item.range, "outcome": error.outcome(), "message": error.to_string() }),
    };
    Event::default().event("chunk").data(result.to_string())
}
