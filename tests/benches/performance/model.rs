//! Ways of storing the same rows, measured against each other: which index makes what cheap, and what it costs to write. The
//! figures are DynamoDB's own, [`ConsumedCapacity`](aws_sdk_dynamodb::types::ConsumedCapacity) of the calls that a function
//! or the loader would make; the decision is in `docs/decisions/`.

mod rows;
mod table;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use rows::{Item, home, receipt, row};
use table::Table;

use crate::material;

/// The length of the history that is read.
const HISTORY: usize = 10_000;

/// How many resources change before a client asks what is new: some, and many more.
const NEWS: [usize; 2] = [5, 500];

/// When everything was loaded, when the client last asked, and when the changes came, in milliseconds since 1970.
const LOADED: i64 = 1_790_000_000_000;
const ASKED: i64 = LOADED + 1_000;
const CHANGED: i64 = LOADED + 86_400_000;

/// How much of a row an index holds.
#[derive(Clone, Copy, PartialEq)]
enum Copies {
    Keys,
    Whole,
}

/// How a reader finds what is new.
#[derive(Clone, Copy, PartialEq)]
enum News {
    /// Reads the whole type, and leaves out what is old.
    Nowhere,
    /// By an index over `lastUpdated` with every row in it.
    Every(Copies),
    /// By an index over `lastUpdated` of what came later than the first day of the member's data; a row of its own says when
    /// that ended. Whoever asks since a moment before it wants everything anyway.
    Later(Copies),
    /// By receipts: each load leaves a row that names what it brought to the member.
    Receipts,
}

/// A way of storing the rows.
#[derive(Clone, Copy)]
struct Layout {
    name: &'static str,
    /// What the index by date holds.
    by_date: Copies,
    news: News,
}

const LAYOUTS: [Layout; 6] = {
    use Copies::{Keys, Whole};
    use News::{Every, Later, Nowhere, Receipts};
    [
        Layout { name: "A: by date, whole rows", by_date: Whole, news: Nowhere },
        Layout { name: "B: by date and by lastUpdated, whole rows", by_date: Whole, news: Every(Whole) },
        Layout { name: "C: by date, whole rows; by lastUpdated, keys", by_date: Whole, news: Every(Keys) },
        Layout { name: "D: by date, keys", by_date: Keys, news: Nowhere },
        Layout { name: "E: by date, whole rows; a receipt of each load", by_date: Whole, news: Receipts },
        Layout { name: "F: as B, but by lastUpdated only what came later", by_date: Whole, news: Later(Whole) },
    ]
};

/// What a call or a series of calls consumed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Read units.
    pub read_units: f64,
    /// Sequential round trips.
    pub round_trips: u32,
    /// Rows that were of use.
    pub rows: usize,
}

/// One layout's figures.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    /// What it is.
    pub layout: String,
    /// Write units of a first load, per resource.
    pub load: f64,
    /// The same where each resource also has a row that names its owner.
    pub load_with_home: f64,
    /// Write units of a changed resource. A home row is there already, and is not written again.
    pub update: f64,
    /// Bytes stored, index and DynamoDB's own 100 bytes per item included, per resource; and with a home row.
    pub bytes: f64,
    /// The same with home rows.
    pub bytes_with_home: f64,
    /// The newest 50 of the history.
    pub newest: Cost,
    /// What is new since the client last asked: nothing, some, many.
    pub news: Vec<Cost>,
}

/// What was measured, with what.
#[derive(Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Whose resources.
    pub material: String,
    /// How many resources the first load had, and their mean packed size in bytes.
    pub resources: usize,
    /// See above.
    pub packed: f64,
    /// The mean packed size of the history's rows.
    pub packed_history: f64,
    /// One row for each layout.
    pub layouts: Vec<Measured>,
}

/// Measures all layouts.
pub async fn compare(environment: &std::collections::BTreeMap<String, String>) -> Comparison {
    let (material, resources) = material::mixed();
    let observations: Vec<&Json> = resources.iter().filter(|json| json["resourceType"] == "Observation").collect();
    let load: Vec<Item> = (0..).zip(&resources).map(|(n, json)| row(json, "member", n, LOADED)).collect();
    let history: Vec<Item> =
        (0..HISTORY).map(|n| row(observations[n % observations.len()], "long", n, LOADED)).collect();
    let mut layouts = Vec::new();
    for layout in LAYOUTS {
        let table = Table::create(environment, layout).await;
        layouts.push(measure(&table, &load, &history).await);
    }
    Comparison {
        material,
        resources: load.len(),
        packed: rows::mean_body(&load),
        packed_history: rows::mean_body(&history),
        layouts,
    }
}

async fn measure(table: &Table, load: &[Item], history: &[Item]) -> Measured {
    let count = ratio(load.len());
    let mut loaded = table.put_all(load).await;
    let notes = async |owner: &str, now: i64, items: &[Item]| match table.layout.news {
        News::Receipts => table.put_all(&[receipt(owner, now, items)]).await,
        News::Later(_) if now == LOADED => table.put_all(&[rows::first_day(owner)]).await,
        _ => 0.0,
    };
    loaded += notes("member", LOADED, load).await;
    let bytes = table.bytes().await;
    let homes: Vec<Item> = load.iter().map(home).collect();
    let with_home = loaded + table.put_all(&homes).await;
    let bytes_with_home = table.bytes().await;
    table.put_all(history).await;
    notes("long", LOADED, history).await;
    let newest = table.newest("long", 50).await;
    let mut news = vec![table.since("long", ASKED).await];
    let (mut changed, mut update) = (0, 0.0);
    for (step, target) in (1..).zip(NEWS) {
        let now = CHANGED + step;
        // Spread over the history: what changes is not only what is newest.
        let changes: Vec<Item> = (changed..target).map(|n| rows::changed(&history[n * 19], now)).collect();
        update += table.put_all(&changes).await;
        update += notes("long", now, &changes).await;
        changed = target;
        news.push(table.since("long", ASKED).await);
    }
    Measured {
        layout: table.layout.name.to_owned(),
        load: loaded / count,
        load_with_home: with_home / count,
        update: update / ratio(changed),
        bytes: bytes / count,
        bytes_with_home: bytes_with_home / count,
        newest,
        news,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
fn ratio(count: usize) -> f64 {
    count as f64
}
