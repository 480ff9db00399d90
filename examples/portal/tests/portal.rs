//! Tests of the portal as a process that is driven over HTTP. It reaches the emulator directly or through a proxy.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use koodrive_share_emulator::{Emulator, Fault};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Portal {
    process: Child,
    url: String,
}

impl Portal {
    /// Starts a portal that reaches the emulator through this proxy.
    async fn start(emulator: &Emulator, proxy: &str, data: &Path) -> Self {
        let mut command = Self::command(emulator, data, "");
        command.env("PORTAL_PROXY", proxy);
        Self::of(&mut command).await
    }

    /// Returns a command that runs the shell commands `before`, and then the portal in the same process.
    fn command(emulator: &Emulator, data: &Path, before: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("{before}\nexec {}", env!("CARGO_BIN_EXE_portal"))])
            .env("KOODRIVE_ENDPOINT", emulator.endpoint())
            .env("KOODRIVE_TOKEN", Emulator::DEFAULT_TOKEN)
            .env("KOODRIVE_AGENT_NAME", "carrier")
            .env("PORTAL_DATA", data);
        command
    }

    async fn of(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, said.next_line()).await.unwrap().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { process, url }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Sends SIGTERM to the portal.
    async fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.process.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    }

    async fn ended(mut self) {
        assert!(timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap().success());
    }
}

/// Starts a proxy that connects every request to the emulator. Returns its URL and the number of its connections.
async fn proxy(emulator: &Emulator) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (used, endpoint) = (Arc::new(AtomicU64::new(0)), emulator.endpoint().to_owned());
    let count = used.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(relay(client, endpoint.clone()));
        }
    });
    (url, used)
}

/// Removes the service's URL from the line of the first request, and passes everything else on.
async fn relay(mut client: TcpStream, endpoint: String) {
    let mut start = vec![0; format!("POST {endpoint}").len()];
    client.read_exact(&mut start).await.unwrap();
    assert_eq!(String::from_utf8(start).unwrap(), format!("POST {endpoint}"));
    let mut service = TcpStream::connect(endpoint.trim_start_matches("http://")).await.unwrap();
    service.write_all(b"POST ").await.unwrap();
    // Either side may close the connection.
    let _ = copy_bidirectional(&mut client, &mut service).await;
}

