//! A load does not give up: it goes on while storage throttles or breaks, until it is done or the operator stops it, and a load that
//! was stopped is done by the same load again.

use std::fs;
use std::path::Path;
use std::time::Duration;

use patient_access::load::{Report, Settings, Source, Stop, Stopped, load_with};
use patient_access::stack::{Descriptor, Stack};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use shared::store::Patience;
use tests::{App, Fault, Wire};

fn feed(name: &str) -> Vec<Json> {
    let observation = |number: usize| {
        json!({"resourceType": "Observation", "id": format!("{name}-{number}"), "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "performer": [{"reference": "Practitioner/p"}]})
    };
    let practitioner =
        json!({"resourceType": "Practitioner", "id": "p", "identifier": [{"system": "s", "value": "1"}]});
    (0..40).map(observation).chain([practitioner]).collect()
}

async fn patient_stack(app: &App, wire: &Wire) -> Stack {
    wire.lead_to(app.environment());
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let descriptor = Descriptor { url: app.url().to_owned(), environment };
    Stack::local(&descriptor).await.unwrap().with_patience(Patience::at_most(None))
}

async fn attempt(stack: &Stack, resources: Vec<Json>, stop: &Stop) -> (Report, anyhow::Result<()>) {
    let settings = Settings { rejected: "/dev/null".into(), stop: stop.clone(), ..Settings::default() };
    let bar = indicatif::ProgressBar::hidden();
    load_with(stack, &Source::Memory(resources), settings, Clock::System, &bar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_goes_on_however_often_a_call_fails() {
    let app = App::empty().await;
    let wire = Wire::new().await;
    let stack = patient_stack(&app, &wire).await;
    for (name, operation, fault, times) in [
        ("throttled", "PutItem", Fault::Throttled, 9),
        ("dropped", "PutItem", Fault::Dropped, 9),
        ("lost", "PutItem", Fault::AnswerLost, 9),
        ("reads", "BatchGetItem", Fault::Throttled, 9),
        ("in-part", "BatchGetItem", Fault::Unprocessed, 8),
    ] {
        wire.fail_times(operation, fault, times);
        let (report, ended) = attempt(&stack, feed(name), &Stop::default()).await;
        ended.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!((report.types["Observation"].stored, report.finished), (40, true), "{name}: {report}");
        wire.mend();
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_stopped_says_so_and_the_same_load_again_ends_it() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let wire = Wire::new().await;
    let stack = patient_stack(&app, &wire).await;
    let stop = Stop::default();
    // It waits for a store that takes nothing.
    wire.fail("PutItem", Fault::Throttled);
    let pulled = stop.clone();
    let before = wire.calls().len();
    let puller = async {
        while wire.calls()[before..].iter().all(|call| call.operation != "PutItem") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        pulled.stop();
    };
    let waiting = tokio::spawn(async move { (attempt(&stack, feed("stop"), &stop).await, stack) });
    puller.await;
    let ((report, ended), stack) = waiting.await.unwrap();
    let error = ended.unwrap_err();
    assert!(error.is::<Stopped>() && error.to_string().contains("run the same load again"), "{error}");
    assert_eq!((report.finished, report.exit_code(), report.total().stored), (false, 1, 0), "{report}");
    assert!(report.to_string().contains("the run did not come to its end"), "{report}");
    wire.mend();
    let (report, ended) = attempt(&stack, feed("stop"), &Stop::default()).await;
    ended.unwrap();
    assert_eq!((report.exit_code(), report.total().read), (0, 41), "{report}");
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let found = app.fhir(&tokens, "Observation?_count=100&_include=Observation:performer").await;
    assert_eq!((found.matches().len(), found.included()), (40, vec!["Practitioner/p".to_owned()]));
    app.finish().await;
}

/// A feed of three files, each of which is a part: of alice's observations, one that is bob's so far, and one that is refused as it is
/// to be written, because two practitioners have one identifier.
fn three_parts(folder: &Path) {
    let reference = |to: &str| json!({"reference": to});
    for part in 0..3 {
        let observation = |id: String, performer: &str| {
            json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"},
                "subject": reference("Patient/alice"), "performer": [reference(performer)]})
        };
        let named = |number: usize| observation(format!("in-{part}-{number}"), "Practitioner/p-0");
        let mut all: Vec<Json> = (0..600).map(named).collect();
        all.push(observation(format!("in-{part}-refused"), "Practitioner?identifier=s|twice"));
        all.push(json!({"resourceType": "Practitioner", "id": format!("p-{part}"),
            "identifier": [{"system": "s", "value": "twice"}]}));
        let lines: Vec<String> = all.iter().map(Json::to_string).collect();
        fs::write(folder.join(format!("{part}.ndjson")), lines.join("\n")).unwrap();
    }
}

/// The rows that are there before: observations of bob's that the feed gives to alice.
fn before_parts() -> Vec<Json> {
    let of_bob = |part: usize| {
        json!({"resourceType": "Observation", "id": format!("in-{part}-7"), "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/bob"}})
    };
    (0..3).map(of_bob).collect()
}

/// T181
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_finished_is_neither_looked_at_nor_written_again() {
    let (feed, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    three_parts(feed.path());
    let source = Source::of_paths(&[feed.path().to_owned()]).unwrap();
    let (once, twice) = (App::empty().await, App::empty().await);
    let mut stacks = Vec::new();
    for app in [&once, &twice] {
        app.load(Source::Memory(before_parts())).await;
        let wire = Wire::new().await;
        wire.lead_to(app.environment());
        let mut environment = app.environment().clone();
        environment.extend(wire.environment());
        let descriptor = Descriptor { url: app.url().to_owned(), environment };
        stacks.push((Stack::local(&descriptor).await.unwrap(), wire));
    }
    let load = async |stack: &Stack, rejected: &str| {
        let settings = Settings { rejected: kept.path().join(rejected), ..Settings::default() };
        load_with(stack, &source, settings, Clock::System, &indicatif::ProgressBar::hidden()).await
    };
    let (whole, ended) = load(&stacks[0].0, "once").await;
    ended.unwrap();
    assert_eq!((whole.moved, whole.reasons["ambiguous-reference"], whole.total().stored), (3, 3, 1_803), "{whole}");
    let all = stacks[0].1.calls().len();

    let (stack, wire) = &stacks[1];
    wire.plan(all * 9 / 10, Fault::Throttled, true);
    let (first, ended) = load(stack, "first").await;
    assert!(ended.is_err() && !first.finished, "{first}");
    wire.mend();
    let before = wire.calls().len();
    let (again, ended) = load(stack, "again").await;
    ended.unwrap();
    let calls = &wire.calls()[before..];
    let naming = |part: usize| {
        let name = format!("in-{part}-");
        calls.iter().filter(|call| call.operation != "Query" && call.body.to_string().contains(&name)).count()
    };
    assert_eq!((naming(0), naming(1)), (0, 0), "finished parts are not looked at again");
    assert!(naming(2) > 0 && calls.len() * 2 < all, "{} calls of {all}", calls.len());
    let told = |report: &Report| {
        let mut told = report.to_json();
        told["rejected_file"] = Json::Null;
        told
    };
    assert_eq!(told(&again), told(&whole));
    let lines = |name: &str| fs::read_to_string(kept.path().join(name)).unwrap();
    assert_eq!(lines("again"), lines("once"), "the file of rejected resources has all of them");
    let (last, ended) = load(stack, "last").await;
    ended.unwrap();
    assert_eq!((last.total().stored, last.total().unchanged), (0, 1_803), "{last}");
    once.finish().await;
    twice.finish().await;
}
