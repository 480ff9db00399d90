//! Share links: `files`, and `package` and `dump` of a link.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, Package, Schedule, SharedFile};
use tokio::process::Command;

use crate::support::{TOKEN, bulk::until, directory, json_lines, run, run_with_input, shell_line, text, tool};

const CODE: &str = EmulatedShare::EXAMPLE_EXTRACT_CODE;

/// An emulator with this package, and a share with a directory and three files behind an extract code.
async fn emulator(package: Package) -> (Emulator, String) {
    let pictures = vec![SharedFile::file("beach.jpg", 10), SharedFile::file("dunes.png", 10)];
    let share = EmulatedShare::new("code1")
        .extract_code(CODE)
        .file(SharedFile::directory("photos", pictures))
        .file(SharedFile::file("a [1].txt", 1_234))
        .file(SharedFile::file("b.txt", 10));
    let link = share.link();
    let builder = Emulator::builder().token(TOKEN).share(share).package(package);
    let emulator = builder.schedule(Schedule::immediate_success()).start().await.unwrap();
    (emulator, link)
}

/// The tool in this directory, with the extract code in a variable.
fn tool_in(directory: &PathBuf, emulator: &Emulator, args: &[&str]) -> Command {
    let mut tool = tool(emulator);
    tool.current_dir(directory).env("KOODRIVE_EXTRACT_CODE", CODE).args(args);
    tool
}

/// The names of the files in the last task.
async fn files_of_last_task(emulator: &Emulator, link: &str, directory: &PathBuf) -> Vec<String> {
    let mut names = Vec::new();
    let ids = emulator.tasks().last().unwrap().body().unwrap()["fileIds"].clone();
    for args in [&["files", link, "--format", "json"][..], &["files", link, "--format", "json", "--recursive"]] {
        let listed = json_lines(&run(&mut tool_in(directory, emulator, args)).await);
        let used = listed.iter().filter(|file| ids.as_array().unwrap().contains(&file["fileId"]));
        names.extend(used.map(|file| file["name"].as_str().unwrap().to_owned()));
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(unix)]
#[tokio::test]
async fn the_whole_job_is_one_command() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let directory = directory("whole-job");
    fs::write(directory.join("code"), format!("{CODE}\n")).unwrap();
    let link = EmulatedShare::example().link();
    let shell = |line: &str| {
        let mut shell = shell_line(line, &tool(&emulator));
        shell.current_dir(&directory);
        shell
    };
    let package = format!("koodrive-share package '{link}' --extract-code-file code --all --output photos.zip");
    let output = run(&mut shell(&package)).await;
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(fs::read(directory.join("photos.zip")).unwrap().starts_with(b"PK"));
    assert_eq!(emulator.tasks()[0].body().unwrap()["zipName"], "photos.zip");
    // Neither the part file nor the ledger is left, and the URL was not shown.
    let mut left: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["code", "photos.zip"]);
    assert!(!text(&output.stdout).contains("http") && !text(&output.stderr).contains("http"));

    let dump = format!(
        "koodrive-share dump '{link}' --extract-code-file code --all --target-file-id root \
         --target-container-id my-space --wait"
    );
    let output = run(&mut shell(&dump)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("completed, all succeeded"));
    assert!(!text(&output.stderr).contains("ids 0..2: 1 created"), "one task needs no sum");
    let body = emulator.tasks()[1].body().unwrap();
    assert_eq!(body["targetFileId"], serde_json::json!({ "fileId": "root", "containerId": "my-space" }));
    assert_eq!(body["fileIds"].as_array().unwrap().len(), 2, "directories stay directories");
}

