//! Where secrets come from, and where they show.

use koodrive_share_emulator::{Answer, Emulator, Fault};

use crate::support::{DUMP, KDSTOKEN, SECRET, TOKEN, bare_tool, file, run, run_with_input, text, tool};

#[tokio::test]
async fn secrets_come_from_variables_files_or_the_standard_input_never_from_flags() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let no_token = || {
        let mut tool = tool(&emulator);
        tool.env_remove("KOODRIVE_TOKEN").args(DUMP).arg("F1");
        tool
    };
    for flag in ["--token", "--kdstoken", "--app-secret", "--authorization"] {
        let output = run(no_token().args([flag, "x"])).await;
        assert_eq!(output.status.code(), Some(2), "{flag} is taken");
        assert!(text(&output.stderr).contains("unexpected argument"));
    }
    let token = file("token.secret", &format!("{TOKEN}\r\n"));
    let kdstoken = file("kdstoken.secret", KDSTOKEN);
    let mut tools = [no_token(), no_token(), no_token(), no_token()];
    tools[0].arg("--token-file").arg(&token).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    tools[1].arg("--kdstoken-file").arg(&kdstoken);
    tools[1].env("KOODRIVE_AUTHORIZATION", format!("Bearer {TOKEN}"));
    tools[2].arg("--kdstoken-file").arg(&kdstoken);
    tools[2].env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    tools[3].arg("--kdstoken-file").arg(&kdstoken).args(["--token-file", "-"]);
    for (n, tool) in tools.iter_mut().enumerate() {
        let output = run_with_input(tool, &format!("{TOKEN}\n")).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(emulator.tasks().len(), n + 1);
    }
    let mut two = no_token();
    let output = run(two.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert_eq!(output.status.code(), Some(2));
    let said = "only one of --token-file and --kdstoken-file can read the standard input";
    assert!(text(&output.stderr).contains(said));
    let mut status = bare_tool();
    status.args(["status", "1", "--share-id", "s"]);
    let output = run(status.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert!(text(&output.stderr).contains(said));
}

#[tokio::test]
async fn tracing_shows_no_secret() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let mut signed = tool(&emulator);
    signed.env_remove("KOODRIVE_TOKEN");
    signed.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    let echo = format!("denied: {TOKEN} {SECRET} {KDSTOKEN}");
    for (mut tool, secret) in [(tool(&emulator), TOKEN), (signed, SECRET)] {
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", &echo)));
        tool.args(DUMP).args(["F1", "-vv"]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
        let output = run(&mut tool).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains("DEBUG") && stderr.contains("denied: "), "{stderr}");
        let of_others = |line: &&str| line.contains("Z ") && !line.contains(" koodrive_share::");
        assert_eq!(stderr.lines().find(of_others), None);
        for secret in [secret, KDSTOKEN] {
            assert!(!stderr.contains(secret), "{secret} in {stderr}");
        }
        assert!(!stderr.contains('\u{1b}'), "colours in a pipe: {stderr}");
    }
}
