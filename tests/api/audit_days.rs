//! The audit cannot be edited: its archive, its closed days, and what `audit verify` and `audit show` make of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use patient_access::audit::operator;
use serde_json::{Value as Json, json};
use shared::audit::closing::Closer;
use shared::clock::{self, Clock, Time};
use shared::config::from_lookup;
use shared::store::Aws;
use tests::App;

/// A row as DynamoDB has it.
type Row = HashMap<String, AttributeValue>;

const DAYS: [&str; 4] = ["2030-03-01", "2030-03-02", "2030-03-03", "2030-03-04"];

fn row(day: &str, request: usize, outcome: &str) -> Row {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Row::from([
        ("pk".to_owned(), text("Patient/alice")),
        ("sk".to_owned(), text(&format!("{day}T10:00:00.000Z#r{request}"))),
        ("action".to_owned(), text("read")),
        ("outcome".to_owned(), text(outcome)),
        ("client".to_owned(), text("app")),
        ("query".to_owned(), text("/fhir/Patient/alice")),
        ("ids".to_owned(), text("Patient/alice")),
        ("given".to_owned(), AttributeValue::N("1".to_owned())),
    ])
}

async fn put(app: &App, row: Row) {
    let client = tests::dynamodb(app.environment());
    client.put_item().table_name(&app.environment()["AUDIT_TABLE"]).set_item(Some(row)).send().await.unwrap();
}

async fn remove(app: &App, row: &Row) {
    let client = tests::dynamodb(app.environment());
    let request = client.delete_item().table_name(&app.environment()["AUDIT_TABLE"]);
    request.key("pk", row["pk"].clone()).key("sk", row["sk"].clone()).send().await.unwrap();
}

async fn rows(app: &App) -> Vec<Row> {
    let client = tests::dynamodb(app.environment());
    client.scan().table_name(&app.environment()["AUDIT_TABLE"]).send().await.unwrap().items().to_vec()
}

/// Runs the function that closes days, in this process, at the moment of `clock`.
async fn close(app: &App, now: Time) -> Vec<String> {
    let environment = app.environment();
    let settings = from_lookup(|name| environment.get(name).cloned()).unwrap();
    Closer::new(&Aws::local(environment).await, settings, Clock::fixed(now)).run().await.unwrap()
}

/// The state of each day, and its rows at fault.
async fn verified(app: &App) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let told = app.operate(&["audit", "verify", "--from", DAYS[0], "--to", "2030-12-31", "--json"]).await.unwrap();
    let told: Json = serde_json::from_str(&told).unwrap();
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let fault = |row: &Json| format!("{} {} {}", text(&row["fault"]), text(&row["kept_in"]), text(&row["row"]));
    let days = told["days"].as_array().unwrap().iter().map(|day| {
        let faults = day["rows_at_fault"].as_array().unwrap().iter().map(fault).collect();
        (text(&day["day"]), (text(&day["state"]), faults))
    });
    let days: BTreeMap<String, (String, BTreeSet<String>)> = days.collect();
    let is_good = days.values().all(|(state, _)| ["good", "open"].contains(&state.as_str()));
    assert_eq!(told["good"], is_good);
    days
}

/// The days that are not good, and what is wrong with them.
async fn faults(app: &App) -> Vec<(String, String, Vec<String>)> {
    let days = verified(app).await.into_iter().filter(|(_, (state, faults))| state != "good" || !faults.is_empty());
    days.map(|(day, (state, faults))| (day, state, faults.into_iter().collect())).collect()
}

fn expected(faults: &[(&str, &str, &[String])]) -> Vec<(String, String, Vec<String>)> {
    faults.iter().map(|(day, state, rows)| ((*day).to_owned(), (*state).to_owned(), rows.to_vec())).collect()
}

/// The name of a row as `audit verify` tells it.
fn name(day: &str, request: usize) -> String {
    format!("Patient/alice {day}T10:00:00.000Z#r{request}")
}