#[tokio::test]
async fn files_are_listed_for_people_and_for_programs() {
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("listed");
    let list = async |args: &[&str]| {
        let output = run(&mut tool_in(&directory, &emulator, &[&["files", link.as_str()], args].concat())).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        output
    };
    let output = list(&[]).await;
    let lines: Vec<Vec<&str>> = text(&output.stdout).lines().map(|line| line.split_whitespace().collect()).collect();
    let [text_file, _, photos] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((text_file[0], text_file[1], text_file[3], text_file[4]), ("1,234", "other", "a", "[1].txt"));
    assert_eq!((photos[0], photos[2]), ("directory", "photos"));
    emulator.set_share(EmulatedShare::new("escapes1").file(SharedFile::file("\u{1b}[31m\u{202e}red\u{9b}", 1)));
    for format in ["text", "json"] {
        let mut tool = tool_in(&directory, &emulator, &["files", "escapes1", "--format", format]);
        let output = run(tool.env_remove("KOODRIVE_EXTRACT_CODE")).await;
        let stdout = text(&output.stdout).trim_end();
        assert!(stdout.contains("[31m") && stdout.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{stdout:?}");
    }
    let files = json_lines(&list(&["--recursive", "--format", "json"]).await);
    let names = files.iter().map(|file| (file["directory"].as_str().unwrap(), file["name"].as_str().unwrap()));
    let names: Vec<_> = names.collect();
    assert_eq!(names, [("", "a [1].txt"), ("", "b.txt"), ("photos", "beach.jpg"), ("photos", "dunes.png")]);
    assert_eq!((&files[0]["size"], &files[2]["type"]), (&1_234.into(), &"picture".into()));
    assert!(files.iter().all(|file| file["shareId"] == "share-code1"), "{files:?}");
    assert!(files.iter().all(|file| file["fileId"].is_string() && file["containerId"].is_string()));
}

#[tokio::test]
async fn files_are_chosen_by_name_pattern_and_path() {
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("chosen");
    for (args, expected) in [
        (&["--all"][..], &["a [1].txt", "b.txt", "photos"][..]),
        (&["--recursive"], &["a [1].txt", "b.txt", "beach.jpg", "dunes.png"]),
        (&["*.txt"], &["a [1].txt", "b.txt"]),
        // The brackets make this a pattern, but it is also the name of a file.
        (&["a [1].txt", "photos"], &["a [1].txt", "photos"]),
        (&["--recursive", "*.jpg", "b.txt"], &["b.txt", "beach.jpg"]),
        (&["--recursive", "photos/*"], &["beach.jpg", "dunes.png"]),
    ] {
        let dump = ["dump", &link, "--target-file-id", "root", "--target-container-id", "my-space"];
        let output = run(&mut tool_in(&directory, &emulator, &[&dump[..], args].concat())).await;
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        assert_eq!(files_of_last_task(&emulator, &link, &directory).await, expected, "{args:?}");
    }
}

#[tokio::test]
async fn name_goes_before_its_reading_as_a_pattern_and_a_leading_slash_means_the_top() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let file = |id: &str, name| SharedFile::file(name, 1).id(id);
    let below = vec![file("below", "b.txt"), file("below-0", "0.txt")];
    let share = EmulatedShare::new("names1")
        .file(file("plain", "a1.jpg"))
        .file(file("brackets", "a[1].jpg"))
        .file(file("top", "b.txt"))
        .file(SharedFile::directory("photos", below))
        .file(file("letter", "qx"))
        .file(file("question", "q?"));
    emulator.set_share(share);
    let dump = async |args: &[&str]| {
        let dump = ["dump", "names1", "--target-file-id", "root", "--target-container-id", "my-space", "--recursive"];
        run(tool(&emulator).args(dump).args(args)).await
    };
    for (name, expected) in [
        ("a[1].jpg", &["brackets"][..]),
        ("a[[]1].jpg", &["brackets"]),
        ("a[0-9].jpg", &["plain"]),
        ("q?", &["question"]),
        ("q[?]", &["question"]),
        ("q*", &["letter", "question"]),
        ("b.txt", &["below", "top"]),
        ("./b.txt", &["top"]),
        ("/b.txt", &["top"]),
        ("./*.txt", &["top"]),
        ("photos/b.txt", &["below"]),
    ] {
        let output = dump(&[name]).await;
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        let mut ids: Vec<String> =
            serde_json::from_value(emulator.tasks().last().unwrap().body().unwrap()["fileIds"].clone()).unwrap();
        ids.sort();
        assert_eq!(ids, expected, "{name}");
    }
    let output = dump(&["./0.txt"]).await;
    assert!(text(&output.stderr).contains("the share has no file ./0.txt\n"), "{}", text(&output.stderr));
}

