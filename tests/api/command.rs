//! The operator's command, called as a script calls it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;
use tests::{binaries, checkout};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A stack that the command runs, until the test ends it.
struct Running {
    child: Child,
    url: String,
    told: Vec<String>,
}

impl Running {
    async fn start(arguments: &[&str]) -> Running {
        let mut child = command().args(arguments).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = Vec::new();
        let wait = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let last = line.starts_with("Ctrl-C");
                told.push(line);
                if last {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(5), wait).await.expect("the stack starts");
        let url = told[0].strip_prefix("ready: ").unwrap_or_default().to_owned();
        Running { child, url, told }
    }

    async fn interrupt(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success(), "Ctrl-C ends it all in order");
    }
}

fn command() -> Command {
    let mut command = Command::new(binaries().join("patient-access"));
    command.current_dir(checkout()).env_remove("PATIENT_ACCESS_STACK");
    command
}

async fn run(arguments: &[&str]) -> (bool, String, String) {
    let (code, out, error) = coded(arguments).await;
    (code == 0, out, error)
}

/// The exit code and what the command prints.
async fn coded(arguments: &[&str]) -> (i32, String, String) {
    let output = command().args(arguments).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("no signal ends it"), text(&output.stdout), text(&output.stderr))
}

fn write(path: &Path, lines: &[&str]) -> String {
    std::fs::write(path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_start_load_register_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = ["local", "--port", "0", "--no-samples", "--data", data.to_str().unwrap()];
    let stack = Running::start(&arguments).await;
    let at = ["--stack", stack.url.as_str()];

    let good = r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Doe"}]}"#;
    let file = write(&folder.path().join("patients.ndjson"), &[good]);
    let (success, out, _) = run(&[&["load", &file, "--json"], &at[..]].concat()).await;
    let report: Json = serde_json::from_str(&out).unwrap();
    assert!(success);
    assert_eq!(
        report["types"]["Patient"],
        serde_json::json!({"read": 1, "stored": 1, "deleted": 0, "unchanged": 0, "superseded": 0, "ignored": 0, "rejected": 0})
    );
    let file = write(&folder.path().join("broken.ndjson"), &[good, "{"]);
    let rejected = folder.path().join("rejected.ndjson");
    let (code, out, _) =
        coded(&[&["load", &file, "--json", "--rejected", rejected.to_str().unwrap()], &at[..]].concat()).await;
    let report: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["finished"]), (3, &true.into()), "a rejected line sets the exit code");
    assert_eq!(
        (&report["types"]["Patient"]["unchanged"], &report["types"]["(unreadable)"]["rejected"]),
        (&1.into(), &1.into())
    );
    assert!(Path::new(report["rejected_file"].as_str().unwrap()).exists());

    let app = ["app", "add", "--name", "My App", "--redirect-uri", "https://a.example/cb", "--confidential", "--json"];
    let (success, out, _) = run(&[&app, &at[..]].concat()).await;
    let app: Json = serde_json::from_str(&out).unwrap();
    assert!(success && app["client_id"].is_string() && app["client_secret"].is_string());
    assert_eq!(app["aud"], format!("{}/fhir", stack.url));
    let member = ["member", "add", "--username", "Doe", "--password", "long enough", "--patient", "p1", "--json"];
    let (success, out, _) = run(&[&member, &at[..]].concat()).await;
    assert!(success && out.contains("\"doe\""), "{out}");
    let (success, _, error) = run(&[&member, &at[..]].concat()).await;
    assert!(!success && error.contains("there is a member"), "{error}");
    stack.interrupt().await;

    // The kept data are found again.
    let stack = Running::start(&arguments).await;
    let file = write(&folder.path().join("again.ndjson"), &[good]);
    let (_, out, _) = run(&["load", &file, "--json", "--stack", &stack.url]).await;
    assert!(out.contains(r#""unchanged":1"#), "{out}");
    stack.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_start_tells_who_can_sign_in_and_what_to_try() {
    let stack = Running::start(&["--port", "0"]).await;
    let told = stack.told.join("\n");
    for part in ["ada", "ada-demo-2026", "client_id sample-app", "/oauth2/authorize?", "/fhir/metadata"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    stack.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_alone_leave_the_functions_their_variables() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stack = Running::start(&["local", "--services-only", "--no-samples", "--port", &port.to_string()]).await;
    let told = stack.told.join("\n");
    assert!(told.contains(&format!("cargo lambda watch -A 127.0.0.1 -P {port}")), "{told}");
    let file = patient_access::stack::environment_file(checkout());
    let variables = std::fs::read_to_string(&file).unwrap();
    for line in [format!("ISSUER=http://127.0.0.1:{port}\n"), "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:".to_owned()]
    {
        assert!(variables.contains(&line), "{line}: {variables}");
    }
    let config = std::fs::read_to_string(checkout().join("CargoLambda.toml")).unwrap();
    let named = file.strip_prefix(checkout()).unwrap().to_str().unwrap();
    assert!(config.contains(&format!("env_file = \"{named}\"")), "{config}");
    stack.interrupt().await;
    assert!(!file.exists(), "the file with its variables is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_on_the_command_line_is_named() {
    let stack = Running::start(&["--port", "0", "--no-samples"]).await;
    let at = ["--stack", stack.url.as_str()];
    for (arguments, words) in [
        (vec!["load", "/no/such/file"], "cannot be read"),
        (vec!["app", "add", "--name", "A", "--redirect-uri", "http://a.example/cb"], "https"),
        (vec!["app", "add", "--name", " ", "--redirect-uri", "https://a.example/cb"], "--name"),
        (
            vec![
                "app",
                "add",
                "--name",
                "A",
                "--redirect-uri",
                "https://a.example/cb",
                "--scope",
                "openid system/*.rs",
            ],
            "--scope",
        ),
        (vec!["member", "add", "--username", "a", "--password", "short", "--patient", "p"], "--password"),
        (vec!["member", "add", "--username", "a", "--password", &"x".repeat(257), "--patient", "p"], "at most 256"),
        (vec!["member", "add", "--username", "a", "--password", "long enough", "--patient", "a b"], "--patient"),
    ] {
        let (success, _, error) = run(&[&arguments, &at[..]].concat()).await;
        assert!(!success && error.contains(words), "{arguments:?}: {error}");
    }
    let (success, _, error) = run(&["load", ".", "--stack", "http://127.0.0.1:1"]).await;
    assert!(!success && error.contains("no local stack"), "{error}");
    let port = stack.url.rsplit(':').next().unwrap();
    let (success, _, error) = run(&["--port", port, "--no-samples"]).await;
    assert!(!success && error.contains("already in use"), "{error}");
    stack.interrupt().await;
}

/// 0 all in; 3 finished, with refusals; 1 not finished; 2 a wrong call.
#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_load_tells_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Running::start(&["local", "--port", "0", "--no-samples"]).await;
    let good = write(&folder.path().join("good.ndjson"), &[r#"{"resourceType":"Patient","id":"p1"}"#]);
    let bad = write(&folder.path().join("bad.ndjson"), &[r#"{"resourceType":"Coverage","id":"c1"}"#]);
    let into = folder.path().join("rejected.ndjson").to_str().unwrap().to_owned();
    for (arguments, expected) in [
        (vec!["load", &good], 0),
        (vec!["load", &bad, "--rejected", &into], 3),
        (vec!["load", &bad, "--rejected", "/no/such/folder/file"], 1),
        (vec!["load", "/no/such/file"], 2),
        (vec!["load", &bad, "--rejected", &bad], 2),
        (vec!["load", &good, "--expect", &bad], 2),
        (vec!["load"], 2),
        (vec!["load", &good, "--no-such-flag"], 2),
    ] {
        for form in [&[][..], &["--json"]] {
            let call = [&arguments[..], &["--stack", &stack.url], form].concat();
            let (code, out, error) = coded(&call).await;
            assert_eq!(code, expected, "{call:?}: {out} {error}");
            if let (false, Ok(report)) = (form.is_empty(), serde_json::from_str::<Json>(&out)) {
                assert_eq!(report["finished"], expected != 1, "{out}");
            } else {
                assert!(form.is_empty() || expected == 2, "--json prints its report for 0, 1 and 3: {out}");
            }
        }
    }
    stack.interrupt().await;
}

/// The findings stand in the standard output and on a page, which others on this machine cannot read.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_a_page_where_it_is_called_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Running::start(&["local", "--port", "0", "--no-samples"]).await;
    let good = write(&folder.path().join("good.ndjson"), &[r#"{"resourceType":"Patient","id":"p1"}"#]);
    let bad =
        write(&folder.path().join("bad.ndjson"), &[r#"{"resourceType":"Patient","id":"p1","birthDate":"13/45/2026"}"#]);
    for (file, expected) in [(&good, 0), (&bad, 3)] {
        let call = ["load", file, "--check", "--json", "--stack", &stack.url];
        let output = command().args(call).current_dir(folder.path()).output().await.unwrap();
        let told: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &told["refused"]), (Some(expected), &Json::from(expected / 3)), "{told}");
        let is_page = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "html");
        let mut pages = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(is_page);
        let page = pages.next().expect("a page is written");
        assert!(std::fs::read_to_string(&page).unwrap().contains("Nothing was stored"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&page).unwrap().permissions().mode() & 0o077, 0);
        }
        std::fs::remove_file(page).unwrap();
    }
    let (code, out, _) = coded(&["load", &good, "--json", "--stack", &stack.url]).await;
    let report: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &report["types"]["Patient"]["stored"]),
        (0, &Json::from(1)),
        "the checks had stored nothing: {report}"
    );
    stack.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_gone_ends_a_command_quietly() {
    let stack = Running::start(&["local", "--port", "0", "--no-samples"]).await;
    let folder = tempfile::tempdir().unwrap();
    let good = write(&folder.path().join("good.ndjson"), &[r#"{"resourceType":"Patient","id":"p1"}"#]);
    for arguments in [
        vec!["load", &good, "--json"],
        vec!["load", &good],
        vec!["app", "list"],
        vec!["keys", "list"],
        vec!["sample", "--members", "2"],
        vec!["--help"],
    ] {
        let mut child = command();
        child.args(&arguments).args(["--stack", &stack.url]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !error.contains("panicked"), "{arguments:?}: {error}");
    }
    stack.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_feed_or_an_app_says_reaches_a_terminal_raw() {
    let stack = Running::start(&["local", "--port", "0", "--no-samples"]).await;
    let at = ["--stack", stack.url.as_str()];
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("a\u{1b}[2J\u{202e}.ndjson");
    let feed = write(&feed, &["{\"resourceType\":\"X\\u001b[31m\\u202e\",\"id\":\"a\"}", "{"]);
    let into = folder.path().join("re\u{9b}jected.ndjson").to_str().unwrap().to_owned();
    let raw = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    for (arguments, words) in [
        (vec!["load", &feed, "--rejected", &into], r"X\u001b[31m\u202e"),
        (vec!["load", &feed, "--rejected", &into, "--json"], r"\u001b[2J\u202e"),
        (vec!["load", "/no/\u{1b}[2J"], r"\u001b[2J"),
        (vec!["load", &feed, "--rejected", "/no/\u{1b}[2J"], r"\u001b[2J"),
        (vec!["app", "show", "\u{1b}[2J"], r"\u001b[2J"),
    ] {
        let (_, out, error) = coded(&[&arguments[..], &at].concat()).await;
        assert!(!raw(&out) && !raw(&error), "{arguments:?}: {out:?} {error:?}");
        assert!(out.contains(words) || error.contains(words), "{arguments:?}: {out} {error}");
    }
    stack.interrupt().await;
}
