//! The documentation's own code, run as the pages show it.
//!
//! The blocks marked `bash` of a section run in order in one shell, as for a reader who follows along. A block marked
//! `text` is the output of the block before it, where `…` stands for anything; a `bash` block without one prints
//! nothing. A block marked with a language and a file name is saved under that name. The test changes only what a
//! reader with another port would change: `http://127.0.0.1:9000` becomes the address of the test's own stack.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;

use patient_access::samples;
use patient_access::stack::{Descriptor, private_file};
use serde_json::Value as Json;
use tempfile::{NamedTempFile, TempDir, TempPath};
use tests::{App, Chromium, checkout, missing_tool, path_of};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const GUIDE: &str = "docs/app-developers.md";

/// The address in the documentation.
const DOCUMENTED: &str = "http://127.0.0.1:9000";

/// Ada's password.
const PASSWORD: &str = "ada-demo-2026";

/// The line that the shell prints after each block.
const DONE: &str = "=== the block is done";

/// The file in the shell's folder with the error output of its programs.
const COMPLAINTS: &str = "complaints.log";

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_of_the_readme_prints_what_it_says() {
    if !here("the_tour_of_the_readme_prints_what_it_says", &["bash", "curl", "jq"]) {
        return;
    }
    let stack = Stack::start().await;
    let mut shell = Shell::start(&stack, &steps(&read("README.md"), &["Five minutes with curl"]));
    shell.run_to_end(&mut async |_| None).await;
    stack.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walkthrough_in_curl_leads_to_a_claim_and_a_refreshed_token() {
    let test = "the_walkthrough_in_curl_leads_to_a_claim_and_a_refreshed_token";
    if !here(test, &["bash", "cargo", "curl", "jq", "openssl"]) {
        return;
    }
    let stack = Stack::start().await;
    let mut shell = Shell::start(&stack, &steps(&read(GUIDE), &["Register your app", "curl", "Reading"]));
    let mut person = async |line: &str| match link(line) {
        // Nothing listens at the redirect URI: the person copies the address.
        Some(link) => Some(stack.app.allow_at(link, "ada", PASSWORD).await),
        None => client_id(line),
    };
    shell.run_to_end(&mut person).await;
    stack.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_in_python_reads_all_claims_and_refreshes() {
    if !here("the_program_in_python_reads_all_claims_and_refreshes", &["bash", "cargo", "python3"]) {
        return;
    }
    let stack = Stack::start().await;
    let mut shell = Shell::start(&stack, &steps(&read(GUIDE), &["Register your app", "Python"]));
    let mut person = async |line: &str| match link(line) {
        Some(link) => {
            visit(&stack.app.allow_at(link, "ada", PASSWORD).await).await;
            None
        }
        None => client_id(line),
    };
    shell.run_to_end(&mut person).await;
    stack.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fhirclient_gets_from_discovery_to_a_refreshed_token_with_the_scopes_of_smart_1_and_2() {
    let test = "fhirclient_gets_from_discovery_to_a_refreshed_token_with_the_scopes_of_smart_1_and_2";
    if !here(test, &["bash", "cargo", "node", "npm", "python3", "tar"]) {
        return;
    }
    let guide = read(GUIDE);
    let package = guide.split_whitespace().find(|word| word.starts_with("fhirclient@")).expect("it is installed");
    let known = Command::new("npm").args(["view", package, "version"]).output().await.expect("npm starts");
    if !known.status.success() {
        return missing_tool(test, "a registry with the npm package fhirclient");
    }
    let stack = Stack::start().await;
    for permissions in [".rs", ".read"] {
        let Some(browser) = Chromium::start(test).await else { return };
        // The reader's port 8000 is taken, and in one round the scopes are written as in SMART App Launch 1.0.
        let port = free_port();
        let guide = guide.replace("8000", &port.to_string()).replace(".rs ", &format!("{permissions} "));
        let mut shell = Shell::start(&stack, &steps(&guide, &["Register your app", "JavaScript"]));
        for _ in 1..shell.steps.len() {
            shell.run(&mut async |line: &str| client_id(line)).await;
        }
        listening(port).await;
        fhirclient(&browser, &format!("http://127.0.0.1:{port}/launch.html"), permissions).await;
    }
    stack.app.finish().await;
}

/// Drives the pages of the JavaScript walkthrough, which its last block goes on serving.
async fn fhirclient(browser: &Chromium, launch: &str, permissions: &str) {
    browser.open(launch).await;
    browser.fill("[name=username]", "ada").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.click("button").await;
    browser.click("button[value=allow]").await;
    browser.wait_for_text("claims of Ada Lindgren").await;
    let shown = browser.count("#claims li").await;
    assert!(shown > 50, "more than a page of claims is shown: {shown}");
    assert!(browser.text("#claims li").await.contains("USD"));
    let first = tokens(browser).await;
    let granted = first["scope"].as_str().expect("a scope is text");
    assert!(granted.contains(&format!("patient/ExplanationOfBenefit{permissions} ")), "{granted}");
    assert_eq!(first["patient"], "ada");

    browser.click("#refresh").await;
    browser.wait_for_text("claims of Ada Lindgren").await;
    let second = tokens(browser).await;
    for token in ["access_token", "refresh_token"] {
        assert!(second[token].is_string() && second[token] != first[token], "{token} is a new one");
    }
    assert_eq!(second["scope"], first["scope"]);

    // A member who denies is sent back to the app, and the app is told.
    browser.click("a").await;
    browser.click("button[value=deny]").await;
    browser.wait_for_text("access_denied").await;
    let complaints = browser.console_errors().await;
    let complaints: Vec<&String> = complaints.iter().filter(|complaint| !complaint.contains("favicon")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// The token endpoint's answer as fhirclient keeps it.
async fn tokens(browser: &Chromium) -> Json {
    browser.evaluate("return JSON.parse(sessionStorage[JSON.parse(sessionStorage.SMART_KEY)]).tokenResponse").await
}

/// A stack with the sample members. The command finds it.
struct Stack {
    app: App,
    _descriptor: TempPath,
}

impl Stack {
    async fn start() -> Stack {
        let app = App::empty().await;
        let descriptor = Descriptor { url: app.url().to_owned(), environment: app.environment().clone() };
        let mut sample = sample_members::household();
        // George is nine tenths of the sample data, and the documentation does not use him.
        sample.members.retain(|member| member.username != "george");
        sample.resources.retain(|resource| !resource.to_string().contains("/george"));
        for member in &sample.members {
            app.keep_secret(&member.password);
        }
        samples::install(&descriptor, sample).await.expect("the samples load");
        let folder = checkout().join(".local").join("stacks");
        std::fs::create_dir_all(&folder).expect("the checkout can be written to");
        let file = NamedTempFile::with_suffix_in(".json", folder).expect("the folder can be written to");
        let path = file.into_temp_path();
        serde_json::to_writer(private_file(&path).expect("it is ours"), &descriptor).expect("there is room");
        Stack { app, _descriptor: path }
    }
}

/// Commands for the shell, and the output that they should print.
#[derive(Clone, Debug, Default)]
struct Step {
    commands: String,
    printed: String,
}

/// A shell that runs steps. Its processes are a group of their own, which ends with it.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    steps: VecDeque<Step>,
    url: String,
    folder: TempDir,
}

impl Shell {
    fn start(stack: &Stack, steps: &[Step]) -> Shell {
        let (folder, url) = (tempfile::tempdir().expect("there is room"), stack.app.url().to_owned());
        let blocks = steps.iter().map(|step| format!("{}\nprintf '\\n%s\\n' '{DONE}'\n", step.commands));
        let script = folder.path().join("script.sh");
        std::fs::write(&script, blocks.collect::<String>().replace(DOCUMENTED, &url)).expect("there is room");
        let mut child = Command::new("bash")
            .arg(script)
            .current_dir(checkout())
            .env("PATIENT_ACCESS_STACK", &url)
            .env("TMPDIR", folder.path())
            // A program that opens a browser opens one that does nothing: the test is the person at the browser.
            .env("BROWSER", "true")
            .env("PYTHONUNBUFFERED", "1")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join(COMPLAINTS)).expect("there is room"))
            .kill_on_drop(true)
            .spawn()
            .expect("bash starts");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Shell { child, input, output, steps: steps.to_vec().into(), url, folder }
    }

    /// Waits for the next step's end and compares its output. `person` sees each line, and may answer with a line.
    async fn run(&mut self, person: &mut impl AsyncFnMut(&str) -> Option<String>) {
        let step = self.steps.pop_front().expect("there is a step left");
        let mut printed = Vec::new();
        let wait = async {
            while let Some(line) = self.output.next_line().await.expect("it prints text") {
                if line == DONE {
                    return true;
                }
                if let Some(answer) = person(&line).await {
                    self.input.write_all(format!("{answer}\n").as_bytes()).await.expect("the shell reads");
                }
                printed.push(line);
            }
            false
        };
        let ended = tokio::time::timeout(Duration::from_mins(5), wait).await;
        let complaints = std::fs::read_to_string(self.folder.path().join(COMPLAINTS)).unwrap_or_default();
        let told = format!("{}\nprints\n{}\nand complains\n{complaints}", step.commands, printed.join("\n"));
        assert!(ended.is_ok_and(|done| done), "this does not end: {told}");
        // The mark begins with a line break, for output that ends without one.
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        let expected = step.printed.replace(DOCUMENTED, &self.url);
        let expected: Vec<&str> = expected.lines().collect();
        let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
        assert!(same(&expected, &printed), "{told}");
    }

    /// Runs all steps.
    async fn run_to_end(&mut self, person: &mut impl AsyncFnMut(&str) -> Option<String>) {
        assert!(!self.steps.is_empty(), "the section has blocks");
        while !self.steps.is_empty() {
            self.run(person).await;
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            // Otherwise a server that a block started would outlive the test.
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{id}")]).status();
        }
    }
}

/// The steps in the sections of a page with these headings, in the order of the page.
fn steps(page: &str, headings: &[&str]) -> Vec<Step> {
    let (mut steps, mut inside) = (Vec::<Step>::new(), false);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            inside = headings.contains(&heading);
        }
        let Some(mark) = line.strip_prefix("```") else { continue };
        let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        if !inside {
            continue;
        }
        match mark.split_once(' ') {
            _ if mark == "bash" => steps.push(Step { commands: text, printed: String::new() }),
            _ if mark == "text" => steps.last_mut().expect("a block printed it").printed = text,
            Some((_, name)) => {
                let commands = format!("cat > {name} <<'END OF FILE'\n{text}END OF FILE\n");
                steps.push(Step { commands, printed: String::new() });
            }
            None => {}
        }
    }
    steps
}