/// Arguments, the exit status, and a part of the message. `LINK` stands for the share's link.
const BAD_INPUT: &[(&str, i32, &str)] = &[
    (
        "package LINK --all --output p.zip --extract-code-file wrong",
        3,
        "compare the extract code with whoever shared the link",
    ),
    ("package LINK --all --output p.zip --extract-code-file none", 2, "no secret can be read from none"),
    ("package expired1 --all --output p.zip", 3, "the share is expired or invalid"),
    ("package deleted1 --all --output p.zip", 3, "the share is deleted"),
    (
        "files https://www.dropbox.com/scl/fo/abc?rlkey=x",
        2,
        "LINK: must hold one share link, or be its short code, given a link to \"www.dropbox.com\"",
    ),
    ("files FILE", 2, "FILE: this is no link"),
    (
        "package LINK b.txt c.txt *.gif --output p.zip",
        2,
        "the share has no file c.txt, *.gif at its top; --recursive looks into directories",
    ),
    ("package LINK --recursive c.txt --output p.zip", 2, "the share has no file c.txt\n"),
    (
        "package LINK --all --output there.zip",
        2,
        "--output there.zip: the file already exists: name another file, or give --overwrite",
    ),
    ("package LINK --all --output none/p.zip", 2, "--output none/p.zip: there is no such directory"),
    #[cfg(windows)]
    ("package LINK --all --output p.zip:1", 2, "--output p.zip:1: no file of Windows has a colon in its name"),
    ("package LINK --all --output .", 2, "--output .: it "),
    ("package LINK --output p.zip", 2, "give names of files, --all, --recursive or --file-ids-from"),
    ("package LINK b.txt --all --output p.zip", 2, "give --all or names of files, not both"),
    ("package F1 --zip-name p.zip", 2, "or --file-ids-from; file ids need --share-id and --container-id"),
    ("package LINK --all", 2, "\n  <--output <FILE>|--zip-name <NAME>>\n"),
    ("package LINK --all --output p.zip --split", 2, "cannot be used with"),
    ("package LINK --all --zip-name ", 2, "--zip-name: must be given"),
    (
        "package F1 F2 --zip-name p.zip",
        3,
        "F1 was taken for the short code of a link; file ids need --share-id and --container-id",
    ),
    (
        "package --share-id LINK --container-id c F1 --zip-name p.zip",
        2,
        "this is a share link; give it as the first argument",
    ),
    ("package --share-id s F1 --zip-name p.zip", 2, "--container-id <ID>"),
    ("package LINK --container-id c F1 --zip-name p.zip", 2, "--container-id: give --share-id beside it"),
    ("package LINK --all --output p.zip --kdstoken-file k", 2, "--share-id <ID>"),
    ("package LINK --all --output p.zip --extract-code 31945314", 2, "unexpected argument"),
];

