//! The logs: the lines that functions write to standard output and standard error.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The most lines that are kept.
const CAPACITY: usize = 100_000;

/// A line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's logical id in the template.
    pub function: String,
    /// The line, without its end.
    pub line: String,
}

type Listener = Box<dyn Fn(&LogLine) + Send>;

/// The last lines of all functions, with a listener for new ones.
#[derive(Default)]
pub(crate) struct Logs(Mutex<LogBuffer>);

#[derive(Default)]
struct LogBuffer {
    lines: VecDeque<LogLine>,
    listener: Option<Listener>,
}

impl Logs {
    /// Keeps a line.
    pub(crate) fn push(&self, function: &str, line: String) {
        let line = LogLine { function: function.to_owned(), line };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = &state.listener {
            listener(&line);
        }
        if state.lines.len() == CAPACITY {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
    }

    /// The lines kept, oldest first.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().cloned().collect()
    }

    /// Calls a listener for every line from now on.
    pub(crate) fn listen(&self, listener: Listener) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).listener = Some(listener);
    }

    /// Keeps all lines of a stream until it ends.
    pub(crate) async fn drain(self: Arc<Self>, function: String, stream: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).await.is_ok_and(|read| read > 0) {
            let line = String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
            self.push(&function, line);
            bytes.clear();
        }
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}
