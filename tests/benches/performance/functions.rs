//! Each function by itself: the size of its package, the time of its start, the memory that it used.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use local_stack::{LocalStack, Options};
use serde::{Deserialize, Serialize};
use tests::{App, binaries, checkout};

use crate::instructions::{self, Chore};
use crate::processor;

/// One function.
#[derive(Serialize, Deserialize)]
pub struct Function {
    /// Its logical id in the template.
    #[serde(rename = "function")]
    pub name: String,
    /// Bytes of its binary.
    pub bytes: u64,
    /// Milliseconds from the process's start to its first request for work: the shortest, the median, the longest.
    pub init_ms: [f64; 3],
    /// The most memory that one of its processes used, in bytes, after everything that was measured; `None` if it
    /// served nothing.
    pub peak_memory: Option<u64>,
}

/// Each start, by function: milliseconds, and processor time where the kernel tells.
pub type Inits = BTreeMap<String, Vec<(f64, Option<Duration>)>>;

/// Starts all functions this many times. This comes first, because starting a process takes longer the more memory this
/// one has.
pub async fn inits(starts: usize) -> Inits {
    let mut inits = Inits::new();
    for _ in 0..starts {
        let template = checkout().join("template.yaml");
        let options = Options { template, binaries: binaries().to_owned(), ..Options::default() };
        let stack = LocalStack::start(options).await.expect("the stack starts");
        stack.warm().await;
        let processes = stack.processes();
        for log in stack.logs() {
            let init = log.line.strip_prefix("INIT_REPORT Init Duration: ").and_then(|text| text.strip_suffix(" ms"));
            if let Some(init) = init.and_then(|text| text.parse().ok()) {
                let process = processes.get(&log.function).and_then(|processes| processes.first());
                let time = process.and_then(|process| processor::time(*process));
                inits.entry(log.function).or_default().push((init, time));
            }
        }
        stack.shutdown().await;
    }
    inits
}

/// All functions, with the memory that those of `app` used after all its work.
pub fn functions(inits: &Inits, app: &App) -> Vec<Function> {
    let memory = peak_memory(app);
    let function = |(name, starts): (&String, &Vec<(f64, Option<Duration>)>)| {
        let name = name.clone();
        let mut times: Vec<f64> = starts.iter().map(|(ms, _)| *ms).collect();
        times.sort_by(f64::total_cmp);
        let binary = binaries().join(name.trim_end_matches("Function").to_lowercase());
        Function {
            bytes: fs::metadata(binary).map_or(0, |data| data.len()),
            init_ms: [times[0], times[times.len() / 2], times[times.len() - 1]],
            peak_memory: memory.get(&name).copied(),
            name,
        }
    };
    inits.iter().map(function).collect()
}

/// The processor time of the starts, a row for each function.
pub fn chores(inits: &Inits) -> Vec<Chore> {
    let chore = |(name, starts): (&String, &Vec<(f64, Option<Duration>)>)| {
        instructions::start(name, starts.iter().filter_map(|(_, time)| *time).collect())
    };
    inits.iter().map(chore).collect()
}

/// The kernel's high-water mark of each function's processes. Only Linux tells it.
fn peak_memory(app: &App) -> BTreeMap<String, u64> {
    let peaks = app.processes().into_iter().filter_map(|(function, processes)| {
        let peak = processes.into_iter().filter_map(high_water_mark).max()?;
        Some((function, peak))
    });
    peaks.collect()
}

fn high_water_mark(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    Some(kilobytes.parse::<u64>().ok()? * 1024)
}
