//! An instance of a function, and the invocation it holds.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use tokio::sync::{Notify, oneshot};

/// Why an invocation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvocationError {
    /// The function reported an error.
    Reported,
    /// The function's response is over 6 MB.
    ResponseTooLarge,
    /// The process ended, or never started.
    Exited,
    /// The function's `Timeout` passed.
    TimedOut,
    /// The stack is shutting down.
    Stopped,
}

impl fmt::Display for InvocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reported => "the function reported an error",
            Self::ResponseTooLarge => "the response is over 6 MB",
            Self::Exited => "the function's process ended",
            Self::TimedOut => "the function timed out",
            Self::Stopped => "the stack is shutting down",
        })
    }
}

/// What an invocation comes to: what the function returned, or why it did not.
pub(crate) type InvocationResult = Result<Bytes, InvocationError>;

/// An invocation as the Runtime API hands it to an instance.
#[derive(Debug)]
pub(crate) struct Work {
    /// Its request id.
    pub(crate) id: String,
    /// The event.
    pub(crate) payload: Bytes,
    /// When it times out, in milliseconds since 1970.
    pub(crate) deadline_ms: u128,
}

/// An invocation that waits for an instance.
#[derive(Debug)]
pub(crate) struct Invocation {
    id: String,
    payload: Bytes,
    reply: oneshot::Sender<InvocationResult>,
}

impl Invocation {
    /// A new invocation with an event.
    pub(crate) fn new(payload: Bytes, reply: oneshot::Sender<InvocationResult>) -> Self {
        Self { id: crate::random::uuid(), payload, reply }
    }

    /// Whether somebody still waits for its outcome.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    /// Ends it without a result.
    pub(crate) fn fail(self, error: InvocationError) {
        // Nobody waits any more: then nobody needs to know.
        let _ = self.reply.send(Err(error));
    }
}

/// What an instance is doing.
#[derive(Debug)]
enum Phase {
    /// Its process runs but has not asked for work.
    Starting,
    /// It waits for work.
    Idle(oneshot::Sender<Work>),
    /// It has work.
    Busy { id: String, deadline: Instant, reply: oneshot::Sender<InvocationResult> },
    /// It has answered and will ask for work at once.
    Finishing,
}

/// An instance of a function.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Its process, once there is one.
    pub(crate) process: Option<u32>,
    phase: Phase,
    kill: Arc<Notify>,
    started: Instant,
}

impl Instance {
    /// An instance whose process is being started, and the signal that ends it.
    pub(crate) fn starting(kill: Arc<Notify>) -> Self {
        Self { process: None, phase: Phase::Starting, kill, started: Instant::now() }
    }

    /// Whether its process has not asked for work yet.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting)
    }

    /// Whether it will ask for work without being given any.
    pub(crate) fn is_coming(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Finishing)
    }

    /// Whether it is busy with the invocation of that id.
    pub(crate) fn holds(&self, invocation: &str) -> bool {
        matches!(&self.phase, Phase::Busy { id, .. } if id == invocation)
    }

    /// Whether its invocation has had its time.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self.phase, Phase::Busy { deadline, .. } if deadline <= Instant::now())
    }

    /// It has asked for work; the first time, how long that took since its start.
    pub(crate) fn wait(&mut self, poll: oneshot::Sender<Work>) -> Option<Duration> {
        let init = self.is_starting().then(|| self.started.elapsed());
        self.phase = Phase::Idle(poll);
        init
    }

    /// It shall have no more work: its poll ends without an answer.
    pub(crate) fn hang_up(&mut self) {
        self.phase = Phase::Finishing;
    }

    /// Gives it work while it waits.
    ///
    /// # Errors
    /// It does not wait any more: the invocation comes back.
    pub(crate) fn assign(&mut self, invocation: Invocation, timeout: Duration) -> Result<(), Invocation> {
        let poll = match mem::replace(&mut self.phase, Phase::Finishing) {
            Phase::Idle(poll) => poll,
            other => {
                self.phase = other;
                return Err(invocation);
            }
        };
        let Invocation { id, payload, reply } = invocation;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let work = Work { id: id.clone(), payload, deadline_ms: (now + timeout).as_millis() };
        match poll.send(work) {
            Ok(()) => {
                self.phase = Phase::Busy { id, deadline: Instant::now() + timeout, reply };
                Ok(())
            }
            Err(Work { payload, .. }) => Err(Invocation { id, payload, reply }),
        }
    }

    /// Ends the invocation it holds; false if it holds none.
    pub(crate) fn finish(&mut self, outcome: InvocationResult) -> bool {
        match mem::replace(&mut self.phase, Phase::Finishing) {
            Phase::Busy { reply, .. } => {
                // The client may have left; the function worked all the same.
                let _ = reply.send(outcome);
                true
            }
            other => {
                self.phase = other;
                false
            }
        }
    }

    /// Ends its process.
    pub(crate) fn kill(&self) {
        self.kill.notify_one();
    }
}
