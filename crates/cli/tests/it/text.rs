//! Results and progress as text.

use koodrive_share_emulator::Schedule;

use crate::support::{DUMP, emulator, id_file, run, text, tool, without_progress};

#[tokio::test]
async fn files_that_failed_are_named() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::partially_failed());
    let output = run(tool(&emulator).args(DUMP).args(["F1", "F2", "F3", "--wait"])).await;
    let stdout = text(&output.stdout);
    let failed: Vec<&str> = stdout.lines().filter_map(|line| line.split_once("  failed ").map(|(_, id)| id)).collect();
    // Every other file fails, beginning with the first.
    assert_eq!(failed, ["F1", "F3"]);
    assert!(stdout.contains("completed, partially failed  100 %"), "{stdout}");
}

#[tokio::test]
async fn many_ids_make_plain_lines_where_there_is_no_terminal() {
    let emulator = emulator().await;
    let ids = id_file("plain.ids", 2_500);
    let output = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(ids)).await;
    let expected = "ids 0..2500: 3 created, 0 created earlier, 0 rejected, 0 not sent, 0 unknown";
    assert_eq!(without_progress(text(&output.stderr)), [expected]);
    let stdout = text(&output.stdout);
    for (line, task) in stdout.lines().zip(emulator.tasks()) {
        let trace_id = task.trace_id().unwrap();
        assert!(stdout.contains(task.task_id()) && stdout.contains(trace_id));
        assert!(line.contains("  ids ") && line.contains("  trace id "), "{line}");
    }
    assert_eq!(stdout.lines().count(), 3);
}
