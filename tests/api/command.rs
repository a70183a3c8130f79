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
    let output = command().args(arguments).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
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
        serde_json::json!({"read": 1, "stored": 1, "deleted": 0, "unchanged": 0, "superseded": 0, "rejected": 0})
    );
    let file = write(&folder.path().join("broken.ndjson"), &[good, "{"]);
    let rejected = folder.path().join("rejected.ndjson");
    let (success, out, _) =
        run(&[&["load", &file, "--json", "--rejected", rejected.to_str().unwrap()], &at[..]].concat()).await;
    let report: Json = serde_json::from_str(&out).unwrap();
    assert!(!success, "a rejected line sets the exit code");
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
