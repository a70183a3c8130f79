//! The processor time of the functions' processes, as the kernel counts it: everything that Lambda bills a process for,
//! the SDK and the runtime included, and not only the polls of our own code.

use std::fs;
use std::time::Duration;

use tests::App;

/// The processor time that all functions' processes have used until now; `None` where the kernel does not tell
/// (`/proc/…/schedstat`, Linux only).
pub fn spent(app: &App) -> Option<Duration> {
    let processes = app.processes().into_values().flatten();
    let times: Vec<Duration> = processes.filter_map(of_process).collect();
    (!times.is_empty()).then(|| times.iter().sum())
}

/// The sum over a process's threads. The first figure of each is nanoseconds on a processor (Linux,
/// `Documentation/scheduler/sched-stats.rst`).
fn of_process(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    Some(threads.filter_map(|thread| of_thread(thread.ok()?)).sum())
}

/// The microseconds of each of `requests` requests, from the readings before and after them.
pub fn each(before: Option<Duration>, after: Option<Duration>, requests: u32) -> Option<f64> {
    let spent = after?.saturating_sub(before?);
    Some(spent.as_secs_f64() * 1e6 / f64::from(requests))
}
