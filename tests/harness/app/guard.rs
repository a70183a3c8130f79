//! The last checks of a test: no log line shows a secret or a member's data, and none tells of a panic.

use std::fs::File;
use std::io::Read;
use std::sync::Mutex;

use local_stack::LocalStack;

use crate::fixtures::CANARIES;

/// A running stack, and the secrets that were given out on it.
///
/// The last owner's end has the logs read: [`Guard::finish`] reads them and then waits for the stack's end, and `Drop`
/// reads them if a test forgot to finish. `Drop` leaves a test alone that fails already, because a second panic would
/// hide the first.
pub(super) struct Guard {
    /// `None` after the logs have been read.
    stack: Option<LocalStack>,
    secrets: Mutex<Vec<String>>,
    /// Logs of functions that somebody else runs over the stack's services.
    files: Mutex<Vec<File>>,
}

impl Guard {
    /// Guards a stack that has started.
    pub(super) fn new(stack: LocalStack) -> Guard {
        Guard { stack: Some(stack), secrets: Mutex::default(), files: Mutex::default() }
    }

    /// The stack.
    pub(super) fn stack(&self) -> &LocalStack {
        self.stack.as_ref().expect("it runs as long as somebody asks it")
    }

    /// Notes something that no log may show.
    pub(super) fn keep_secret(&self, secret: &str) {
        // A shorter text would be found by chance.
        if secret.len() >= 8 {
            self.secrets.lock().expect("no test panics inside").push(secret.to_owned());
        }
    }

    /// Has this file read at the end, as the stack's own logs are.
    pub(super) fn keep_logs(&self, file: File) {
        self.files.lock().expect("no test panics inside").push(file);
    }

    /// Reads the logs, ends the stack, and waits until it is gone.
    pub(super) async fn finish(mut self) {
        if let Some(stack) = self.checked() {
            stack.shutdown().await;
        }
    }

    /// Reads the logs, once. Returns the stack unless that was done before.
    fn checked(&mut self) -> Option<LocalStack> {
        let stack = self.stack.take()?;
        let mut logs: Vec<String> = stack.logs().into_iter().map(|log| log.line).collect();
        for file in self.files.get_mut().expect("no test panics inside") {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("a log can be read");
            logs.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
        }
        let secrets = self.secrets.get_mut().expect("no test panics inside");
        for line in logs {
            assert!(!line.contains("panicked"), "{line}");
            for secret in secrets.iter().map(String::as_str).chain(CANARIES.map(|(_, canary)| canary)) {
                assert!(!line.contains(secret), "a log line shows a secret or a member's data: {line}");
            }
        }
        Some(stack)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.checked();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::App;

    /// A stack whose log shows a secret: the name of a route was kept as one.
    async fn leaky() -> App {
        let app = App::empty().await;
        app.get("/fhir/metadata").await;
        app.answered("GET /fhir/metadata", 200, 1).await;
        app.keep_secret("/fhir/metadata");
        app
    }

    fn message(test: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it fails");
        panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_test_that_forgets_its_end_has_its_logs_read_all_the_same() {
        let app = leaky().await;
        let told = message(|| drop(app));
        assert!(told.starts_with("a log line shows a secret"), "{told}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_test_that_fails_tells_its_own_reason() {
        let app = leaky().await;
        let told = message(|| {
            let _app = app;
            panic!("the test's own reason");
        });
        assert_eq!(told, "the test's own reason");
    }
}
