//! An instance of a function, and the invocation it holds.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use tokio::sync::{Notify, oneshot};

/// The reason why an invocation has no result.
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

/// The result of an invocation: the response of the function, or the reason why there is none.
pub(crate) type InvocationResult = Result<Bytes, InvocationError>;

/// An invocation as the Runtime API hands it to an instance.
#[derive(Debug)]
pub(crate) struct Work {
    /// Its request id.
    pub(crate) id: String,
    /// The event.
    pub(crate) payload: Bytes,
    /// Its deadline, in milliseconds since 1970.
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

    /// Whether somebody still waits for its result.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    /// Ends it without a result.
    pub(crate) fn fail(self, error: InvocationError) {
        // If nobody waits any more, nobody needs to know.
        let _ = self.reply.send(Err(error));
    }
}

/// The phase of an instance.
#[derive(Debug)]
enum Phase {
    /// Its process is starting, and has not polled yet.
    Starting,
    /// It has polled, and waits for an invocation.
    Idle(oneshot::Sender<Work>),
    /// It holds an invocation.
    Busy { id: String, deadline: Instant, reply: oneshot::Sender<InvocationResult> },
    /// It has answered, and will poll at once.
    Finishing,
}

/// An instance of a function.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The id of its process, once there is one.
    pub(crate) process: Option<u32>,
    phase: Phase,
    kill: Arc<Notify>,
    started: Instant,
}

impl Instance {
    /// An instance whose process is being started. `kill` is the signal that ends the process.
    pub(crate) fn starting(kill: Arc<Notify>) -> Self {
        Self { process: None, phase: Phase::Starting, kill, started: Instant::now() }
    }

    /// Whether its process has not polled yet.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting)
    }

    /// Whether it will poll without being given anything.
    pub(crate) fn will_poll(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Finishing)
    }

    /// Whether it holds the invocation with this id.
    pub(crate) fn holds(&self, invocation: &str) -> bool {
        matches!(&self.phase, Phase::Busy { id, .. } if id == invocation)
    }

    /// Whether the deadline of its invocation has passed.
    pub(crate) fn is_overdue(&self) -> bool {
        matches!(self.phase, Phase::Busy { deadline, .. } if deadline <= Instant::now())
    }

    /// It has polled. Returns the time since its start if this is its first poll.
    pub(crate) fn wait(&mut self, poll: oneshot::Sender<Work>) -> Option<Duration> {
        let init = self.is_starting().then(|| self.started.elapsed());
        self.phase = Phase::Idle(poll);
        init
    }

    /// Ends its poll without an answer, so that it exits.
    pub(crate) fn hang_up(&mut self) {
        self.phase = Phase::Finishing;
    }

    /// Gives it an invocation while it is idle.
    ///
    /// # Errors
    /// It is no longer idle: the invocation comes back.
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
                // The client may have left, which makes no difference to the function.
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
