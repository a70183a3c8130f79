//! A made-up year: the report against a naive count of the same records, with faults, repeats and lost batches put in.
//!
//! `PATIENT_ACCESS_YEAR=1000000` sets how many requests the year has.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::{Value as Json, json};
use shared::clock::Time;
use shared::store::Aws;
use shared::store::audit::AuditRow;
use shared::store::counts::Counts;
use tests::{App, Fault, Wire};

use super::{register_apps, row};

/// How many requests the year has where nobody says otherwise.
const REQUESTS: usize = 4_000;

const APPS: [(&str, bool); 4] = [("one", false), ("two", false), ("three", false), ("canary", true)];

/// The outcomes of requests; `None` is an answer without a resource of the member's own.
const OUTCOMES: [Option<&str>; 10] = [
    Some("ok"),
    Some("ok"),
    Some("ok"),
    Some("ok"),
    Some("linked"),
    None,
    None,
    Some("not-modified"),
    Some("not-found"),
    Some("transient"),
];

/// Numbers that look random and are the same in each run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// One request: the member, the app, its record, and whether it counts.
struct Made {
    patient: String,
    app: &'static str,
    moment: String,
    row: AuditRow,
    counts: bool,
}

/// A year of requests, with some before and after it. Many members come once or twice, few often.
fn made(requests: usize) -> Vec<Made> {
    let mut numbers = Numbers(42);
    let first = 1_893_456_000_000; // 2030-01-01T00:00:00Z
    let year = 365 * 86_400;
    let mut made = Vec::new();
    for request in 0..requests {
        let members = requests / 3;
        let member = if numbers.below(2) == 0 { numbers.below(members) } else { numbers.below(members / 50 + 1) };
        let (patient, (app, _)) = (format!("m{member}"), APPS[numbers.below(APPS.len())]);
        let seconds = i64::try_from(numbers.below(year + 2 * 86_400)).unwrap() - 86_400;
        let moment = Time(first).plus_seconds(seconds).to_string();
        let outcome = OUTCOMES[numbers.below(OUTCOMES.len())];
        let changed = match outcome {
            Some(outcome) => vec![("outcome", outcome)],
            None => vec![("given", "0")],
        };
        let row = row(&patient, app, &moment, request, &changed);
        made.push(Made { patient, app, moment, row, counts: matches!(outcome, Some("ok" | "linked")) });
    }
    made.sort_by(|a, b| a.moment.cmp(&b.moment));
    made
}

/// The naive count: members, and those more than once.
fn naive(made: &[Made], synthetic: &str) -> (usize, usize) {
    let mut answers = BTreeMap::<&str, usize>::new();
    for made in made {
        let is_in =
            made.counts && made.moment.starts_with("2030-") && made.app != "canary" && made.patient != synthetic;
        if is_in {
            *answers.entry(&made.patient).or_default() += 1;
        }
    }
    (answers.len(), answers.values().filter(|count| **count > 1).count())
}

async fn write(app: &App, made: &[Made]) {
    let client = tests::dynamodb(app.environment());
    let table = &app.environment()["AUDIT_TABLE"];
    for rows in made.chunks(25) {
        let put = |made: &Made| {
            let mut put = PutRequest::builder();
            for name in ["pk", "sk", "action", "outcome", "client", "given"] {
                let value = made.row.attribute(name).to_owned();
                let value = if name == "given" { AttributeValue::N(value) } else { AttributeValue::S(value) };
                put = put.item(name, value);
            }
            WriteRequest::builder().put_request(put.build().unwrap()).build()
        };
        let request = client.batch_write_item().request_items(table, rows.iter().map(put).collect());
        let answer = request.send().await.unwrap();
        assert!(answer.unprocessed_items().is_none_or(std::collections::HashMap::is_empty));
    }
}

async fn report(app: &App, more: &[&str]) -> Json {
    let arguments = [&["report", "cms", "--year", "2030", "--json"], more].concat();
    serde_json::from_str(&app.operate(&arguments).await.unwrap()).unwrap()
}

fn figures(report: &Json) -> (usize, usize) {
    let figure = |name: &str| usize::try_from(report[name].as_u64().unwrap()).unwrap();
    (figure("members"), figure("members_more_than_once"))
}

/// T205
#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_a_naive_count_of_the_year_after_faults_repeats_and_lost_batches() {
    let requests = std::env::var("PATIENT_ACCESS_YEAR").map_or(REQUESTS, |count| count.parse().unwrap());
    let app = App::empty().await;
    register_apps(&app, &APPS).await;
    let made = made(requests);
    write(&app, &made).await;
    app.operate(&["report", "synthetic", "--patient", "m1"]).await.unwrap();
    let expected = naive(&made, "m1");
    assert!(expected.1 > 0 && expected.1 < expected.0, "{expected:?}");

    let wire = Wire::new().await;
    wire.lead_to(app.environment());
    let mut environment = app.environment().clone();
    environment.extend(wire.environment());
    let counts = Counts::new(&Aws::local(&environment).await, &environment["AUTH_TABLE"]);
    let without_faults = app.stack_to_work_on().await.counts();
    let batches: Vec<Vec<AuditRow>> =
        made.chunks(requests / 40).map(|rows| rows.iter().map(|made| made.row.clone()).collect()).collect();
    let mut numbers = Numbers(7);
    let is_lost = |number: usize| number % 10 == 9;
    let mut failed = 0;
    for (number, batch) in batches.iter().enumerate().filter(|(number, _)| !is_lost(*number)) {
        let operation = ["PutItem", "UpdateItem", "BatchGetItem"][numbers.below(3)];
        let fault = [Fault::Throttled, Fault::Dropped, Fault::AnswerLost][numbers.below(3)];
        wire.fail_times(operation, fault, 1 + numbers.below(7));
        while counts.add(batch).await.is_err() {
            failed += 1;
        }
        wire.mend();
        let earlier = numbers.below(number + 1);
        if !is_lost(earlier) {
            without_faults.add(&batches[earlier]).await.unwrap();
        }
    }
    assert!(failed > 0, "some batches failed and came again");

    let told = report(&app, &["--verify"]).await;
    assert_eq!(figures(&told), expected, "the audit itself is counted");
    let counting = made.iter().filter(|made| made.counts && made.moment.starts_with("2030-")).count();
    assert_eq!(told["verified"]["rows"], json!(counting));
    let differences = told["verified"]["differences"].as_array().unwrap();
    assert!(!differences.is_empty(), "batches were lost");
    // The lost records are counted now.
    let told = report(&app, &[]).await;
    assert_eq!(figures(&told), expected);
    let told = report(&app, &["--verify"]).await;
    assert_eq!((figures(&told), &told["verified"]["differences"]), (expected, &json!([])));
    app.finish().await;
}
