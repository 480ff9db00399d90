//! Compares `Client::download` with `curl -o` and `sync`, for a package of 1 GiB from another process.
//!
//! Run `cargo bench --bench download --features download` in this folder. The two take turns; each is a process of its
//! own. The results are the medians of their throughputs, the median of the rounds' ratios, and the most memory that
//! ours takes beyond an idle client. The memory is read as Linux reports it.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Instant,
};

use koodrive_share::{Client, Credentials, DownloadUrl};

const ROUNDS: usize = 7;

/// The size of the package's only file, in bytes.
const CONTENT: usize = 1 << 30;

/// The size of a block that is written at once, in bytes.
const BLOCK: usize = 1 << 18;

const SERVE: &str = "--serve";
const DOWNLOAD: &str = "--download";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, SERVE] => serve(),
        [_, DOWNLOAD, url, path] => download(url, path),
        _ => compare(),
    }
}

fn compare() {
    let (mut server, url) = start_server();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("download.zip");
    let (mut curl, mut ours, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let _ = fs::remove_file(&path);
        let start = Instant::now();
        run(Command::new("curl").args(["-s", "-o"]).arg(&path).arg(&url));
        run(Command::new("sync").arg(&path));
        curl.push(throughput(&path, start));
        let _ = fs::remove_file(&path);
        let start = Instant::now();
        let mut client = Command::new(env::current_exe().unwrap());
        let output = run(client.args([DOWNLOAD, &url]).arg(&path));
        ours.push(throughput(&path, start));
        memory.push(output.trim().parse::<f64>().unwrap() / 1024.0);
    }
    let _ = fs::remove_file(&path);
    server.kill().unwrap();
    server.wait().unwrap();
    let ratios = ours.iter().zip(&curl).map(|(ours, curl)| ours / curl).collect();
    println!("| variant | median, MiB/s | ratio of throughputs |\n|---|---|---|");
    println!("| curl -o, and sync | {:.0} | 1.000 |", median(curl));
    println!("| Client::download | {:.0} | {:.3} |\n", median(ours), median(ratios));
    println!("memory beyond the idle client: {:.1} MiB at most", memory.into_iter().fold(0.0, f64::max));
}

fn throughput(path: &Path, start: Instant) -> f64 {
    let bytes = u32::try_from(fs::metadata(path).unwrap().len()).unwrap();
    f64::from(bytes) / f64::from(1 << 20) / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the output of a process, which must succeed.
fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Downloads the package, and prints the peak memory beyond that of an idle client, in KiB.
fn download(url: &str, path: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::builder()
        .endpoint("http://127.0.0.1:1")
        .credentials(Credentials::bearer("t0ken"))
        .user_id("7")
        .agent_name("carrier")
        .build()
        .unwrap();
    let idle = memory("VmRSS:");
    let package = runtime.block_on(async { client.download(DownloadUrl::new(url), path).await });
    assert_eq!(package.unwrap().files, 1);
    println!("{}", memory("VmHWM:") - idle);
}

/// Returns a figure of this process's memory, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn start_server() -> (Child, String) {
    let mut command = Command::new(env::current_exe().unwrap());
    let mut process = command.arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
    (process, url.trim().to_owned())
}

/// Serves the package until killed.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}/package.zip", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        thread::spawn(move || send(&stream.unwrap()));
    }
}

fn send(mut stream: &TcpStream) {
    let block: Vec<u8> = (0..BLOCK).map(|n| n.to_le_bytes()[n % 3]).collect();
    let (before, after) = frame();
    let mut head = [0; 4096];
    let read = stream.read(&mut head).unwrap();
    assert!(head[..read].ends_with(b"\r\n\r\n"));
    let length = before.len() + CONTENT + after.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"1\"\r\nConnection: close\r\n\r\n");
    stream.write_all(&[answer.as_bytes(), &before].concat()).unwrap();
    for _ in 0..CONTENT / BLOCK {
        stream.write_all(&block).unwrap();
    }
    stream.write_all(&after).unwrap();
}

/// Returns the bytes before and after the content in a zip of one stored file.
fn frame() -> (Vec<u8>, Vec<u8>) {
    let size = u32::try_from(CONTENT).unwrap().to_le_bytes();
    // Version 2.0, stored, a CRC that is not checked, and the length of the name.
    let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0][..], &size, &size, &[1, 0, 0, 0]].concat();
    let before = [b"PK\x03\x04", &common[..], b"a"].concat();
    let entry = [b"PK\x01\x02\x14\x00", &common[..], &[0; 14], b"a"].concat();
    let start = u32::try_from(before.len() + CONTENT).unwrap().to_le_bytes();
    let length = u32::try_from(entry.len()).unwrap().to_le_bytes();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &length[..], &start, &[0; 2]].concat();
    (before, [entry, end].concat())
}
