//! The ways into a load from the command line: files and folders, with a progress bar on a terminal.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use shared::clock::Clock;

use super::inspection::{Inspection, inspect};
use super::{Report, Settings, Source, load_with, merge};
use crate::call::WrongCall;
use crate::stack::{Stack, private_file};

/// Loads files and folders into a stack, with a progress bar on a terminal. Without a name in `settings`, rejected resources
/// go to `rejected-<time>.ndjson` in the current folder.
///
/// Returns the report, and an error if the run stopped early; the same load can then be repeated. A faulty resource is no
/// error: the report lists it.
///
/// # Errors
/// The call is wrong: a path cannot be read, or holds nothing to load.
pub async fn run(stack: &Stack, paths: &[PathBuf], mut settings: Settings) -> Result<(Report, Result<()>)> {
    let clock = Clock::System;
    if settings.rejected.as_os_str().is_empty() {
        settings.rejected = PathBuf::from(format!("rejected-{}.ndjson", named_by(&clock)));
    }
    let source = Source::of_paths(paths)?;
    if source.reads(&settings.rejected) {
        bail!(WrongCall(format!(
            "{} is one of the files to load, and rejected resources would replace it: give another name",
            settings.rejected.display()
        )));
    }
    let bar = progress(&source);
    let merges = settings.merges;
    let (mut report, mut ended) = load_with(stack, &source, settings, clock, &bar).await;
    bar.finish_and_clear();
    if merges && ended.is_ok() {
        ended = merge::act(stack, &mut report).await;
        report.finished = ended.is_ok();
    }
    Ok((report, ended))
}

/// Reads files and folders as a load would, and stores nothing. The findings are also written to a page here, which only this user
/// may read, because it holds health data.
///
/// Returns the findings, and the page.
///
/// # Errors
/// A path cannot be read, or holds nothing to load; the page cannot be written.
pub fn inspect_paths(stack: &Stack, paths: &[PathBuf], settings: &Settings) -> Result<(Inspection, PathBuf)> {
    let (clock, source) = (Clock::System, Source::of_paths(paths)?);
    let bar = progress(&source);
    bar.set_message("checking");
    let inspection = inspect(stack, &source, settings, &clock, &bar);
    bar.finish_and_clear();
    let inspection = inspection?;
    let page = PathBuf::from(format!("check-{}.html", named_by(&clock)));
    let written = private_file(&page).and_then(|mut file| file.write_all(inspection.to_html().as_bytes()));
    written.with_context(|| format!("cannot write {}", page.display()))?;
    Ok((inspection, page))
}

/// The bar of a run, which reads its source twice.
fn progress(source: &Source) -> ProgressBar {
    ProgressBar::new(source.size() * 2).with_style(
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}

/// The moment, as the name of a file has it.
fn named_by(clock: &Clock) -> String {
    clock.now().to_string().replace([':', '.'], "-")
}