/// Four closed days: eight rows, three, none, two.
async fn closed() -> App {
    let app = App::empty().await;
    for (day, count) in DAYS.iter().zip([8, 3, 0, 2]) {
        for request in 0..count {
            put(&app, row(day, request, "ok")).await;
        }
    }
    for _ in 0..2 {
        app.hand_over("archive").await;
    }
    let before = clock::midnight("2030-03-06").unwrap();
    assert_eq!(close(&app, before).await, DAYS[..3], "the fourth is over only a day and an hour after its end");
    assert_eq!(close(&app, before.plus_seconds(3_600)).await, DAYS[3..]);
    assert!(faults(&app).await.is_empty(), "{:?}", verified(&app).await);
    app
}

/// T206
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_changed_removed_added_or_moved_in_the_table_is_named() {
    let app = closed().await;
    let [first, second, ..] = DAYS;
    for row in rows(&app).await {
        assert!(row.contains_key("ttl"), "a closed day's row has an end");
    }
    let original = rows(&app).await.into_iter().find(|row| row["sk"].as_s().unwrap().ends_with("r3")).unwrap();

    put(&app, row(first, 3, "forbidden")).await;
    assert_eq!(faults(&app).await, expected(&[(first, "changed", &[format!("changed table {}", name(first, 3))])]));
    put(&app, original.clone()).await;
    assert!(faults(&app).await.is_empty());

    put(&app, row(first, 99, "ok")).await;
    assert_eq!(faults(&app).await, expected(&[(first, "added", &[format!("added table {}", name(first, 99))])]));
    remove(&app, &row(first, 99, "ok")).await;

    // Before the rows of a day may leave, one that is gone is missing.
    for day in DAYS {
        app.set_archived(&format!("days/{day}.leaving"), None).await;
    }
    remove(&app, &original).await;
    assert_eq!(faults(&app).await, expected(&[(first, "missing", &[format!("missing table {}", name(first, 3))])]));
    put(&app, row(second, 3, "ok")).await;
    assert_eq!(
        faults(&app).await,
        expected(&[
            (first, "missing", &[format!("missing table {}", name(first, 3))]),
            (second, "added", &[format!("added table {}", name(second, 3))])
        ])
    );
    app.finish().await;
}

/// T206
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_changed_removed_added_or_moved_in_the_archive_is_named() {
    let app = closed().await;
    let [first, second, ..] = DAYS;
    let [(key, content)] = &app.archived(&format!("rows/{first}/")).await[..] else { panic!("one object a batch") };
    let line = content.lines().find(|line| line.contains("#r3")).unwrap().to_owned() + "\n";

    let changed = content.replace(&line, &line.replace("\"ok\"", "\"no\""));
    app.set_archived(key, Some(&changed)).await;
    assert_eq!(faults(&app).await, expected(&[(first, "changed", &[format!("changed archive {}", name(first, 3))])]));

    app.set_archived(key, Some(&content.replace(&line, ""))).await;
    let missing = [format!("missing archive {}", name(first, 3))];
    assert_eq!(faults(&app).await, expected(&[(first, "missing", &missing)]));
    // Moved to another day: there it is one too many, whatever its object is called.
    app.set_archived(&format!("rows/{second}/moved.ndjson"), Some(&line)).await;
    let added = [format!("added archive {}", name(first, 3))];
    assert_eq!(faults(&app).await, expected(&[(first, "missing", &missing), (second, "changed", &added)]));
    app.set_archived(&format!("rows/{second}/moved.ndjson"), None).await;

    app.set_archived(key, Some(content)).await;
    assert!(faults(&app).await.is_empty());
    app.set_archived(&format!("rows/{first}/more.ndjson"), Some(&line.replace("#r3", "#r99"))).await;
    let added = [format!("added archive {}", name(first, 99))];
    assert_eq!(faults(&app).await, expected(&[(first, "changed", &added)]));
    app.set_archived(&format!("rows/{first}/more.ndjson"), None).await;

    app.set_archived(key, None).await;
    let all: Vec<String> = (0..8).map(|request| format!("missing archive {}", name(first, request))).collect();
    assert_eq!(faults(&app).await, expected(&[(first, "missing", &all)]));
    app.finish().await;
}

