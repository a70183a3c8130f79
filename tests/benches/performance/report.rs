//! The results of a run, as in `docs/performance.json`. The page and the plots are drawn from this and from nothing
//! else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::functions::Function;
use crate::imports::Import;
use crate::instructions::Chore;
use crate::loads::Load;
use crate::operations::Operation;
use crate::pace::Pace;

/// A run's figures.
#[derive(Serialize, Deserialize)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// The cost of requests.
    pub operations: Vec<Operation>,
    /// The cost of starts, and of the load of one resource.
    #[serde(default)]
    pub chores: Vec<Chore>,
    /// The cost of loading.
    pub loads: Vec<Load>,
    /// The pace of `member import`. A report of before has none.
    #[serde(default)]
    pub imports: Vec<Import>,
    /// Size, init and memory of each function.
    pub functions: Vec<Function>,
    /// Timed requests.
    pub pace: Pace,
}

/// The machine of a run.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    /// Day of the run.
    pub day: String,
    /// Processor cores.
    pub cores: usize,
    /// Operating system and processor.
    pub system: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Whether this is the short form.
    pub quick: bool,
    /// Seconds that the run took after compiling.
    pub seconds: u64,
}

/// The folder of a run: `docs/`, or `target/performance/` for the short form.
pub fn place(quick: bool) -> PathBuf {
    let checkout = tests::checkout();
    if quick { checkout.join("target").join("performance") } else { checkout.join("docs") }
}

impl Report {
    /// Reads the results of an earlier run.
    pub fn read(place: &Path) -> Report {
        let file = place.join("performance.json");
        let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("{} is of another version: {error}", file.display()))
    }

    /// The same, where the figures there are of this version.
    pub fn earlier(place: &Path) -> Option<Report> {
        serde_json::from_slice(&fs::read(place.join("performance.json")).ok()?).ok()
    }

    /// Writes the figures, the page and the plots.
    pub fn write(&self, place: &Path) {
        let plots = place.join("performance");
        fs::create_dir_all(&plots).expect("the folder can be made");
        let json = serde_json::to_string_pretty(self).expect("it is JSON");
        let page = crate::page::page(self);
        let drawn = crate::plots::plots(self);
        let files = [(place.join("performance.json"), json + "\n"), (place.join("performance.md"), page)];
        for (file, text) in files.into_iter().chain(drawn.map(|(name, svg)| (plots.join(name), svg))) {
            fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}

/// This machine, on which the run took this long.
pub fn machine(quick: bool, took: Duration) -> Machine {
    let release = tests::binaries().ends_with("release");
    Machine {
        day: shared::clock::Clock::System.now().day(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        profile: if release { "release" } else { "debug" }.to_owned(),
        quick,
        seconds: took.as_secs(),
    }
}
