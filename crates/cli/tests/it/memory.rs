//! The memory that a run takes.

use std::{fs, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};

use crate::support::{DUMP, TOKEN, bare_tool, bulk::ledger, first_line};

/// The peak of the resident memory, in KiB, of a run over `count` ids.
async fn peak_memory(endpoint: &str, count: u64) -> u64 {
    let mut tool = bare_tool();
    tool.args(["--endpoint", endpoint, "--user-id", "me", "--agent-name", "carrier"]);
    tool.env("KOODRIVE_TOKEN", TOKEN).args(DUMP).args(["--file-ids-from", "-"]);
    tool.arg("--ledger").arg(ledger("cli_memory"));
    tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = tool.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async {
        for start in (0..count).step_by(1_000) {
            // These ids are as long as the vendor's.
            let ids = (start..start + 1_000).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:07}\n"));
            stdin.write_all(ids.collect::<String>().as_bytes()).await.unwrap();
        }
    };
    let mut results = BufReader::new(child.stdout.take().unwrap()).lines();
    let read = async {
        for _ in 0..count / 1_000 {
            results.next_line().await.unwrap().unwrap();
        }
    };
    let both = timeout(Duration::from_secs(600), async { tokio::join!(write, read) });
    both.await.expect("the run does not come to its end");
    // All tasks are created and the process waits for further ids, so the peak is final.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn peak_memory_does_not_grow_with_the_number_of_ids() {
    // The emulator's memory grows, so the emulator runs in another process.
    let mut server = bare_tool();
    server.args(["emulator", "--token", TOKEN]);
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let few = peak_memory(&endpoint, 100_000).await;
    let many = peak_memory(&endpoint, 1_000_000).await;
    println!("100,000 ids: {few} KiB, 1,000,000 ids: {many} KiB");
    assert!(many * 10 <= few * 11, "{few} KiB became {many} KiB");
}
