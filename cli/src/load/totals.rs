//! Control totals: how many resources the sender says it sent, by type or by file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Value as Json;

use super::report::Report;
use super::source::is_feed_name;
use crate::call::WrongCall;

/// The expected counts, by the name of a type or of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<String, u64>);

impl Totals {
    /// Reads a file of control totals: the manifest of a Bulk Data export, or a JSON object with a count for each name of a
    /// type or of a file.
    ///
    /// # Errors
    /// The file is none of them.
    pub fn read(path: &Path) -> Result<Totals> {
        let wrong = |why: String| WrongCall(format!("--expect: {} {why}", path.display()));
        let text = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let json: Json = serde_json::from_slice(&text).map_err(|error| wrong(format!("is no JSON: {error}")))?;
        if json["output"].is_array() {
            return Ok(Totals::of_manifest(&json));
        }
        let counts = json.as_object().map(|counts| {
            let count = |(name, count): (&String, &Json)| Some((name.clone(), count.as_u64()?));
            counts.iter().map(count).collect::<Option<BTreeMap<_, _>>>()
        });
        let form =
            "holds no control totals: write {\"Patient\": 20, \"claims.ndjson\": 5000}, or give a Bulk Data manifest";
        Ok(Totals(counts.flatten().ok_or_else(|| wrong(form.to_owned()))?))
    }

    /// The counts of a manifest's files. A file without a count must be there.
    pub(super) fn of_manifest(manifest: &Json) -> Totals {
        let mut totals = BTreeMap::new();
        for output in manifest["output"].as_array().into_iter().flatten() {
            let path = output["url"].as_str().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
            // A URL that names no file may be one that is downloaded under any name: its type is compared.
            let file = path.rsplit('/').next().filter(|name| is_feed_name(Path::new(name)));
            if let (Some(name), Some(count)) = (file.or(output["type"].as_str()), output["count"].as_u64()) {
                *totals.entry(name.to_owned()).or_default() += count;
            }
        }
        Totals(totals)
    }

    /// Lists in the report what does not agree with it.
    pub(super) fn compare(&self, place: &str, report: &mut Report) {
        for (name, expected) in &self.0 {
            let is_file = is_feed_name(Path::new(name)) || name.contains('.');
            let read = if is_file {
                let named = |path: &str| Path::new(path).file_name().is_some_and(|file| *file == **name);
                let files = report.files.iter().filter(|file| named(&file.path));
                files.map(|file| file.read).reduce(|sum, read| sum + read)
            } else {
                Some(report.types.get(name).map_or(0, |tally| tally.read))
            };
            let text = match read {
                Some(read) if read == *expected => continue,
                Some(read) => format!("{name}: {expected} were announced, and {read} read"),
                None => format!("{name}: {expected} were announced, and the file is not among those read"),
            };
            report.differing += 1;
            report.find("control-total", place, text);
        }
    }
}