/// Whether lines are as expected; a line that is `…` stands for any number of them.
fn same(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| same(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| alike(line, first) && same(rest, others))
        }
    }
}

/// Whether a line is as expected, where `…` stands for anything.
fn alike(expected: &str, line: &str) -> bool {
    match expected.split_once('…') {
        None => expected == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| alike(after, &rest[at..]))
        }),
    }
}

/// The link to the authorize endpoint in a line.
fn link(line: &str) -> Option<&str> {
    line.split(' ').find(|word| word.contains("/oauth2/authorize?"))
}

/// The client id in a line of `patient-access app add`, which the reader copies.
fn client_id(line: &str) -> Option<String> {
    line.strip_prefix("client id").map(|id| id.trim().to_owned())
}

/// Opens the address to which a browser is sent.
async fn visit(url: &str) {
    let (address, path) = url.trim_start_matches("http://").split_once('/').expect("it has a path");
    let mut stream = TcpStream::connect(address).await.expect("the app listens");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the app reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("the app answers");
    assert!(page.contains("Thank you"), "{page}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

async fn listening(port: u16) {
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody serves the pages on port {port}")
}

/// Whether all tools are here. Names a missing one.
fn here(test: &str, tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| path_of(tool).is_none());
    missing.inspect(|tool| missing_tool(test, tool)).is_none()
}

fn read(page: &str) -> String {
    std::fs::read_to_string(checkout().join(page)).expect("the page is there")
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    assert!(same(&["a … c", "…", "d"], &["a b c", "x", "y", "d"]) && same(&["…"], &[]));
    assert!(!same(&["a … c"], &["a b d"]) && !same(&["a"], &["a", "b"]) && !same(&["a", "…", "d"], &["a", "b"]));
}
