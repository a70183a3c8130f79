//! `cargo bench --workspace --profile dev --bench dictionary`: the worth of the dictionaries of the resources table, in
//! bytes a row by type: for our own samples with a seed that no dictionary saw, and for other sources' data if they are
//! there.
//!
//! With `-- --train FILE` it first trains a new dictionary, always the same, on rows of our own samples as the loader
//! writes them and on [`text`], and writes it to FILE; the table is then about that one. Nothing else may go into a
//! dictionary: it is published with the program, and holds pieces of its input.

mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use patient_access::load::Source;
use shared::clock::Time;
use shared::fhir::reference::Reference;
use shared::record::packing::{ResourceVersion, plain, unpack};
use tests::{App, shared_folder};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

/// zstd's level, the same as the store's.
const LEVEL: i32 = 12;

/// The size of a dictionary, in bytes.
const SIZE: usize = 144 << 10;

/// At most this many bytes of a type's rows go into the training: claims would leave no room for the rest.
const BYTES_OF_A_TYPE: usize = 400 << 10;

/// The number of times that [`text`] goes into the training.
const TEXT_WEIGHT: usize = 8;

/// A row: its type, its JSON, and the bytes that are compressed.
struct Row {
    kind: String,
    json: usize,
    plain: Vec<u8>,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let train = arguments.iter().position(|argument| argument == "--train").map(|at| arguments.get(at + 1));
    let dictionary = match train {
        Some(file) => {
            let file = file.expect("--train is followed by the file to write");
            let dictionary = trained().await;
            std::fs::write(file, &dictionary).expect("the dictionary can be written");
            dictionary
        }
        None => newest(),
    };
    println!("{:<24}{:>8}{:>10}{:>10}{:>10}{:>10}", "bytes a row", "rows", "JSON", "+ index", "zstd", "with it");
    table(
        "our samples, another seed",
        Some(Source::Memory(sample_members::population(20, 77).flatten().collect())),
        &dictionary,
    )
    .await;
    for (title, folder) in [("Synthea", "sample-data/synthea"), ("CMS", "sample-data/cms-bfd")] {
        let source = shared_folder(folder).map(|folder| Source::of_paths(&[folder]).expect("there are files"));
        table(title, source, &dictionary).await;
    }
}

/// The dictionary that new rows are written with: the file with the highest number.
fn newest() -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/src/record/dictionary");
    let files = (1..).map(|number| folder.join(format!("{number}.zdict"))).take_while(|file| file.exists());
    std::fs::read(files.last().expect("there is one")).expect("it can be read")
}

/// The rows of a source as the loader writes them, in the order of their keys.
async fn rows(source: Source) -> Vec<Row> {
    let app = App::empty().await;
    app.load(source).await;
    let aws = shared::store::Aws::local(app.environment()).await;
    let config = aws_sdk_dynamodb::config::Builder::from(aws.config());
    let client = Client::from_conf(config.endpoint_url(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]).build());
    let pages = client.scan().table_name(&app.environment()["RESOURCES_TABLE"]).into_paginator().items().send();
    let items = pages.collect::<Result<Vec<_>, _>>().await.expect("the table answers");
    let mut rows = BTreeMap::new();
    for item in items {
        let Some(AttributeValue::B(packed)) = item.get("b") else { continue };
        let number = |name: &str| item[name].as_n().expect("a number").parse::<i64>().expect("a number");
        let key = Reference::parse(item["sk"].as_s().expect("text"), &[]).expect("a sort key names a resource");
        let number_of = u64::try_from(number("v")).expect("versions count from 1");
        let version = ResourceVersion { key: &key, number: number_of, last_updated: Time(number("u")) };
        let (index, json) = unpack(&version, packed.as_ref()).expect("rows unpack");
        let plain = plain(&version, &index, &json).expect("it was packed before");
        rows.insert(key.to_string(), Row { kind: key.resource_type.clone(), json: json.len(), plain });
    }
    app.finish().await;
    rows.into_values().collect()
}

/// The dictionary of our own text.
async fn trained() -> Vec<u8> {
    let mut resources = sample_members::household().resources;
    resources.extend(sample_members::population(40, 1).flatten());
    let mut by_type: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for row in rows(Source::Memory(resources)).await {
        by_type.entry(row.kind).or_default().push(row.plain);
    }
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for rows in by_type.values() {
        // Taken evenly over the members, because the rows are in the order of their ids.
        let whole: usize = rows.iter().map(Vec::len).sum();
        samples.extend(rows.iter().step_by(whole.div_ceil(BYTES_OF_A_TYPE)).cloned());
    }
    for _ in 0..TEXT_WEIGHT {
        samples.extend(text::samples().into_iter().map(String::into_bytes));
    }
    zstd::dict::from_samples(&samples, SIZE).expect("there is enough to train on")
}

/// The bytes of a source's rows, by type.
async fn table(title: &str, source: Option<Source>, dictionary: &[u8]) {
    let Some(source) = source else { return println!("{title}: not there") };
    let mut without = Compressor::new(LEVEL).expect("zstd starts");
    let mut with = Compressor::with_dictionary(LEVEL, dictionary).expect("it is a dictionary");
    with.set_parameter(CParameter::DictIdFlag(false)).expect("zstd knows it");
    let mut by_type: BTreeMap<String, [usize; 5]> = BTreeMap::new();
    for row in rows(source).await {
        let [plain, compressed] = [&mut without, &mut with].map(|it| it.compress(&row.plain).expect("it fits").len());
        // The format byte takes the place of the frame's four bytes of magic.
        let figures = [1, row.json, row.plain.len(), plain, compressed - 3];
        for name in [row.kind.as_str(), "all"] {
            let sums = by_type.entry(name.to_owned()).or_default();
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        }
    }
    println!("\n{title}");
    for (kind, [rows, sums @ ..]) in by_type {
        println!("{kind:<24}{rows:>8}{}", sums.map(|sum| format!("{:>10}", sum / rows)).concat());
    }
}
