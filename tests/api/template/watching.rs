//! Alarms, metric filters and the dashboard; and the lines of the functions that the filters look for.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::access::grant::Grant;
use shared::store::auth::Commit;
use tests::{App, AuthorizeOptions, REDIRECT_URI, Templates, VERIFIER, pattern};

use super::{Resources, functions, of_type};

/// The metrics that must be watched: namespace and name.
const WATCHED: &[(&str, &str)] = &[
    ("AWS/ApiGateway", "5xx"),
    ("AWS/ApiGateway", "IntegrationLatency"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "IteratorAge"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/DynamoDB", "ReadThrottleEvents"),
    ("AWS/DynamoDB", "WriteThrottleEvents"),
    (OURS, "RequestsThrottled"),
    (OURS, "SignInsFailed"),
    (OURS, "Alarms"),
];

/// The namespace of metrics from log lines.
const OURS: &str = "PatientAccess/${AWS::StackName}";

/// The values of the field `alarm` that have an alarm of their own.
const NAMED: [&str; 4] = ["audit", "audit-day", "documents", "token-and-grant"];

/// A metric that an alarm watches or a filter feeds: namespace, name, and the value of the dimension `Alarm`.
type Metric = (String, String, Option<String>);

fn metric(json: &Json) -> Metric {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let dimensions = json["Dimensions"].as_array().into_iter().flatten();
    let mut alarm =
        dimensions.filter(|dimension| dimension["Name"] == "Alarm").map(|dimension| text(&dimension["Value"]));
    (text(&json["Namespace"]), text(&json["MetricName"]), alarm.next())
}

/// The metrics of an alarm: its own one, or those that it adds up.
fn metrics(alarm: &Json) -> Vec<Metric> {
    let parts = alarm["Properties"]["Metrics"].as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| part.get("MetricStat")).map(|part| metric(&part["Metric"]));
    parts.chain(alarm["Properties"].get("MetricName").map(|_| metric(&alarm["Properties"]))).collect()
}

pub(super) fn faults(resources: &Resources) -> Vec<String> {
    let mut faults = alarms(resources);
    faults.extend(filters_fit(resources));
    faults.extend(dashboard(resources));
    faults
}

fn alarms(resources: &Resources) -> Vec<String> {
    let mut faults = Vec::new();
    let mut watched = BTreeSet::new();
    for (id, alarm) in of_type(resources, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        watched.extend(metrics(alarm));
        for (property, fault) in [("AlarmActions", "tells nobody"), ("AlarmDescription", "does not say what it means")]
        {
            if properties[property].is_null() {
                faults.push(format!("{id} {fault}"));
            }
        }
        if properties["TreatMissingData"] != "notBreaching" {
            faults.push(format!("{id} rings when nothing happens"));
        }
    }
    for (namespace, name) in WATCHED {
        if !watched.iter().any(|(space, metric, _)| (space.as_str(), metric.as_str()) == (namespace, name)) {
            faults.push(format!("nothing watches {namespace} {name}"));
        }
    }
    for named in NAMED {
        if !watched.iter().any(|(.., alarm)| alarm.as_deref() == Some(named)) {
            faults.push(format!("nothing watches lines with alarm {named:?}"));
        }
    }
    let deadline =
        functions(resources).filter_map(|(_, function)| function["Timeout"].as_u64()).min().unwrap_or(0) * 1000;
    let rings = resources.get("NearDeadline").and_then(|alarm| alarm["Properties"]["Threshold"].as_u64());
    if rings.is_none_or(|rings| rings >= deadline) {
        faults.push("NearDeadline rings after the deadline".to_owned());
    }
    faults
}

/// A metric filter: its id, and its properties.
fn filters(resources: &Resources) -> impl Iterator<Item = (&String, &Json)> {
    of_type(resources, "AWS::Logs::MetricFilter").map(|(id, filter)| (id, &filter["Properties"]))
}

/// The logical id of the log group of that name.
fn group<'a>(resources: &'a Resources, name: &Json) -> Option<&'a str> {
    let mut groups = of_type(resources, "AWS::Logs::LogGroup");
    groups.find(|(id, group)| group["Properties"]["LogGroupName"] == *name || name == *id).map(|(id, _)| id.as_str())
}

