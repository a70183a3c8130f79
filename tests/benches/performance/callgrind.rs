//! Functions under callgrind, which counts the instructions of their processes: the same on every machine of a kind, whatever else
//! the machine does.
//!
//! gungraun, the usual harness around callgrind, measures a process from its start to its end, or a function of the benchmark's own
//! process. A request is neither: the function's process answers many, and its start, DynamoDB and KMS must not be counted with it.
//! So a script in the place of each binary starts that binary under callgrind, and `vgdb` asks the running process for its counter,
//! before a request and after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{binaries, path_of};

/// The tools, and the scripts that stand for the functions.
pub struct Callgrind {
    folder: tempfile::TempDir,
    vgdb: PathBuf,
}

impl Callgrind {
    /// Makes the scripts; `None` where the machine has no valgrind.
    pub fn new() -> Option<Callgrind> {
        let (valgrind, vgdb) = (path_of("valgrind")?, path_of("vgdb")?);
        let folder = tempfile::tempdir().expect("there is room for scripts");
        let callgrind = Callgrind { folder, vgdb };
        for entry in fs::read_dir(binaries()).expect("the functions are built") {
            let binary = entry.expect("the folder can be read").path();
            let is_program = binary.extension().is_none() && binary.is_file();
            let Some(name) = binary.file_name().filter(|_| is_program) else { continue };
            let script = format!("#!/bin/sh\nexec {} \"$@\"\n", callgrind.command(&valgrind, &binary).join(" "));
            let path = callgrind.folder.path().join(name);
            fs::write(&path, script).expect("there is room for a script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the script is ours");
        }
        Some(callgrind)
    }

    /// The folder of the scripts.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn prefix(&self) -> String {
        format!("--vgdb-prefix={}", self.folder.path().join("vgdb").display())
    }

    /// The program `binary` under callgrind. Its profile is not kept: counters are asked for while it runs.
    fn command(&self, valgrind: &Path, binary: &Path) -> [String; 6] {
        let [valgrind, binary] = [valgrind, binary].map(|path| format!("'{}'", path.display()));
        let [quiet, tool, out] = ["--quiet", "--tool=callgrind", "--callgrind-out-file=/dev/null"].map(str::to_owned);
        [valgrind, quiet, tool, out, format!("'{}'", self.prefix()), binary]
    }

    /// The instructions of running processes until now. They are asked at the same time, for each answer takes a while.
    ///
    /// # Panics
    /// As [`Callgrind::count`].
    pub fn sum(&self, processes: &[u32]) -> u64 {
        std::thread::scope(|scope| {
            let asked: Vec<_> = processes.iter().map(|process| scope.spawn(|| self.count(*process))).collect();
            asked.into_iter().map(|count| count.join().expect("callgrind answers")).sum()
        })
    }

    /// The instructions of a running process until now, all threads together.
    ///
    /// # Panics
    /// The process does not run under callgrind, or does not answer.
    pub fn count(&self, process: u32) -> u64 {
        let mut command = Command::new(&self.vgdb);
        command.arg(self.prefix()).arg(format!("--pid={process}"));
        // A process that waits for work is woken at once.
        command.args(["--max-invoke-ms=1", "status", "internal"]);
        let output = command.output().expect("vgdb starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let threads: Vec<u64> = text.lines().filter_map(of_thread).collect();
        assert!(!threads.is_empty(), "callgrind tells nothing of process {process}: {text} {output:?}");
        threads.iter().sum()
    }
}

/// The counter of a thread, from a line such as `events-1: 302475`. Those of single functions have a second number before the colon.
fn of_thread(line: &str) -> Option<u64> {
    let (thread, count) = line.strip_prefix("events-")?.split_once(": ")?;
    thread.parse::<u32>().ok()?;
    count.trim().parse().ok()
}
