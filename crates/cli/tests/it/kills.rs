//! Runs that are killed.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{EmulatedTask, Emulator, Fault, Package, Schedule, Throttle};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::timeout;

use crate::support::{
    DUMP, PACKAGE, TOKEN,
    bulk::{ledger, tasks_of},
    directory, file, json_lines, run, text, tool,
};

/// The minimum number of kills in a test: the value of `KOODRIVE_TEST_KILLS`, if it is set.
fn kills(default: usize) -> usize {
    std::env::var("KOODRIVE_TEST_KILLS").map_or(default, |given| given.parse().unwrap())
}

/// The random numbers of a test, from a seed that its output shows.
fn random(test: &str) -> StdRng {
    let given = std::env::var("KOODRIVE_TEST_SEED").ok();
    let seed = given.map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("{test}: KOODRIVE_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// The result of each chunk in the output of a complete run: the task, or `None` if the outcome is unknown.
fn results_of_chunks(output: &Output) -> BTreeMap<u64, Option<String>> {
    let chunks = json_lines(output).into_iter().map(|line| {
        let task_id = line["taskId"].as_str().map(str::to_owned);
        assert!(task_id.is_some() || line["outcome"] == "unknown", "{line}");
        (line["start"].as_u64().unwrap() / 1_000, task_id)
    });
    chunks.collect()
}

/// Compares the output of a run with the tasks that exist, and returns the number of unknown chunks.
fn check(output: &Output, file_ids: &[String], tasks: &[EmulatedTask], most: usize) -> usize {
    let results = results_of_chunks(output);
    assert_eq!(results.len(), file_ids.len() / 1_000, "1,000 ids each");
    for (chunk, task_id) in file_ids.chunks(1_000).zip(results.values()) {
        let made = tasks_of(tasks, chunk);
        match task_id {
            Some(task_id) => {
                assert!((1..=most).contains(&made.len()), "{} tasks of a chunk", made.len());
                assert!(made.iter().any(|task| task.task_id() == task_id));
            }
            None => assert!(made.len() <= 1, "{} tasks of an unknown chunk", made.len()),
        }
    }
    results.values().filter(|task_id| task_id.is_none()).count()
}

/// The states in which the kills of a test hit their runs.
#[derive(Debug, Default)]
struct Hits {
    kills: usize,
    /// Kills while requests were on their way.
    requests: usize,
    /// Kills while the run was in a pause.
    pauses: usize,
    runs: usize,
    unknown: usize,
}

/// Kills runs over `ids` file ids, each at a random moment within `longest_life` milliseconds, until `is_enough`. The
/// output of each run that comes to its end is compared with the tasks that exist.
///
/// The limit grows with each kill of a run, so that the run also comes to its end on a slow machine.
async fn kill(
    emulator: &Emulator,
    mut random: StdRng,
    ids: usize,
    longest_life: u64,
    is_enough: impl Fn(&Hits) -> bool,
) -> Hits {
    let mut hits = Hits::default();
    while !is_enough(&hits) {
        // Each run has ids of its own, so that its tasks can be told from those of other runs.
        let file_ids: Vec<String> = (0..ids).map(|n| format!("F{}-{n}", hits.runs)).collect();
        let name = format!("cli_kill_{longest_life}");
        let (path, ids_path) = (ledger(&name), file(&format!("{name}.ids"), &(file_ids.join("\n") + "\n")));
        let mut tool = tool(emulator);
        tool.args(DUMP).args(["--format", "json", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        tool.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut longest_life = longest_life;
        let output = loop {
            // The delays are random, and there are more than a run has requests, so that a kill finds requests at every
            // stage.
            while emulator.faults_left() < 60 {
                let delay = Duration::from_millis(random.random_range(0..80));
                emulator.fail_next(Fault::Delay(delay));
            }
            let before = unanswered(&path);
            let mut child = tool.spawn().unwrap();
            // The moment of a kill is random on purpose; an event to wait for would not be.
            let life = Duration::from_millis(random.random_range(1..longest_life));
            longest_life += longest_life / 20;
            if let Ok(ended) = timeout(life, child.wait()).await {
                ended.unwrap();
                break child.wait_with_output().await.unwrap();
            }
            child.start_kill().unwrap();
            let ended = child.wait().await.unwrap();
            // On Windows, a killed process has an exit code, too.
            hits.kills += usize::from(!matches!(ended.code(), Some(0 | 4)));
            hits.requests += usize::from(unanswered(&path) > before);
            hits.pauses += usize::from(is_paused(&path));
        };
        // This is longer than the longest delay: the emulator still processes the requests that a killed process left
        // behind.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let unknown = check(&output, &file_ids, &emulator.tasks(), 1);
        let expected = if unknown == 0 { 0 } else { 4 };
        assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
        // `--resend-unknown` settles the unknown chunks, each at the price of at most one more task.
        let consented = run(tool.arg("--resend-unknown")).await;
        assert_eq!(consented.status.code(), Some(0));
        assert_eq!(check(&consented, &file_ids, &emulator.tasks(), 2), 0);
        hits.unknown += unknown;
        hits.runs += 1;
    }
    println!("{hits:?}");
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_killed_anywhere_makes_each_task_once_or_calls_it_unknown() {
    let kills = kills(50);
    let emulator = Emulator::builder().token(TOKEN).record(0).start().await.unwrap();
    // On a machine that starts processes slowly, many kills come before the first request.
    let is_enough = |hits: &Hits| hits.kills >= kills && hits.requests >= kills / 2;
    let hits = kill(&emulator, random("kills"), 50_000, 400, is_enough).await;
    assert!(hits.unknown > 0, "no kill left a request without an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_killed_in_and_between_pauses_makes_each_task_once_or_calls_it_unknown() {
    let kills = kills(10);
    let throttle = Throttle::new(6, Duration::from_millis(300));
    let emulator = Emulator::builder().token(TOKEN).record(0).throttle(throttle).start().await.unwrap();
    // A pause takes 1 to 2 seconds.
    let is_enough = |hits: &Hits| hits.kills >= kills && hits.requests > 0 && hits.pauses >= kills / 4;
    kill(&emulator, random("kills in pauses"), 20_000, 2_500, is_enough).await;
}

/// Whether the last request in a ledger was throttled, so that its run was in a pause.
fn is_paused(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().last().is_some_and(|line| line.contains("\"state\":{\"notSent\""))
}

/// The number of requests without a reply in a ledger, whose last line may be torn.
fn unanswered(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    let answered = text.matches("\"state\":{").count();
    text.matches("\"state\":\"sending\"").count() - answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn download_killed_anywhere_goes_on_to_the_same_bytes() {
    const KILLS: u64 = 20;
    let mut random = random("kills of a download");
    let package = Package::new().file_bytes(16 << 20);
    let emulator = Emulator::builder().token(TOKEN).package(package).schedule(Schedule::immediate_success());
    let emulator = emulator.start().await.unwrap();
    let made = run(tool(&emulator).args(PACKAGE).args(["F1", "F2", "F3"])).await;
    let task_id = text(&made.stdout).split_whitespace().next().unwrap();
    let directory = directory("killed-download");
    let download = |name: &str| {
        let mut tool = tool(&emulator);
        tool.current_dir(&directory).args(["download", task_id, "--share-id", "share", "--output", name]);
        tool.stdout(Stdio::null()).stderr(Stdio::piped());
        tool
    };
    assert_eq!(run(&mut download("whole.zip")).await.status.code(), Some(0));
    let whole = fs::read(directory.join("whole.zip")).unwrap();
    let (path, part) = (directory.join("p.zip"), directory.join("p.zip.part"));
    let (mut kills, mut hits) = (0, 0);
    while kills < KILLS || hits < KILLS / 2 {
        let _ = fs::remove_file(&path);
        let mut kept = 0;
        // A download that was killed after its last step has left the whole file.
        while !path.exists() {
            let mut child = download("p.zip").spawn().unwrap();
            // The kills come later and later, so that the download also comes to its end on a slow machine.
            let moment = Duration::from_millis(random.random_range(0..200 + 10 * kills));
            if let Ok(ended) = timeout(moment, child.wait()).await {
                assert!(ended.unwrap().success(), "{}", text(&child.wait_with_output().await.unwrap().stderr));
                break;
            }
            child.kill().await.unwrap();
            kills += 1;
            let begun = fs::read(&part).unwrap_or_default();
            assert!(whole.starts_with(&begun), "{} bytes that are none of the package", begun.len());
            assert!(begun.len() >= kept || path.exists(), "{} bytes of {kept} are left", begun.len());
            hits += u64::from(begun.len() > kept && begun.len() < whole.len());
            kept = begun.len();
        }
        assert!(fs::read(&path).unwrap() == whole, "other bytes");
    }
    println!("{kills} kills, {hits} of them within a download");
}
