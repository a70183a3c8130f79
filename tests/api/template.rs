//! The template, as far as a machine without AWS can check it.

use std::process::Command;

use tests::{checkout, found, missing_tool};

#[test]
fn sam_finds_no_fault_in_the_template() {
    if !found("sam") {
        return missing_tool("sam_finds_no_fault_in_the_template", "sam");
    }
    passes(
        Command::new("sam")
            .args(["validate", "--lint"])
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("SAM_CLI_TELEMETRY", "0"),
    );
}

#[test]
fn cfn_lint_finds_no_fault_in_the_template() {
    if !found("cfn-lint") {
        return missing_tool("cfn_lint_finds_no_fault_in_the_template", "cfn-lint");
    }
    passes(Command::new("cfn-lint").arg("template.yaml"));
}

fn passes(command: &mut Command) {
    let output = command.current_dir(checkout()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