fn filters_fit(resources: &Resources) -> Vec<String> {
    let mut faults = Vec::new();
    let alarms: BTreeSet<Metric> =
        of_type(resources, "AWS::CloudWatch::Alarm").flat_map(|(_, alarm)| metrics(alarm)).collect();
    let mut fed = BTreeSet::new();
    let mut counted = BTreeSet::new();
    let waits = super::texts(&resources["Alarms"]["DependsOn"]);
    for (id, filter) in filters(resources) {
        let Some(group) = group(resources, &filter["LogGroupName"]) else {
            faults.push(format!("{id} reads {}, which no log group is called", filter["LogGroupName"]));
            continue;
        };
        let transformation = &filter["MetricTransformations"][0];
        let text = |name: &str| transformation[name].as_str().unwrap_or_default().to_owned();
        let metric = (text("MetricNamespace"), text("MetricName"));
        if !alarms.iter().any(|(namespace, name, _)| (namespace, name) == (&metric.0, &metric.1)) {
            faults.push(format!("{id} feeds no alarm"));
        }
        fed.insert(metric);
        if transformation["Dimensions"][0]["Value"] == "$.fields.alarm" {
            counted.insert(group);
        }
        if group == "AccessLogs" {
            let format = resources["Api"]["Properties"]["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
            for (field, _) in pattern::terms(filter["FilterPattern"].as_str().unwrap_or_default()) {
                let field = field.trim_start_matches('.');
                // The filter reads a text, because the format puts quotes around every variable.
                if !format.contains(&format!("\"{field}\":\"$context.{field}\"")) {
                    faults.push(format!("{id} looks for {field}, which the access log does not have"));
                }
            }
        } else if !waits.contains(&group) {
            faults.push(format!("Alarms does not wait for {group}"));
        }
    }
    for (namespace, name, _) in alarms.iter().filter(|(namespace, ..)| namespace == OURS) {
        if !fed.contains(&(namespace.clone(), name.clone())) {
            faults.push(format!("no filter feeds {name}"));
        }
    }
    for (id, function) in functions(resources) {
        let variables = &function["Environment"]["Variables"];
        let may_ring = !variables["AUDIT_TABLE"].is_null() || !variables["AUTH_TABLE"].is_null();
        if may_ring && !function["LoggingConfig"]["LogGroup"].as_str().is_some_and(|group| counted.contains(group)) {
            faults.push(format!("{id}'s alarms are not counted"));
        }
    }
    faults
}

fn dashboard(resources: &Resources) -> Vec<String> {
    let body = resources["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap_or_default();
    let Ok(body) = serde_json::from_str::<Json>(body) else { return vec!["the dashboard is no JSON".to_owned()] };
    let widgets = body["widgets"].as_array().cloned().unwrap_or_default();
    let shown = super::texts(&widgets.iter().map(|widget| widget["properties"]["alarms"].clone()).collect()).join(" ");
    let alarms = of_type(resources, "AWS::CloudWatch::Alarm").map(|(id, _)| id);
    let missing = alarms.filter(|id| !shown.contains(&format!("{id}.Arn")));
    missing.map(|id| format!("the dashboard does not show {id}")).collect()
}

/// The number of log lines that each metric filter of the functions' logs matches, by the filter's id.
fn matched(resources: &Resources, app: &App) -> Vec<(String, usize)> {
    let logs = app.logs_by_function();
    let of_group = |name: &Json| {
        let group = group(resources, name)?;
        functions(resources).find(|(_, function)| function["LoggingConfig"]["LogGroup"] == group).map(|(id, _)| id)
    };
    let count = |(id, filter): (&String, &Json)| {
        let function = of_group(&filter["LogGroupName"])?;
        let pattern = filter["FilterPattern"].as_str()?;
        let lines = logs.iter().filter(|(name, line)| name == function && pattern::matches(pattern, line));
        Some((id.clone(), lines.count()))
    };
    filters(resources).filter_map(count).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_filter_finds_the_line_it_looks_for_when_the_thing_happens_and_not_before() {
    let resources = Templates::read().resources();
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let paths = ["Patient/alice", "Observation", "Patient/alice/$everything"];
    for path in paths {
        app.fhir(&tokens, path).await;
    }
    app.answered("GET /fhir/Patient/{id}/{operation}", 200, 1).await;
    assert!(matched(&resources, &app).iter().all(|(_, count)| *count == 0), "nothing has happened yet");

    // One more than twice the limit, so that one of two quarters of an hour has more than the limit if the tries fall
    // between them.
    let options = AuthorizeOptions::new(&app, "carol", "patient/*.rs");
    let browser = app.browse(&options).await.unwrap();
    for _ in 0..21 {
        app.log_in(&browser, "carol", "a wrong password").await;
    }
    let code = app.authorize(&AuthorizeOptions::new(&app, "bob", "patient/*.rs")).await.redirected("code").unwrap();
    set_grants_patient(&app, &tokens.access, "bob").await;
    for path in paths {
        assert_eq!(app.fhir_unguarded(&tokens, path).await.status, http::StatusCode::UNAUTHORIZED);
    }
    set_grants_patient(&app, &tokens.access, "alice").await;

    let large = "x".repeat(100_000);
    let report =
        json!({"resourceType": "Binary", "id": "gone", "contentType": "text/plain", "data": STANDARD.encode(large)});
    let names = json!({"resourceType": "DocumentReference", "id": "gone", "status": "current",
        "subject": {"reference": "Patient/alice"}, "content": [{"attachment": {"url": "Binary/gone"}}]});
    assert!(app.load(Source::Memory(vec![report, names])).await.is_clean());
    app.spoil(&app.objects().await[0], None).await;
    assert_eq!(app.fhir_unguarded(&tokens, "Binary/gone").await.status, http::StatusCode::INTERNAL_SERVER_ERROR);

    app.drop_audit_table().await;
    for path in paths {
        assert!(app.fhir_unguarded(&tokens, path).await.status.is_server_error());
    }
    let (request, csrf) = (browser.page.field("request"), browser.page.field("csrf"));
    let form = [("request", request.as_str()), ("csrf", &csrf), ("username", "bob"), ("password", "a wrong password")];
    assert!(app.post_unguarded("/login", &form, browser.cookies.headers()).await.status.is_server_error());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "app"),
        ("code_verifier", VERIFIER),
    ];
    assert!(app.post_unguarded("/oauth2/token", &form, HeaderMap::new()).await.status.is_server_error());
    // A function's lines come in order, so all earlier lines are there once the last answer's line is.
    for (route, status) in
        [("POST /login", 500), ("POST /oauth2/token", 500), ("GET /fhir/Patient/{id}/{operation}", 500)]
    {
        app.answered(route, status, 1).await;
    }

    let matched = matched(&resources, &app);
    let count = |filter: &str| matched.iter().find(|(id, _)| id == filter).map_or(0, |(_, count)| *count);
    assert_eq!(count("WrongPasswordFilter") + count("LockedOutFilter"), 21, "{matched:?}");
    assert!(count("LockedOutFilter") > 0, "{matched:?}");
    // The filter of its function counts each line with an alarm, and an alarm watches that count.
    let mut rung = BTreeMap::<(String, String), usize>::new();
    for (function, line) in app.logs_by_function() {
        let line = serde_json::from_str::<Json>(&line).unwrap_or_default();
        if let Some(alarm) = line["fields"]["alarm"].as_str() {
            *rung.entry((function.replace("Function", "Alarms"), alarm.to_owned())).or_default() += 1;
        }
    }
    for (filter, alarms) in [
        ("ReadAlarms", &["audit", "documents", "token-and-grant"][..]),
        ("SearchAlarms", &["audit", "token-and-grant"]),
        ("EverythingAlarms", &["audit", "token-and-grant"]),
        ("AuthorizeAlarms", &["audit"]),
        ("TokenAlarms", &["audit"]),
    ] {
        let lines: BTreeMap<&str, usize> = rung
            .iter()
            .filter(|((of, _), _)| of == filter)
            .map(|((_, alarm), lines)| (alarm.as_str(), *lines))
            .collect();
        assert!(lines.keys().eq(alarms), "{filter}: {lines:?}");
        assert_eq!(count(filter), lines.values().sum::<usize>(), "{filter}: {matched:?}");
    }
    app.finish().await;
}

/// Changes whose record a token's grant opens, which nobody ever should.
async fn set_grants_patient(app: &App, token: &str, patient: &str) {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Json = serde_json::from_slice(&claims).unwrap();
    let auth = app.stack_to_work_on().await.auth();
    let grant = auth.get::<Grant>(claims["grant"].as_str().unwrap()).await.unwrap().unwrap();
    let changed = Grant { patient: patient.to_owned(), ..grant.record.clone() };
    auth.commit(Commit::default().replace(&grant, &changed)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_for_fields_that_the_log_has() {
    let resources = Templates::read().resources();
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    app.fhir(&tokens, "Patient/alice").await;
    let line = app.answered("GET /fhir/{type}/{id}", 200, 1).await.remove(0);
    let body = resources["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    let fields: BTreeSet<&str> = body
        .split("fields.")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next())
        .collect();
    assert!(fields.contains("read_units") && fields.contains("status"), "{fields:?}");
    for field in fields {
        assert!(!line[field].is_null(), "no line has {field}: {line}");
    }
    app.finish().await;
}
