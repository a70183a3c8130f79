//! `cargo bench --workspace --bench performance`: the cost of requests and loads, in figures that do not depend on the
//! machine (round trips, read and write units, bytes), and in some that do (milliseconds, init, memory). It measures
//! the real functions of a release build behind the local gateway. It writes `docs/performance.json`, and from that
//! `docs/performance.md` and its plots.
//!
//! With `-- --instructions` it only counts instructions, and prints them beside those of `docs/performance.json`.
//!
//! `operations`, `authorization`, `loads`, `imports`, `functions`, `instructions` and `pace` measure. `report` is the file of figures;
//! `prices` works out dollars from it, and `page` and `plots` draw it. `stage`, `processor` and `callgrind` are the tools of
//! measuring, `material` the data.

mod authorization;
mod callgrind;
mod functions;
mod imports;
mod instructions;
mod loads;
mod material;
mod operations;
mod pace;
mod page;
mod plots;
mod prices;
mod processor;
mod report;
mod stage;

use std::time::Instant;

use report::{Report, machine, place};
use stage::Stage;

/// The extent of a run.
struct Sizes {
    /// Observations of one member.
    histories: &'static [usize],
    /// Resources of the record that is walked to its end.
    walk: usize,
    /// Feeds that are loaded.
    feeds: usize,
    /// Rows of the file of members that is imported.
    members: usize,
    /// Starts of each function.
    starts: usize,
    /// Requests of each kind in a timed round.
    requests: usize,
}

const FULL: Sizes =
    Sizes { histories: &[100, 10_000, 100_000], walk: 50_000, feeds: 2, members: 500_000, starts: 20, requests: 200 };
const QUICK: Sizes =
    Sizes { histories: &[100, 10_000], walk: 5_000, feeds: 1, members: 10_000, starts: 3, requests: 40 };

#[tokio::main]
async fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--instructions") {
        return instructions().await;
    }
    let quick = asked("--quick");
    let place = place(quick);
    let report = if asked("--render") { Report::read(&place) } else { measure(quick).await };
    report.write(&place);
    println!("{}", place.join("performance.md").display());
}

/// Counts instructions, and tells what changed.
async fn instructions() {
    let _ = tests::binaries();
    match instructions::counts().await {
        Some(counts) => print!("{}", counts.beside(Report::earlier(&place(false)).as_ref())),
        None => tests::missing_tool("the count of instructions", "valgrind"),
    }
}

async fn measure(quick: bool) -> Report {
    let sizes = if quick { &QUICK } else { &FULL };
    // The functions are built first, which is no part of the run.
    let _ = tests::binaries();
    let begun = Instant::now();
    let tell = |what: &str| eprintln!("{:>5.0} s: {what}", begun.elapsed().as_secs_f64());
    tell("functions");
    let inits = functions::inits(sizes.starts).await;
    tell("loads");
    let loads = loads::loads(sizes.feeds).await;
    tell("members");
    let imports = imports::imports(sizes.members).await;
    tell("requests");
    let stage = Stage::new().await;
    let mut operations = operations::operations(&stage, sizes).await;
    operations.extend(authorization::authorization(&stage).await);
    tell("the clock");
    let pace = pace::pace(&stage, sizes.requests).await;
    let functions = functions::functions(&inits, &stage.app);
    stage.app.finish().await;
    tell("instructions");
    let counts = instructions::counts().await;
    tell("done");
    let machine = machine(quick, begun.elapsed());
    let mut report = Report { machine, operations, chores: functions::chores(&inits), loads, imports, functions, pace };
    match counts {
        Some(counts) => counts.enter(&mut report),
        None => tests::missing_tool("the count of instructions", "valgrind"),
    }
    report
}
