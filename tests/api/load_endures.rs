//! A load does not give up: it goes on while storage throttles or breaks, until it is done or the operator stops it, and a load that
//! was stopped is done by the same load again.

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