#[tokio::test]
async fn bad_input_is_refused_in_the_words_of_flags_before_a_task_is_made() {
    let (emulator, link) = emulator(Package::new()).await;
    let link = link.as_str();
    for (short_url, status) in [("deleted1", 1), ("expired1", 2)] {
        emulator.set_share(EmulatedShare::new(short_url).status(status));
    }
    let directory = directory("bad-input");
    fs::write(directory.join("wrong"), "00000000").unwrap();
    fs::write(directory.join("there.zip"), "here before").unwrap();
    for &(args, status, expected) in BAD_INPUT {
        let args: Vec<&str> = args.split(' ').map(|arg| if arg == "LINK" { link } else { arg }).collect();
        let output = run(&mut tool_in(&directory, &emulator, &args)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{expected} not in {stderr}");
    }
    // This error comes from the stream of files: the listing is not complete before the first task is made.
    let of_two_spaces = EmulatedShare::new("spaces1").file(SharedFile::file("a", 1));
    emulator.set_share(of_two_spaces.file(SharedFile::file("b", 1).container_id("other")));
    let into_space = ["dump", "spaces1", "--all", "--target-file-id", "root", "--target-container-id", "my-space"];
    let mut of_spaces = tool_in(&directory, &emulator, &into_space);
    let output = run(of_spaces.env_remove("KOODRIVE_EXTRACT_CODE")).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let expected = "files: must be the space of all files of a task";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    // `files` takes no file ids, so no advice mentions them. After a refused token, none mentions the extract code.
    for (token, is_code_advised) in [(TOKEN, true), ("lapsed", false)] {
        let mut files = tool_in(&directory, &emulator, &["files", "F1"]);
        let output = run(files.env("KOODRIVE_TOKEN", token).env_remove("KOODRIVE_EXTRACT_CODE")).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(!stderr.contains("was taken for"), "{stderr}");
        assert_eq!(stderr.contains("--extract-code-file"), is_code_advised, "{stderr}");
    }
    let mut without_code = tool_in(&directory, &emulator, &["files", link]);
    let output = run(without_code.env_remove("KOODRIVE_EXTRACT_CODE")).await;
    assert!(text(&output.stderr).contains("give --extract-code-file or set KOODRIVE_EXTRACT_CODE"));
    assert!(emulator.tasks().is_empty());
    assert_eq!(fs::read_to_string(directory.join("there.zip")).unwrap(), "here before");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "nothing else was left");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn extract_code_comes_from_file_variable_or_prompt_and_is_shown_nowhere() {
    use tokio::{io::AsyncWriteExt, time::timeout};

    use crate::support::on_terminal;
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("extract-code");
    let mut by_stdin = tool_in(&directory, &emulator, &["files", &link, "-vv", "--extract-code-file", "-"]);
    let output = run_with_input(by_stdin.env_remove("KOODRIVE_EXTRACT_CODE"), &format!("{CODE}\n")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains(CODE));

    let mut files = tool_in(&directory, &emulator, &["files", &link]);
    files.env_remove("KOODRIVE_EXTRACT_CODE");
    let mut terminal = on_terminal(&files).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = until_asked(&mut screen).await;
    assert!(!echoes(terminal.id().unwrap()));
    keys.write_all(format!("{CODE}\n").as_bytes()).await.unwrap();
    let rest = tokio::io::AsyncReadExt::read_to_string(&mut screen, &mut shown);
    timeout(Duration::from_secs(30), rest).await.unwrap().unwrap();
    assert_eq!(terminal.wait().await.unwrap().code(), Some(0), "{shown:?}");
    assert!(shown.contains("b.txt") && !shown.contains(CODE), "{shown:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn interrupt_at_the_prompt_leaves_a_terminal_that_echoes() {
    use tokio::{io::AsyncReadExt, io::AsyncWriteExt, time::timeout};

    use crate::support::{on_terminal, under_shell};
    let (emulator, link) = emulator(Package::new()).await;
    for args in
        [&["files", &link][..], &["package", &link, "--all", "--output", "p.zip"], &["status", "1", "--link", &link]]
    {
        let mut tool = tool_in(&directory("interrupted-prompt"), &emulator, args);
        // The shell outlives the interrupt, as the one at a terminal does.
        let shell = under_shell(
            "trap : INT; \"$0\" \"$@\"; echo status $?; stty -a; exit",
            tool.env_remove("KOODRIVE_EXTRACT_CODE"),
        );
        let mut terminal = on_terminal(&shell).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
        let mut shown = until_asked(&mut screen).await;
        assert!(!echoes(terminal.id().unwrap()));
        keys.write_all(b"\x03").await.unwrap();
        timeout(Duration::from_secs(30), screen.read_to_string(&mut shown)).await.unwrap().unwrap();
        assert!(shown.contains("error: interrupted") && shown.contains("status 1\r\n"), "{shown:?}");
        assert!(shown.split_whitespace().any(|setting| setting == "echo"), "{shown:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn terminal_that_goes_away_at_the_prompt_ends_the_tool_without_a_panic() {
    use crate::support::{on_terminal, under_shell};
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("gone-terminal");
    let mut tool = tool_in(&directory, &emulator, &["files", &link]);
    // The shell outlives the terminal and writes down the tool's exit status.
    let shell =
        under_shell("trap : HUP; \"$0\" \"$@\"; echo $? > status; exit", tool.env_remove("KOODRIVE_EXTRACT_CODE"));
    let mut terminal = on_terminal(&shell);
    terminal.current_dir(&directory);
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut screen = terminal.stdout.take().unwrap();
    until_asked(&mut screen).await;
    terminal.kill().await.unwrap();
    let status = || fs::read_to_string(directory.join("status")).unwrap_or_default();
    until("the tool has ended", || status().ends_with('\n')).await;
    assert_eq!(status(), "1\n");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn keys_that_quit_or_suspend_do_nothing_at_the_prompt() {
    use tokio::{io::AsyncReadExt, io::AsyncWriteExt, time::timeout};

    use crate::support::{on_terminal, under_shell};
    let (emulator, link) = emulator(Package::new()).await;
    let mut tool = tool_in(&directory("keys-at-prompt"), &emulator, &["files", &link]);
    let lines = "trap : QUIT TSTP; \"$0\" \"$@\"; echo status $?; stty -a; exit";
    let shell = under_shell(lines, tool.env_remove("KOODRIVE_EXTRACT_CODE"));
    let mut terminal = on_terminal(&shell).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = until_asked(&mut screen).await;
    keys.write_all(format!("\x1c\x1a{CODE}\n").as_bytes()).await.unwrap();
    timeout(Duration::from_secs(30), screen.read_to_string(&mut shown)).await.unwrap().unwrap();
    assert!(shown.contains("b.txt") && shown.contains("status 0\r\n"), "{shown:?}");
    for setting in [" echo ", "quit = ^\\;", "susp = ^Z;"] {
        assert!(shown.contains(setting), "{setting} is not back: {shown:?}");
    }
}

/// Reads what a terminal shows until it asks for the extract code.
#[cfg(target_os = "linux")]
async fn until_asked(screen: &mut tokio::process::ChildStdout) -> String {
    let mut shown = String::new();
    while !shown.contains("Extract code of the share") {
        let mut bytes = [0; 1_024];
        let read = tokio::io::AsyncReadExt::read(screen, &mut bytes);
        let read = tokio::time::timeout(Duration::from_secs(30), read).await.unwrap().unwrap();
        assert!(read > 0, "{shown:?}");
        shown.push_str(text(&bytes[..read]));
    }
    shown
}

/// Whether the terminal of the process below `script` echoes what is typed.
#[cfg(target_os = "linux")]
fn echoes(script: u32) -> bool {
    let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
    let terminal = format!("/proc/{}/fd/0", children.split_whitespace().next().unwrap());
    let settings = std::process::Command::new("stty").args(["-F", &terminal, "-a"]).output().unwrap();
    text(&settings.stdout).split_whitespace().any(|setting| setting == "echo")
}

#[tokio::test]
async fn package_that_lacks_files_ends_with_status_5_and_names_them() {
    let (emulator, link) = emulator(Package::new().held_back(1)).await;
    let directory = directory("lacking");
    let args = ["package", &link, "--recursive", "*.txt", "--output", "p.zip"];
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(5), "{stdout}");
    assert!(stdout.contains("p.zip  lacks 1 file\n") && stdout.contains("p.zip  lacks b.txt\n"), "{stdout}");
    assert!(text(&output.stderr).contains("ask the vendor"));
    let args = [&args[..], &["--overwrite", "--format", "json"]].concat();
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    let package = &json_lines(&output)[2];
    assert_eq!((&package["files"], &package["missing"]), (&1.into(), &1.into()), "{package}");
    assert_eq!(package["missingNames"], serde_json::json!(["b.txt"]));
}

/// Runs the tool until a part of `p.zip` was received, and interrupts it.
#[cfg(unix)]
async fn interrupt_download(tool: &mut Command, part: &Path) {
    let child = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("a part has come", || fs::metadata(part).is_ok_and(|part| part.len() > 1 << 20)).await;
    crate::support::send("-INT", child.id().unwrap()).await;
    let output = child.wait_with_output().await.unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("interrupted: p.zip.part keeps what has come, the same command goes on"), "{stderr}");
}

#[cfg(unix)]
#[tokio::test]
async fn part_of_another_task_is_not_resumed() {
    let (emulator, link) = emulator(Package::new().file_bytes(20 << 20).cut_every(1 << 20)).await;
    let directory = directory("other-task");
    for _ in 0..2 {
        let args = ["package", &link, "--recursive", "*.txt", "--zip-name", "p.zip"];
        let output = run(&mut tool_in(&directory, &emulator, &args)).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let tasks = emulator.tasks();
    let download = |n: usize| {
        let args = ["download", tasks[n].task_id(), "--link", &link, "--output", "p.zip"];
        tool_in(&directory, &emulator, &args)
    };
    interrupt_download(&mut download(0), &directory.join("p.zip.part")).await;
    let output = run(&mut download(1)).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("beginning anew: the ") && stderr.contains(" are not of this package\n"), "{stderr}");
    let requests = emulator.requests();
    let first =
        requests.iter().find(|sent| sent.method() == "GET" && sent.path().contains(tasks[1].task_id())).unwrap();
    assert_eq!(first.header("range"), None);
}

#[cfg(unix)]
#[tokio::test]
async fn interrupted_download_goes_on_with_the_same_command_and_task() {
    // The cuts keep the download from ending before the signal comes.
    let (emulator, link) = emulator(Package::new().file_bytes(20 << 20).cut_every(1 << 20)).await;
    let directory = directory("interrupted-download");
    let args = ["package", &link, "--recursive", "*.txt", "--output", "p.zip"];
    let mut package = tool_in(&directory, &emulator, &args);
    let part = directory.join("p.zip.part");
    interrupt_download(&mut package, &part).await;
    let kept = fs::metadata(&part).unwrap().len();
    let downloads = emulator.downloads();

    // A command for other files does not resume the task.
    let others = ["package", &link, "b.txt", "--output", "p.zip"];
    let output = run(&mut tool_in(&directory, &emulator, &others)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("p.zip.ledger keeps the task of a command that did not end"));

    let output = run(&mut package).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("resuming at ") && stderr.contains(" MiB of 40.00 MiB\n"), "{stderr}");
    assert_eq!(emulator.tasks().len(), 1, "a second package was made");
    let size = fs::metadata(directory.join("p.zip")).unwrap().len();
    let rest = (size - kept).div_ceil(1 << 20);
    assert!(emulator.downloads() - downloads <= rest + 1, "it began anew");
    assert!(!part.exists() && !directory.join("p.zip.ledger").exists());
}

#[tokio::test]
async fn download_fetches_what_an_earlier_run_left() {
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("left");
    let args = ["package", &link, "--recursive", "--zip-name", "p.zip", "--save", "saved"];
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let task = emulator.tasks()[0].task_id().to_owned();
    for (n, args) in [
        &["download", "--tasks-from", "saved", "--link", &link][..],
        &["download", &task, "--link", &link],
        &["download", &task, "--tasks-from", "saved", "--link", &link],
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("{n}.zip");
        let output = run(&mut tool_in(&directory, &emulator, &[args, &["--output", &path]].concat())).await;
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        assert!(fs::read(directory.join(path)).unwrap().starts_with(b"PK"));
    }
    let args = ["download", &task, "other", "--link", &link, "--output", "more.zip"];
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("give one TASK_ID"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn task_that_has_no_package_leaves_nothing_to_go_on_with() {
    let (emulator, link) = emulator(Package::new()).await;
    let directory = directory("no-package");
    let args = ["package", &link, "--all", "--output", "p.zip"];
    emulator.set_schedule(Schedule::cancelled());
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "the same command would find the same task again");
    // A refusal, after which no task exists, leaves nothing either.
    for _ in 0..3 {
        emulator.fail_next(Fault::Delay(Duration::ZERO));
    }
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    let output = run(&mut tool_in(&directory, &emulator, &args)).await;
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    emulator.set_schedule(Schedule::immediate_success());
    assert_eq!(run(&mut tool_in(&directory, &emulator, &args)).await.status.code(), Some(0));
}
