//! `cargo bench --workspace --bench performance`: what requests and loads cost, in figures that do not depend on the machine
//! (round trips, read and write units, bytes), and some that do (milliseconds, init, memory). The real functions of a release
//! build, behind the local gateway. Writes `docs/performance.json`, and from it `docs/performance.md` and its plots.
//!
//! `operations`, `authorization`, `loads`, `functions` and `pace` measure; `report` is what is written; `prices` works out
//! dollars, and `page` and `plots` draw the rest. `stage` and `meter` are what is measured with, `material` what is measured
//! on.

mod authorization;
mod functions;
mod loads;
mod material;
mod meter;
mod operations;
mod pace;
mod page;
mod plots;
mod prices;
mod report;
mod stage;

use std::time::Instant;

use report::{Report, machine, place};
use stage::Stage;

/// How much is measured.
struct Sizes {
    /// Observations of one member.
    histories: &'static [usize],
    /// Resources of the record that is walked to its end.
    walk: usize,
    /// Feeds that are loaded.
    feeds: usize,
    /// Starts of each function.
    starts: usize,
    /// Requests of each kind in a round on the clock.
    requests: usize,
}

const FULL: Sizes = Sizes { histories: &[100, 10_000, 100_000], walk: 50_000, feeds: 2, starts: 10, requests: 200 };
const QUICK: Sizes = Sizes { histories: &[100, 10_000], walk: 5_000, feeds: 1, starts: 3, requests: 40 };

#[tokio::main]
async fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let quick = asked("--quick");
    let place = place(quick);
    let report = if asked("--render") { Report::read(&place) } else { measure(quick).await };
    report.write(&place);
    println!("{}", place.join("performance.md").display());
}

async fn measure(quick: bool) -> Report {
    let sizes = if quick { &QUICK } else { &FULL };
    let machine = machine(quick);
    let begun = Instant::now();
    let tell = |what: &str| eprintln!("{:>5.0} s: {what}", begun.elapsed().as_secs_f64());
    tell("functions");
    let inits = functions::inits(sizes.starts).await;
    tell("loads");
    let loads = loads::loads(sizes.feeds).await;
    tell("requests");
    let stage = Stage::new().await;
    let mut operations = operations::operations(&stage, sizes).await;
    operations.extend(authorization::authorization(&stage).await);
    tell("the clock");
    let pace = pace::pace(&stage, sizes.requests).await;
    let functions = functions::functions(inits, &stage.app);
    stage.app.finish().await;
    tell("done");
    Report { machine, operations, loads, functions, pace }
}