/// T207
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_is_not_as_it_was_signed_is_called_unsigned() {
    let app = closed().await;
    let days: BTreeMap<String, String> = app.archived("days/").await.into_iter().collect();
    let closing = |day: &str| format!("days/{day}.json");
    let [first, second, third, fourth] = DAYS;
    let states = async || -> Vec<(String, String)> {
        faults(&app).await.into_iter().map(|(day, state, _)| (day, state)).collect()
    };
    let unsigned = |days: &[&str]| -> Vec<(String, String)> {
        days.iter().map(|day| ((*day).to_owned(), "unsigned".to_owned())).collect()
    };
    // A count or a moment that was not signed.
    app.set_archived(&closing(first), Some(&days[&closing(first)].replace("\"rows\":8", "\"rows\":7"))).await;
    assert_eq!(states().await, unsigned(&[first, second]), "the next day names another closing");
    // The closing of another day.
    app.set_archived(&closing(first), Some(&days[&closing(first)])).await;
    app.set_archived(&closing(second), Some(&days[&closing(fourth)])).await;
    assert_eq!(states().await, unsigned(&[second, third]));
    // None at all, and the first one gone.
    app.set_archived(&closing(second), None).await;
    assert_eq!(states().await, unsigned(&[second]));
    app.set_archived(&closing(second), Some(&days[&closing(second)])).await;
    app.set_archived(&closing(first), None).await;
    assert_eq!(states().await, unsigned(&[first, second]), "a chain begins with a day that names none before it");
    app.set_archived(&closing(first), Some(&days[&closing(first)])).await;
    // One that does not read, of the last day.
    app.set_archived(&closing(fourth), Some("{")).await;
    assert_eq!(states().await, unsigned(&[fourth]));
    app.set_archived(&closing(fourth), Some(&days[&closing(fourth)])).await;
    // A manifest that leaves a row out.
    let manifest = format!("days/{fourth}.rows");
    let (_, shorter) = days[&manifest].split_once('\n').unwrap();
    app.set_archived(&manifest, Some(shorter)).await;
    assert_eq!(states().await, unsigned(&[fourth]));
    app.set_archived(&manifest, Some(&days[&manifest])).await;
    assert!(faults(&app).await.is_empty());
    app.finish().await;
}

/// T208
#[tokio::test(flavor = "multi_thread")]
async fn a_day_whose_rows_differ_is_not_closed_rings_and_keeps_its_rows() {
    let app = App::empty().await;
    let day = Clock::System.now().plus_seconds(-4 * 86_400).to_string()[..10].to_owned();
    for request in 0..3 {
        put(&app, row(&day, request, "ok")).await;
    }
    app.hand_over("archive").await;
    put(&app, row(&day, 1, "forbidden")).await;
    assert_eq!(app.invoke("close", &json!({})).await, json!([]));
    let lines: Vec<String> = app.logs().into_iter().filter(|line| line.contains("audit-day")).collect();
    assert!(lines.len() == 1 && lines[0].contains(&day), "{lines:?}");
    assert!(rows(&app).await.iter().all(|row| !row.contains_key("ttl")));
    put(&app, row(&day, 1, "ok")).await;
    let closed = app.invoke("close", &json!({})).await;
    assert_eq!(closed[0], json!(day), "{closed}");
    assert!(rows(&app).await.iter().all(|row| row.contains_key("ttl")));
    assert_eq!(app.invoke("close", &json!({})).await, json!([]), "a closed day stays closed");
    app.finish().await;
}

