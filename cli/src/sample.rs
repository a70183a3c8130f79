//! `patient-access sample`: made-up members as NDJSON, written one member at a time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{File, create_dir_all};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

/// The arguments of `patient-access sample`.
#[derive(Args)]
#[command(after_help = "The ids are m000001, m000002 and so on, whatever the seed: load one population per stack.\n\n\
    Example: patient-access sample --members 100 --seed 7 --out members.ndjson && patient-access load members.ndjson\n\
    Then let one of them sign in: patient-access member add --username m1 --patient m000001")]
pub struct SampleArguments {
    /// The number of members
    #[arg(long, value_name = "N", default_value_t = 10)]
    members: usize,
    /// Another number makes other members; the same number makes the same bytes, on every machine
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write the named members of `patient-access local` (ada, ben and the others) instead
    #[arg(long, conflicts_with_all = ["members", "seed"])]
    household: bool,
    /// Write one member, `long-S`, with N resources of their own instead: a long history, to test long lists
    #[arg(long, value_name = "N", conflicts_with_all = ["members", "household"])]
    history: Option<usize>,
    /// The file to write, or a folder for a file per type: one that exists, or a name that ends in / [default: the
    /// standard output]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
}

impl SampleArguments {
    /// Writes the members. Returns a line that says how many resources it wrote. Memory holds one member at a time, or
    /// one part of a long history.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn run(&self) -> Result<String> {
        let mut output = Output::open(self.out.as_deref())?;
        let mut write = |resources: Vec<Value>| output.write(&resources);
        let written = match self.history {
            Some(resources) => sample_members::history(resources, self.seed).try_for_each(write),
            None if self.household => write(sample_members::household().resources),
            None => sample_members::everyone(self.members, self.seed).try_for_each(write),
        };
        match written.and_then(|()| output.finish()) {
            // The reader, such as `head`, has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.out.is_none() => {}
            other => other.with_context(|| format!("{} cannot be written", output.destination()))?,
        }
        Ok(format!("{} resources written to {}", output.count, output.destination()))
    }
}

/// The destination of the lines.
enum Destination {
    Console(BufWriter<io::Stdout>),
    File(PathBuf, BufWriter<File>),
    Folder(PathBuf, BTreeMap<String, BufWriter<File>>),
}

struct Output {
    destination: Destination,
    count: u64,
}

impl Output {
    fn open(path: Option<&Path>) -> Result<Output> {
        let destination = match path {
            None => Destination::Console(BufWriter::new(io::stdout())),
            Some(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                create_dir_all(path).with_context(|| format!("{} cannot be made", path.display()))?;
                Destination::Folder(path.to_owned(), BTreeMap::new())
            }
            Some(path) => {
                let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Destination::File(path.to_owned(), BufWriter::new(file))
            }
        };
        Ok(Output { destination, count: 0 })
    }

    fn write(&mut self, resources: &[Value]) -> io::Result<()> {
        for resource in resources {
            let to: &mut dyn Write = match &mut self.destination {
                Destination::Console(console) => console,
                Destination::File(_, file) => file,
                Destination::Folder(folder, files) => {
                    let kind = resource["resourceType"].as_str().unwrap_or_default();
                    match files.entry(kind.to_owned()) {
                        Entry::Occupied(open) => open.into_mut(),
                        Entry::Vacant(new) => {
                            new.insert(BufWriter::new(File::create(folder.join(format!("{kind}.ndjson")))?))
                        }
                    }
                }
            };
            serde_json::to_writer(&mut *to, resource)?;
            to.write_all(b"\n")?;
            self.count += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        match &mut self.destination {
            Destination::Console(console) => console.flush(),
            Destination::File(_, file) => file.flush(),
            Destination::Folder(_, files) => files.values_mut().try_for_each(Write::flush),
        }
    }

    fn destination(&self) -> String {
        match &self.destination {
            Destination::Console(_) => "the standard output".into(),
            Destination::File(path, _) | Destination::Folder(path, _) => path.display().to_string(),
        }
    }
}
