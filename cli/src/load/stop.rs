//! The end of a run before its end: the operator stops it, and hears what is stored.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::sync::Notify;

/// Stops a run.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_stopped: AtomicBool,
    told: Notify,
}

/// The run was stopped.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped. What is counted is stored, and of the next resources some may be. It is safe to run the same load again: it              goes on from there")
    }
}

impl std::error::Error for Stopped {}

impl Stop {
    /// One that Ctrl-C pulls.
    pub fn at_interrupt() -> Stop {
        let stop = Stop::default();
        let pulled = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                pulled.stop();
            }
        });
        stop
    }

    /// Stops the run.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
    }

    /// Fails if the run is stopped.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.is_stopped.load(Ordering::SeqCst) { Err(Stopped.into()) } else { Ok(()) }
    }

    /// The work, unless the run is stopped before it is done. Work may be left at any point: the next run repeats it.
    pub(super) async fn unless<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let told = self.0.told.notified();
        self.check()?;
        tokio::select! {
            done = work => done,
            () = told => Err(Stopped.into()),
        }
    }
}
