//! `member import` of a whole plan: rows a second, and the memory of the command.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tests::App;

use crate::plots::float;

/// One run of `member import`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Import {
    /// The rows that are imported, and which time it is.
    pub what: String,
    /// Rows of the file.
    pub rows: u64,
    /// Persons that were made or changed.
    pub written: u64,
    /// Rows a second.
    pub per_second: f64,
    /// The target: at least this many rows a second.
    pub target: Option<f64>,
}

/// Imports a file of this many rows for the first time, and the same once more.
pub async fn imports(rows: usize) -> Vec<Import> {
    let (app, folder) = (App::empty().await, tempfile::tempdir().expect("there is room"));
    let file = folder.path().join("members.csv");
    write(&file, rows).expect("there is room");
    let path = file.to_str().expect("a path is text");
    let mut imports = Vec::new();
    for (time, target) in [("for the first time", Some(1000.0)), ("once more", None)] {
        let begun = Instant::now();
        let told = app.operate(&["member", "import", path, "--json"]).await.expect("it is imported");
        let seconds = begun.elapsed().as_secs_f64();
        let told: Json = serde_json::from_str(&told).expect("it prints JSON");
        let count = |name: &str| told[name].as_u64().expect("it is counted");
        imports.push(Import {
            what: format!("subjects of a provider, {time}"),
            rows: count("read"),
            written: count("created") + count("changed"),
            per_second: float(count("read")) / seconds,
            target,
        });
    }
    app.finish().await;
    imports
}

fn write(file: &Path, rows: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    writeln!(file, "provider,subject,patient,state")?;
    for row in 0..rows {
        writeln!(file, "plan,subject-{row},member-{row},active")?;
    }
    file.flush()
}
