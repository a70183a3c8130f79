//! The work of the functions' processes: processor time, as the kernel counts it, and instructions, where callgrind counts them. Both
//! are all that Lambda bills a process for, the SDK and the runtime included, and not only the polls of our own code.

use std::fs;
use std::time::Duration;

use tests::App;

use crate::callgrind::Callgrind;

/// The work of all functions' processes until a moment.
#[derive(Clone, Copy)]
pub struct Spent {
    /// `None` where the kernel does not tell (`/proc/…/schedstat`, Linux only).
    time: Option<Duration>,
    /// `None` where the processes do not run under callgrind.
    instructions: Option<u64>,
}

/// The work of one request.
#[derive(Clone, Copy, Default)]
pub struct Work {
    /// Microseconds of processor time.
    pub cpu_us: Option<f64>,
    /// Instructions.
    pub instructions: Option<f64>,
}

/// The work of all functions' processes until now.
pub fn spent(app: &App, callgrind: Option<&Callgrind>) -> Spent {
    let processes: Vec<u32> = app.processes().into_values().flatten().collect();
    let times: Vec<Duration> = processes.iter().copied().filter_map(time).collect();
    Spent {
        // Under callgrind, time is callgrind's.
        time: (callgrind.is_none() && !times.is_empty()).then(|| times.iter().sum()),
        instructions: callgrind.map(|callgrind| callgrind.sum(&processes)),
    }
}

/// The sum over a process's threads. The first figure of each is nanoseconds on a processor (Linux,
/// `Documentation/scheduler/sched-stats.rst`).
pub fn time(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    Some(threads.filter_map(|thread| of_thread(thread.ok()?)).sum())
}

impl Spent {
    /// The work of each of `requests` requests that were made between this moment and `after`.
    pub fn each(self, after: Spent, requests: u32) -> Work {
        let time = self.time.zip(after.time).map(|(before, after)| after.saturating_sub(before));
        let instructions =
            self.instructions.zip(after.instructions).map(|(before, after)| after.saturating_sub(before));
        Work {
            cpu_us: time.map(|time| time.as_secs_f64() * 1e6 / f64::from(requests)),
            instructions: instructions.map(|count| (float(count) / f64::from(requests)).round()),
        }
    }
}

/// Counts of instructions lie far below the 2^53 that a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub fn float(count: u64) -> f64 {
    count as f64
}
