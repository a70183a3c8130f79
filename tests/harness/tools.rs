//! Places in the checkout, and the tools of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a checkout")
}

/// The folder with the function binaries, built once.
pub fn binaries() -> &'static Path {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let executable = std::env::current_exe().expect("a test is a program");
        let folder = executable.ancestors().nth(2).expect("it lies in target/<profile>/deps").to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--workspace", "--bins"]).current_dir(checkout());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the functions do not build");
        folder
    })
}

/// A folder of sample data beside the checkout, if it is there.
pub fn shared_folder(name: &str) -> Option<PathBuf> {
    let folder = checkout().parent()?.join("shared").join(name);
    folder.is_dir().then_some(folder)
}

/// The file of a program on the path.
pub fn path_of(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Whether a program is on the path, and starts.
pub fn found(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Says that a test is skipped because this machine lacks something. Fails if nothing may be missing, as in CI.
pub fn missing_tool(test: &str, what: &str) {
    assert!(std::env::var_os("PATIENT_ACCESS_NO_SKIP").is_none(), "{test} was skipped: this machine lacks {what}");
    eprintln!("skipped: {test}: this machine lacks {what}");
}