fn http() -> Client {
    // Cargo enables the library's TLS for this client, too, but the library installs no default provider. Another test
    // may have installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

fn dump(files: usize) -> Value {
    json!({
        "shareId": "1689765568237837824",
        "containerId": "IAABh_RdhS8bOg0cA1684711052660690818",
        "targetContainerId": "space",
        "fileIds": (0..files).map(|n| format!("F{n}")).collect::<Vec<_>>(),
    })
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// Returns the data of all events of a kind in a stream that has ended.
fn events<'a>(stream: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("event: {kind}\ndata: ");
    let events = stream.split("\n\n").filter_map(|event| event.trim_start().strip_prefix(&begin));
    events.collect()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(reached.await.is_ok(), "never reached: {what}");
}

async fn text(http: reqwest::RequestBuilder) -> String {
    timeout(PATIENCE, async { http.send().await.unwrap().error_for_status().unwrap().text().await.unwrap() })
        .await
        .unwrap()
}

#[tokio::test]
async fn users_create_tasks_and_follow_them_through_a_proxy_and_all_is_traced() {
    let emulator = Emulator::start().await.unwrap();
    let (proxy, used) = proxy(&emulator).await;
    let portal = Portal::start(&emulator, &proxy, &folder("users")).await;
    let http = http();
    for user in ["ada", "bob"] {
        let created = http.post(portal.url(&format!("/users/{user}/tasks"))).json(&dump(2)).send().await.unwrap();
        assert_eq!(created.status(), StatusCode::CREATED);
        let created: Value = created.json().await.unwrap();
        let task = created["taskId"].as_str().unwrap();
        let status = text(http.get(portal.url(&format!("/users/{user}/tasks/{task}")))).await;
        assert!(status.contains(r#""state":"#), "{status}");
        // Another user has no such task.
        let other = http.get(portal.url(&format!("/users/eve/tasks/{task}"))).send().await.unwrap();
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
    let users: Vec<String> = emulator.tasks().iter().map(|task| task.user_id().to_owned()).collect();
    assert_eq!(users, ["ada", "bob"]);
    assert!(used.load(Ordering::SeqCst) >= 1, "nothing came through the proxy");

    let refused = http.post(portal.url("/users/ada/tasks")).json(&dump(0)).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!((&refused["outcome"], &refused["violations"][0]["rule"]), (&json!("notSent"), &json!("file-ids-count")));

    let spans: Vec<Value> = serde_json::from_str(&text(http.get(portal.url("/spans"))).await).unwrap();
    let by_id = |id: &Value| spans.iter().find(|span| span["id"] == *id).unwrap();
    let sent = spans.iter().find(|span| span["kind"] == "Client" && span["name"] == "createBatchTask").unwrap();
    assert_eq!(sent["attributes"]["http.response.status_code"], "200");
    let call = by_id(&sent["parent"]);
    assert_eq!(call["attributes"]["koodrive.outcome"], "succeeded");
    assert_eq!(by_id(&call["parent"])["attributes"]["url.path"], "/users/ada/tasks");
    portal.terminate().await;
    portal.ended().await;
}

#[tokio::test]
async fn a_dump_that_is_cut_short_goes_on_after_a_restart_and_handles_are_still_known() {
    let emulator = Emulator::start().await.unwrap();
    let (proxy, _) = proxy(&emulator).await;
    let data = folder("restart");
    let portal = Portal::start(&emulator, &proxy, &data).await;
    let http = http();
    let created = text(http.post(portal.url("/users/ada/tasks")).json(&dump(1))).await;
    let created: Value = serde_json::from_str(&created).unwrap();

    // The delay is long enough to send the signal while the first chunks are in flight.
    for _ in 0..20 {
        emulator.fail_next(Fault::Delay(Duration::from_secs(1)));
    }
    let begun = emulator.request_count();
    let cut_short = tokio::spawn(text(http.put(portal.url("/users/ada/dumps/photos")).json(&dump(20_000))));
    until("a chunk is on its way", || emulator.request_count() > begun).await;
    portal.terminate().await;
    let told = cut_short.await.unwrap();
    portal.ended().await;
    let chunks = events(&told, "chunk");
    assert!((1..20).contains(&chunks.len()) && chunks.iter().all(|chunk| chunk.contains("taskId")), "{told}");
    assert_eq!((events(&told, "incomplete").len(), events(&told, "report").len()), (1, 1), "{told}");

    // A crash can leave an incomplete line.
    let mut handles = std::fs::OpenOptions::new().append(true).open(data.join("handles.jsonl")).unwrap();
    handles.write_all(br#"{"user":"ada","hand"#).unwrap();
    let portal = Portal::start(&emulator, &proxy, &data).await;
    let told = text(http.put(portal.url("/users/ada/dumps/photos")).json(&dump(20_000))).await;
    let report = events(&told, "report").remove(0);
    let expected = format!("{} created, {} created earlier, 0 rejected", 20 - chunks.len(), chunks.len());
    assert!(report.contains(&expected), "{report}");
    // Each of the 20 chunks made one task, and the first request another.
    assert_eq!(emulator.tasks().len(), 21);
    text(http.get(portal.url(&format!("/users/ada/tasks/{}", created["taskId"].as_str().unwrap())))).await;
    portal.terminate().await;
    portal.ended().await;
}

#[tokio::test]
async fn a_task_whose_caller_hangs_up_is_kept() {
    let emulator = Emulator::start().await.unwrap();
    let folder = folder("hang-up");
    let portal = Portal::of(&mut Portal::command(&emulator, &folder, "")).await;
    emulator.fail_next(Fault::Delay(Duration::from_secs(1)));
    let caller = tokio::spawn(http().post(portal.url("/users/ada/tasks")).json(&dump(1)).send());
    until("the creation is on its way", || emulator.request_count() == 1).await;
    caller.abort();
    until("the task is made", || !emulator.tasks().is_empty()).await;
    // A portal that receives the signal meanwhile keeps the handle, too.
    portal.terminate().await;
    portal.ended().await;
    let portal = Portal::of(&mut Portal::command(&emulator, &folder, "")).await;
    let task = emulator.tasks()[0].task_id().to_owned();
    text(http().get(portal.url(&format!("/users/ada/tasks/{task}")))).await;
}

#[tokio::test]
async fn a_handle_that_cannot_be_kept_is_told_and_spoils_no_other() {
    let emulator = Emulator::start().await.unwrap();
    let folder = folder("full");
    // A write beyond the shell's limit on the size of files fails as on a full disk.
    let portal = Portal::of(&mut Portal::command(&emulator, &folder, "trap '' XFSZ; ulimit -f 1")).await;
    let http = http();
    let create = async || http.post(portal.url("/users/ada/tasks")).json(&dump(1)).send().await.unwrap();
    let mut kept = Vec::new();
    let told = loop {
        let answer = create().await;
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        if status != StatusCode::CREATED {
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            break answer;
        }
        kept.push(answer["taskId"].as_str().unwrap().to_owned());
    };
    assert_eq!(told["taskId"], emulator.tasks().last().unwrap().task_id());
    assert!(!kept.is_empty() && told["message"].as_str().unwrap().contains("could not be kept"), "{told}");
    assert_eq!(create().await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    portal.terminate().await;
    portal.ended().await;
    let portal = Portal::of(&mut Portal::command(&emulator, &folder, "")).await;
    for task in kept {
        text(http.get(portal.url(&format!("/users/ada/tasks/{task}")))).await;
    }
}

#[tokio::test]
async fn a_connection_that_goes_no_further_does_not_hold_up_the_end() {
    let emulator = Emulator::start().await.unwrap();
    let portal = Portal::of(&mut Portal::command(&emulator, &folder("stuck"), "")).await;
    let mut stuck = TcpStream::connect(portal.url.trim_start_matches("http://")).await.unwrap();
    stuck.write_all(b"POST /users/ada/tasks HTTP/1.1\r\nHost: portal\r\nContent-Length: 9\r\n").await.unwrap();
    stuck.write_all(b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n").await.unwrap();
    // The interim response shows that the portal has begun the request and waits for its body.
    let mut interim = [0; 25];
    timeout(PATIENCE, stuck.read_exact(&mut interim)).await.unwrap().unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    portal.terminate().await;
    portal.ended().await;
}
