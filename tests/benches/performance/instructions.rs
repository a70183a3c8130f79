//! Instructions of requests, of each function's start and of the load of one resource; and what changed since the figures in `docs/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use local_stack::{LocalStack, Options};
use serde::{Deserialize, Serialize};
use tests::checkout;

use crate::callgrind::Callgrind;
use crate::operations::{self, Operation};
use crate::plots::number;
use crate::processor::float;
use crate::report::Report;
use crate::stage::Stage;
use crate::{authorization, material};

/// Work that is no request: the start of a function, or the load of one resource.
#[derive(Clone, Serialize, Deserialize)]
pub struct Chore {
    /// Its name: `init: read`, `load: one resource`.
    pub operation: String,
    /// Instructions of the process, as callgrind counts them.
    pub instructions: Option<f64>,
    /// Microseconds of processor time, the median of several, if the kernel tells.
    pub process_cpu_us: Option<f64>,
}

/// Everything that was counted.
pub struct Counts {
    operations: Vec<Operation>,
    chores: Vec<Chore>,
}

/// A change that is told: by more than this part.
const TOLD: f64 = 0.02;

/// Resources of the two records whose loads are compared.
const LOADED: [usize; 2] = [100, 400];

/// Counts the instructions of the requests that need no long history, of the starts and of a load; `None` on a machine without
/// valgrind.
pub async fn counts() -> Option<Counts> {
    let stage = Stage::counted().await?;
    let mut operations = operations::counted(&stage).await;
    operations.extend(authorization::authorization(&stage).await);
    let load = loading(&stage).await;
    stage.app.finish().await;
    let mut chores = starts().await?;
    chores.push(Chore { operation: "load: one resource".to_owned(), instructions: Some(load), process_cpu_us: None });
    Some(Counts { operations, chores })
}

/// The name of the row about a function's start.
pub fn start_of(function: &str) -> String {
    format!("init: {}", function.trim_end_matches("Function").to_lowercase())
}

/// Starts every function once, until it asks for work.
async fn starts() -> Option<Vec<Chore>> {
    let callgrind = Callgrind::new()?;
    let template = checkout().join("template.yaml");
    let options = Options { template, binaries: callgrind.folder().to_owned(), ..Options::default() };
    let stack = LocalStack::start(options).await.expect("the stack starts");
    stack.warm().await;
    let of_function = |(function, processes): (String, Vec<u32>)| Chore {
        operation: start_of(&function),
        instructions: processes.first().map(|process| float(callgrind.count(*process))),
        process_cpu_us: None,
    };
    let chores = stack.processes().into_iter().map(of_function).collect();
    stack.shutdown().await;
    Some(chores)
}

/// The instructions of the loader for one resource: the difference of the loads of two records, so that the command's own start is not
/// counted.
async fn loading(stage: &Stage) -> f64 {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let _announced = stage.app.announced();
    let mut loads = Vec::new();
    for (seed, count) in LOADED.into_iter().enumerate() {
        let file = material::record(folder.path(), count, 7_000 + seed);
        let text = fs::read_to_string(&file).expect("it was written");
        loads.push((text.lines().count() as u64, loaded(stage, folder.path(), &file).await));
    }
    let (resources, instructions) = (loads[1].0 - loads[0].0, loads[1].1.saturating_sub(loads[0].1));
    (float(instructions) / float(resources)).round()
}

/// The instructions of one load, from the profile that callgrind writes at the end.
async fn loaded(stage: &Stage, folder: &Path, file: &Path) -> u64 {
    let profile = folder.join("load.callgrind");
    let output = tokio::process::Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(tests::binaries().join("patient-access"))
        .args(["load", "--stack", stage.app.url()])
        .arg(file)
        .output();
    let output = output.await.expect("valgrind starts");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(profile).expect("callgrind writes its profile");
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    total.and_then(|total| total.trim().parse().ok()).expect("the profile has a total")
}

impl Counts {
    /// Gives the rows of a report their instructions, and adds the chores.
    pub fn enter(self, report: &mut Report) {
        for counted in self.operations {
            let same = |row: &&mut Operation| row.name == counted.name && row.size == counted.size;
            if let Some(row) = report.operations.iter_mut().find(same) {
                row.instructions = counted.instructions;
            }
        }
        for counted in self.chores {
            match report.chores.iter_mut().find(|chore| chore.operation == counted.operation) {
                Some(chore) => chore.instructions = counted.instructions,
                None => report.chores.push(counted),
            }
        }
    }

    /// A line for each count, beside that of an earlier report; what got worse by more than 2 % is marked.
    pub fn beside(&self, earlier: Option<&Report>) -> String {
        let before = earlier.map(|earlier| of(&earlier.operations, &earlier.chores)).unwrap_or_default();
        let mut text = String::new();
        let mut worse = 0;
        for (name, now) in of(&self.operations, &self.chores) {
            let change = before.get(&name).map(|before| now / before - 1.0);
            let told = match change {
                None => "new".to_owned(),
                Some(change) if change > TOLD => {
                    worse += 1;
                    format!("{:+.1} % WORSE", change * 100.0)
                }
                Some(change) => format!("{:+.1} %", change * 100.0),
            };
            text += &format!("{:>14}  {told:<16} {name}\n", number(now));
        }
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        match earlier {
            None => text += "docs/performance.json has no figures of this version to compare with.\n",
            Some(earlier) if earlier.machine.system != system => {
                text +=
                    &format!("Not to be compared: these are from {system}, those from {}.\n", earlier.machine.system);
            }
            Some(_) => {}
        }
        text + &format!("{worse} counts are worse by more than {} %.\n", TOLD * 100.0)
    }
}

/// Counts by the names of their rows.
fn of(operations: &[Operation], chores: &[Chore]) -> BTreeMap<String, f64> {
    let name = |row: &Operation| match row.size {
        0 => row.name.clone(),
        size => format!("{} ({size})", row.name),
    };
    let rows = operations.iter().filter_map(|row| Some((name(row), row.instructions?)));
    rows.chain(chores.iter().filter_map(|chore| Some((chore.operation.clone(), chore.instructions?)))).collect()
}

/// Processor time of a function's starts, as a chore.
pub fn start(function: &str, mut times: Vec<Duration>) -> Chore {
    times.sort();
    let median = times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1e6);
    Chore { operation: start_of(function), instructions: None, process_cpu_us: median }
}