/// T209
#[tokio::test(flavor = "multi_thread")]
async fn every_record_reaches_the_archive_by_the_stream_as_it_stands_in_the_table() {
    let app = App::with_streams().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    app.fhir(&tokens, "Patient/alice").await;
    app.fhir(&tokens, "ExplanationOfBenefit?_include=ExplanationOfBenefit:provider").await;
    let plain = |row: &Row| -> BTreeMap<String, String> {
        row.iter().map(|(name, value)| (name.clone(), value.as_s().or(value.as_n()).unwrap().clone())).collect()
    };
    let expected: BTreeSet<BTreeMap<String, String>> = rows(&app).await.iter().map(plain).collect();
    let mut archived = BTreeSet::new();
    for _ in 0..400 {
        let objects = app.archived("rows/").await;
        let lines = objects.iter().flat_map(|(_, content)| content.lines());
        archived = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        if archived == expected {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(archived, expected);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_left_the_table_is_still_shown_and_counted() {
    let app = closed().await;
    let first = DAYS[0];
    for request in [0, 1, 2] {
        remove(&app, &row(first, request, "ok")).await;
    }
    assert!(faults(&app).await.is_empty(), "rows of a closed day may leave");
    let show = async |more: &[&str]| -> Json {
        let arguments = [&["audit", "show", "--json"], more].concat();
        serde_json::from_str(&app.operate(&arguments).await.unwrap()).unwrap()
    };
    let day = ["--from", first, "--to", first];
    let told = show(&[&["--patient", "alice"], &day[..]].concat()).await;
    let kept: Vec<&str> = told["rows"].as_array().unwrap().iter().map(|row| row["kept_in"].as_str().unwrap()).collect();
    assert_eq!(kept, [&["archive"; 3][..], &["table"; 5]].concat());
    assert_eq!(
        told["rows"][0],
        json!({"time": "2030-03-01T10:00:00.000Z", "request": "r0", "action": "read", "outcome": "ok", "patient": "alice",
            "person": null, "as": null, "app": "app", "grant": null, "query": "/fhir/Patient/alice", "given": "Patient/alice",
            "ip": null, "kept_in": "archive"})
    );
    assert_eq!(show(&[&["--app", "app"], &day[..]].concat()).await["rows"], told["rows"]);
    assert_eq!(show(&["--patient", "bob"]).await, json!({"rows": [], "next": null}));
    // Page by page it is the same.
    let (mut paged, mut next) = (Vec::new(), None::<String>);
    loop {
        let mut more = vec!["--patient", "alice", "--limit", "5"];
        more.extend(next.as_deref().map(|next| ["--after", next]).iter().flatten());
        let page = show(&more).await;
        paged.extend(page["rows"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    assert_eq!(json!(paged), show(&["--patient", "alice"]).await["rows"]);
    assert_eq!(paged.len(), 13);
    let report = app.operate(&["report", "cms", "--year", "2030", "--verify", "--json"]).await.unwrap();
    let report: Json = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["members_more_than_once"], &report["verified"]["rows"]), (&json!(1), &json!(13)));
    for (arguments, words) in [
        (&["audit", "show"][..], "--patient"),
        (&["audit", "show", "--patient", "a", "--from", "yesterday"], "no moment"),
        (&["audit", "show", "--patient", "a", "--after", "x"], "no `next`"),
        (&["audit", "verify", "--to", "2030-02-30"], "no day"),
    ] {
        let wrong = app.operate(arguments).await.unwrap_err().to_string();
        assert!(wrong.contains(words), "{arguments:?}: {wrong}");
    }
    app.finish().await;
}

/// T210 and T218
#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_the_operators_is_recorded_before_it_acts_without_its_password() {
    let app = App::empty().await;
    let stack = app.stack_to_work_on().await;
    let line: Vec<String> =
        "member add --username ann --password hunter22 --patient a".split(' ').map(str::to_owned).collect();
    let act = operator::record(&stack, &line).await.unwrap();
    let records = rows(&app).await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert!(record["pk"].as_s().unwrap().starts_with("operator/"), "{record:?}");
    assert_eq!(record["query"].as_s().unwrap(), "member add --username ann --password (a secret) --patient a");
    act.ended(operator::Ended::Findings).await.unwrap();
    let records = rows(&app).await;
    let of = |name: &str| records.iter().map(|row| row[name].as_s().unwrap().clone()).collect::<BTreeSet<_>>();
    assert_eq!(
        of("outcome"),
        BTreeSet::from(["begun".to_owned(), "findings".to_owned()]),
        "the first record stays as it was"
    );
    assert_eq!((of("pk").len(), of("query").len(), records.len()), (1, 1, 2));
    let requests: BTreeSet<String> = of("sk").iter().map(|key| key.split('#').nth(1).unwrap().to_owned()).collect();
    assert_eq!(requests.len(), 1, "the end has the request id of the beginning");
    // No record, no act.
    app.drop_audit_table().await;
    let refused = operator::record(&stack, &line).await.err().expect("nothing is written").to_string();
    assert!(refused.contains("not carried out"), "{refused}");
    app.finish().await;
}
