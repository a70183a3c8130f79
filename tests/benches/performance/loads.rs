//! The cost of loading: resources for the first time, the same once more, and each of them changed.

use std::collections::BTreeMap;
use std::path::Path;

use patient_access::load::Source;
use patient_access::stack::{Descriptor, Stack};
use serde::{Deserialize, Serialize};
use tests::{App, Meter};

use crate::material;
use crate::plots::float;
use crate::stage::{days_ago, load_at};

/// One run of the loader.
#[derive(Clone, Serialize, Deserialize)]
pub struct Load {
    /// Whose resources, and in which load.
    pub what: String,
    /// Resources that were read.
    pub resources: u64,
    /// Resources that were written.
    pub stored: u64,
    /// Read units.
    pub read_units: f64,
    /// Write units, including those of refused writes.
    pub write_units: f64,
    /// Bytes stored after it, as DynamoDB bills them.
    pub bytes: u64,
    /// Resources a second, without the meter.
    pub per_second: f64,
    /// The target: at most this many write units for each resource.
    pub target: Option<f64>,
}

impl Load {
    /// Write units per written resource. A superseded resource of the feed is read and never written.
    pub fn each(&self) -> f64 {
        self.write_units / float(self.stored.max(1))
    }

    /// Bytes stored per written resource, with everything that the loader writes beside it.
    pub fn bytes_each(&self) -> f64 {
        float(self.bytes) / float(self.stored.max(1))
    }
}

/// The same resources in three loads.
struct Feed {
    name: &'static str,
    /// The first load, the same once more, each resource changed.
    times: [Source; 3],
    target: Option<f64>,
}

/// Loads the Synthea members, if they are there, and members of our own samples; at most this many feeds.
pub async fn loads(at_most: usize) -> Vec<Load> {
    let mut loads = Vec::new();
    let place = tempfile::tempdir().expect("there is room");
    for feed in synthea(place.path()).into_iter().chain([samples()]).take(at_most) {
        loads.extend(of(feed).await);
    }
    loads
}

/// The Synthea members. Their Bundles with every resource changed are written into `place`.
fn synthea(place: &Path) -> Option<Feed> {
    let folder = material::synthea()?;
    material::changed_bundles(&folder, place);
    let files = |folder: &Path| Source::of_paths(&[folder.to_owned()]).expect("it is there");
    let times = [files(&folder), files(&folder), files(place)];
    Some(Feed { name: "20 Synthea members", times, target: Some(3.0) })
}

fn samples() -> Feed {
    let samples = material::samples();
    let changed = samples.iter().cloned().map(material::changed).collect();
    let times = [samples.clone(), samples, changed].map(Source::Memory);
    Feed { name: "20 members of our own samples", times, target: None }
}

async fn of(feed: Feed) -> Vec<Load> {
    let (app, plain) = (App::empty().await, App::empty().await);
    let mut environment = app.environment().clone();
    let meter = Meter::before(&environment["AWS_ENDPOINT_URL_DYNAMODB"]).await;
    environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), meter.url.clone());
    let (metered, unmetered) = (stack(&app, environment).await, plain.stack_to_work_on().await);
    let targets = [feed.target, None, None];
    let times = ["for the first time", "once more", "each changed"];
    let mut loads = Vec::new();
    for (days, ((source, time), target)) in (1..).zip(feed.times.iter().zip(times).zip(targets)) {
        let moment = days_ago(10 - days);
        let (report, _) = load_at(&metered, source, moment).await;
        let (units, total, bytes) = (meter.take(), report.total(), stored_bytes(app.environment()).await);
        let (_, seconds) = load_at(&unmetered, source, moment).await;
        loads.push(Load {
            what: format!("{}, {time}", feed.name),
            resources: total.read,
            stored: total.stored,
            read_units: units.read,
            write_units: units.write,
            bytes,
            per_second: float(total.read) / seconds,
            target,
        });
    }
    app.finish().await;
    plain.finish().await;
    loads
}

/// The bytes of the resources table and its index. DynamoDB bills 100 more for each item of either; the sizes that it
/// reports do not include them.
async fn stored_bytes(environment: &BTreeMap<String, String>) -> u64 {
    let client = tests::dynamodb(environment);
    let answer = client.describe_table().table_name(&environment["RESOURCES_TABLE"]).send().await;
    let table = answer.expect("the table is there").table.expect("it is described");
    let indexes = table.local_secondary_indexes().iter().map(|index| (index.index_size_bytes, index.item_count));
    let sizes = indexes.chain([(table.table_size_bytes, table.item_count)]);
    let bytes = sizes.map(|(bytes, items)| bytes.unwrap_or_default() + 100 * items.unwrap_or_default()).sum::<i64>();
    u64::try_from(bytes).expect("a size is no less than nothing")
}

async fn stack(app: &App, environment: BTreeMap<String, String>) -> Stack {
    let descriptor = Descriptor { url: app.url().to_owned(), environment };
    Stack::local(&descriptor).await.expect("the stack has all parts")
}
