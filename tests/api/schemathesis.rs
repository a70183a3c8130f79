//! A bounded, seeded run of Schemathesis, which makes requests from the description and holds the answers against it.

use std::process::Stdio;

use tests::{App, checkout, missing_tool, path_of};
use tokio::process::Command;

/// The version that `.ci/run` installs.
const VERSION: &str = "4.32.5";

/// The checks: no fault of the server, and no status, media type, header or body that the description lacks.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance";

/// This many requests are made up for each operation, good and bad ones. With 285 operations a run takes about a minute.
const EXAMPLES: &str = "6";

/// T212
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_fault_and_nothing_that_the_description_lacks() {
    let test = "schemathesis_finds_no_fault_and_nothing_that_the_description_lacks";
    let Some(program) = path_of("schemathesis") else {
        return missing_tool(test, &format!("schemathesis {VERSION} (pip install schemathesis=={VERSION})"));
    };
    let told = Command::new(&program).arg("--version").output().await.expect("it starts");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    if !told.contains(VERSION) {
        return missing_tool(test, &format!("schemathesis {VERSION}: there is {}", told.trim()));
    }
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs openid fhirUser offline_access").await;
    let folder = tempfile::tempdir().expect("there is room");
    let bearer = format!("Authorization: Bearer {}", tokens.access);
    let run = Command::new(&program)
        .args(["run", &format!("{}/openapi.json", app.url()), "--header", &bearer, "--checks", CHECKS])
        .args(["--phases", "examples,fuzzing", "--max-examples", EXAMPLES, "--seed", "19", "--no-shrink"])
        .args([
            "--continue-on-failure",
            "--max-redirects",
            "0",
            "--workers",
            "2",
            "--request-timeout",
            "20",
            "--warnings",
            "off",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("it starts");
    let output = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{output}{}", String::from_utf8_lossy(&run.stderr));
    // A run that tested nothing would pass, too.
    println!("{}", output.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert!(output.contains("Test cases:"), "{output}");
    app.finish().await;
}

/// The version stands in two places, of which one installs it.
#[test]
fn the_version_of_schemathesis_is_the_one_that_is_installed_for_every_change() {
    let run = std::fs::read_to_string(checkout().join(".ci/run")).unwrap();
    assert!(run.contains(&format!("schemathesis=={VERSION}")));
}
