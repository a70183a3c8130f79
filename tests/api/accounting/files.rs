//! Files and lines.

use std::io::Write;

use patient_access::load::{Settings, Source, Tally, Totals, UNREADABLE, load_with};
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::App;

use super::{EVERYTHING, balances, findings, load, observation, reasons, rejections, write};

fn packed(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_are_read_also_concatenated_and_a_damaged_one_is_refused_whole() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let line = |id: &str| format!("{}\n", observation(id, "alice"));
    let two = [packed(&line("z1")), packed(&line("z2"))].concat();
    write(folder.path(), "labs.ndjson.gz", two);
    write(folder.path(), "one.json.gz", packed(&observation("z3", "alice").to_string()));
    write(folder.path(), "part-00000", line("z4"));
    write(folder.path(), "part-00001.gz", packed(&line("z5")));
    let many: String = (0..500).map(|number| line(&format!("cut-{number}"))).collect();
    let many = packed(&many);
    write(folder.path(), "cut.ndjson.gz", &many[..many.len() - 20]);
    let mut wrong = packed(&line("wrong"));
    let checksum = wrong.len() - 6;
    wrong[checksum] ^= 1;
    write(folder.path(), "wrong.ndjson.gz", wrong);
    let report = load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(report.types["Observation"], Tally { read: 5, stored: 5, ..Tally::default() }, "{report}");
    assert_eq!(reasons(&report), [("encoding", 2)]);
    let told: Vec<String> = rejections(&report).iter().map(|line| line["reason"].to_string()).collect();
    assert!(told.iter().any(|reason| reason.contains("it is cut off")), "{told:?}");
    let file = |name: &str| report.files.iter().find(|file| file.path.ends_with(name)).unwrap();
    assert_eq!((file("labs.ndjson.gz").format.as_str(), file("labs.ndjson.gz").lines), ("ndjson+gzip", 2));
    assert_eq!((file("cut.ndjson.gz").format.as_str(), file("cut.ndjson.gz").rejected), ("unreadable", 1));
    assert_eq!(report.exit_code(), 3);
    app.finish().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_read_is_named_with_the_reason() {
    use std::os::unix::fs::symlink;
    let app = App::empty().await;
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = folder.path();
    write(root, "a.ndjson", observation("a", "alice").to_string());
    write(root, ".hidden.ndjson", observation("h", "alice").to_string());
    write(root, "README.txt", "for people");
    let outside = write(elsewhere.path(), "b.ndjson", observation("b", "bob").to_string());
    symlink(&outside, root.join("out.ndjson")).unwrap();
    symlink(elsewhere.path(), root.join("outside")).unwrap();
    symlink(root.join("gone"), root.join("dead.ndjson")).unwrap();
    symlink(root, root.join("round")).unwrap();
    symlink(root.join("a.ndjson"), root.join("again.ndjson")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe.ndjson")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket.ndjson")).unwrap();
    let report = load(&app, &[root.to_owned()]).await;
    assert_eq!(report.total().read, 1, "{report}");
    let why = |name: &str| {
        let file = report.left_out.iter().find(|file| file.path.ends_with(name)).unwrap_or_else(|| panic!("{name}"));
        file.why.clone()
    };
    for (name, words) in [
        (".hidden.ndjson", "begins with a dot"),
        ("README.txt", "neither its name"),
        ("out.ndjson", "out of the folder"),
        ("outside", "out of the folder"),
        ("dead.ndjson", "leads nowhere"),
        ("round", "already"),
        ("again.ndjson", "already"),
        ("pipe.ndjson", "a pipe"),
        ("socket.ndjson", "a socket"),
    ] {
        assert!(why(name).contains(words), "{name}: {}", why(name));
    }
    assert_eq!((report.left_out.len(), report.exit_code()), (9, 3));
    let pipe = Source::of_paths(&[root.join("pipe.ndjson")]).err().unwrap().to_string();
    assert!(pipe.contains("is a pipe") && pipe.contains("write it to a file first"), "{pipe}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_names_neither_a_dot_file_nor_rejections_under_any_name() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let other = json!({"place": "x", "code": "no-owner", "reason": "r", "resource": observation("o", "bob")});
    for (name, text) in [
        (".env", "SECRET"),
        (".git/config", "x"),
        ("rejects.txt", &*other.to_string()),
        ("scan.txt", "a letter"),
        ("unused.txt", "nobody's"),
    ] {
        write(folder.path(), name, text);
    }
    let letter = |id: usize, url: &str| {
        json!({"resourceType": "DocumentReference", "id": format!("d{id}"), "status": "current",
            "subject": {"reference": "Patient/alice"},
            "content": [{"attachment": {"contentType": "text/plain", "url": url}}]})
    };
    let urls = [".env", ".git/config", "rejects.txt", "scan.txt"];
    let lines: Vec<String> = urls.iter().enumerate().map(|(id, url)| letter(id, url).to_string()).collect();
    write(folder.path(), "feed.ndjson", lines.join("\n"));
    let report = load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(reasons(&report), [("attachment-outside", 3)], "{report}");
    assert_eq!(report.documents, 1);
    let left_out: Vec<_> = report.left_out.iter().filter_map(|file| file.path.file_name()?.to_str()).collect();
    assert_eq!(left_out, [".env", ".git", "rejects.txt", "unused.txt"], "scan.txt is a document");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_utf_8_is_named_as_what_it_is() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let good = observation("good", "alice").to_string();
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    write(
        folder.path(),
        "mixed.ndjson",
        [good.as_bytes(), b"\n{\"resourceType\":\"Patient\",\"id\":\"\xe9\"}\n"].concat(),
    );
    write(folder.path(), "marked.ndjson", [&b"\xff\xfe"[..], &wide].concat());
    write(folder.path(), "wide.json", wide);
    write(folder.path(), "archive.json", b"PK\x03\x04rest");
    write(folder.path(), "page.json", "<Patient xmlns=\"http://hl7.org/fhir\"/>");
    let report = load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(report.types["Observation"].stored, 1, "{report}");
    assert_eq!(reasons(&report), [("encoding", 5)]);
    let told = rejections(&report);
    for (name, words) in [
        ("mixed.ndjson line 2", "Latin-1"),
        ("marked.ndjson", "UTF-16"),
        ("wide.json", "UTF-16"),
        ("archive.json", "ZIP"),
        ("page.json", "XML"),
    ] {
        let line = told.iter().find(|line| line["place"].as_str().unwrap().ends_with(name)).unwrap();
        assert!(line["reason"].as_str().unwrap().contains(words), "{line}");
    }
    app.finish().await;
}

/// R4, "JSON": property names are unique; RFC 8259 §4.
#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_stands_twice_refuses_its_resource_and_no_other() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let twice = |id: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","subject":{{"reference":"Patient/alice","reference":"Patient/bob"}}}}"#
        )
    };
    write(folder.path(), "lines.ndjson", format!("{}\n{}\n", twice("t1"), observation("o1", "alice")));
    let entries = format!(r#"[{{"resource":{}}},{{"resource":{}}}]"#, observation("o2", "alice"), twice("t2"));
    write(
        folder.path(),
        "bundle.json",
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":{entries}}}"#),
    );
    write(folder.path(), "wrapped.json", format!(r#"{{"body":[{},{}]}}"#, twice("t3"), observation("o3", "alice")));
    let report = load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(report.types["Observation"], Tally { read: 6, stored: 3, rejected: 3, ..Tally::default() }, "{report}");
    assert_eq!(reasons(&report), [("duplicate-property", 3)]);
    for line in rejections(&report) {
        assert!(line["reason"].as_str().unwrap().contains("`subject.reference`"), "{line}");
    }
    app.finish().await;
}

/// R4, "JSON": "objects and arrays are never empty, properties never null, strings never empty".
#[tokio::test(flavor = "multi_thread")]
async fn empty_values_are_dropped_and_counted() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let sent = json!({"resourceType": "Patient", "id": "alice", "name": [{"family": null, "given": ["Al"]}], "gender": "",
        "identifier": [], "telecom": [{}], "birthDate": null, "text": {}});
    let report = app.load(Source::Memory(vec![sent, observation("o", "alice")])).await;
    balances(&report);
    assert_eq!(report.mended.iter().collect::<Vec<_>>(), [(&"empty", &1)]);
    assert_eq!(report.exit_code(), 0);
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let mut kept = app.fhir(&tokens, "Patient/alice").await.json();
    kept.as_object_mut().unwrap().remove("meta");
    assert_eq!(kept, json!({"resourceType": "Patient", "id": "alice", "name": [{"given": ["Al"]}]}));
    app.finish().await;
}

/// R4, "Search": the tag is there so that the part does not overwrite the whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_resource_replaces_nothing() {
    let app = App::empty().await;
    let whole = observation("whole", "alice");
    let mut part = whole.clone();
    part["meta"] =
        json!({"tag": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]});
    part.as_object_mut().unwrap().remove("code");
    let report = app.load(Source::Memory(vec![whole.clone(), part])).await;
    assert_eq!(reasons(&report), [("subsetted", 1)], "{report}");
    let again = app.load(Source::Memory(vec![whole])).await;
    assert_eq!(again.total().unchanged, 1, "the whole stayed: {again}");
    app.finish().await;
}

/// A member's receipts are the journal by which apps ask for news.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_back_is_unchanged_and_any_other_is_refused() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let patient = json!({"resourceType": "Patient", "id": "alice"});
    app.load(Source::Memory(vec![patient, observation("o", "alice")])).await;
    let tokens = app.sign_in("alice", EVERYTHING).await;
    let export = app.fhir(&tokens, "Patient/alice/$everything").await.json();
    let report = app.load(Source::Memory(vec![export.clone()])).await;
    balances(&report);
    assert_eq!((report.total().stored, report.exit_code()), (0, 0), "an export changes nothing: {report}");
    let entries = export["entry"].as_array().unwrap();
    let receipt = entries.iter().find(|entry| entry["resource"]["resourceType"] == "Provenance").unwrap();
    let mut forged = receipt["resource"].clone();
    forged["target"] = json!([{"reference": "Patient/alice"}]);
    let url = format!("Provenance/{}", forged["id"].as_str().unwrap());
    let deletion =
        json!({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "DELETE", "url": url}}]});
    let mut new = forged.clone();
    new["id"] = json!("received-0");
    let report = app.load(Source::Memory(vec![forged, deletion, new])).await;
    balances(&report);
    assert_eq!(reasons(&report), [("reserved-id", 3)], "{report}");
    let news = app.fhir(&tokens, &format!("{url}?_format=json")).await.json();
    assert_eq!(
        news["target"].as_array().unwrap().len(),
        3,
        "it names the Patient, the Observation and its author as before"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_no_list_counts_its_entries_and_keeps_them() {
    let app = App::empty().await;
    let entries =
        json!([{"resource": {"resourceType": "Composition", "id": "c"}}, {"resource": observation("o", "alice")}]);
    let message = json!({"resourceType": "Bundle", "type": "document", "entry": entries});
    let report = app.load(Source::Memory(vec![message])).await;
    balances(&report);
    let refused = Tally { read: 1, rejected: 1, ..Tally::default() };
    assert_eq!((&report.types["Composition"], &report.types["Observation"]), (&refused, &refused), "{report}");
    let kept: Vec<Json> = rejections(&report).iter().map(|line| line["resource"]["id"].clone()).collect();
    assert_eq!(kept, ["c", "o"]);
    app.finish().await;
}

/// R4, "history": the newest version comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_the_incremental_feed_that_it_is() {
    let app = App::empty().await;
    app.add_member("alice", "alice").await;
    let version = |text: &str| {
        let mut resource = observation("v", "alice");
        resource["note"] = json!([{"text": text}]);
        json!({"fullUrl": "https://src.example/fhir/Observation/v", "resource": resource, "request": {"method": "PUT", "url": "Observation/v"}})
    };
    let gone = json!({"request": {"method": "DELETE", "url": "Observation/w"}, "response": {"status": "204", "lastModified": "2026-03-01T00:00:00Z"}});
    let before = json!({"resource": observation("w", "alice"), "request": {"method": "PUT", "url": "Observation/w"}});
    let history =
        json!({"resourceType": "Bundle", "type": "history", "entry": [version("new"), gone, before, version("old")]});
    app.load(Source::Memory(vec![observation("w", "alice")])).await;
    let report = app.load(Source::Memory(vec![history])).await;
    balances(&report);
    assert_eq!(
        report.types["Observation"],
        Tally { read: 4, stored: 1, deleted: 1, superseded: 2, ..Tally::default() },
        "{report}"
    );
    let tokens = app.sign_in("alice", EVERYTHING).await;
    assert_eq!(app.fhir(&tokens, "Observation/v").await.json()["note"][0]["text"], "new");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_members_app_gets_is_ignored_and_counted() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let lines =
        ["Group", "List", "OperationOutcome", "Task"].map(|kind| json!({"resourceType": kind, "id": "x"}).to_string());
    write(folder.path(), "by-the-way.ndjson", lines.join("\n"));
    let manifest = json!({"transactionTime": "2026-01-01T00:00:00Z", "request": "x", "requiresAccessToken": true, "error": [],
        "output": [{"type": "Group", "url": "https://src.example/1/by-the-way.ndjson", "count": 4}]});
    write(folder.path(), "manifest.json", manifest.to_string());
    let report = load(&app, &[folder.path().to_owned()]).await;
    assert_eq!(report.total(), Tally { read: 5, ignored: 5, ..Tally::default() }, "{report}");
    assert_eq!(report.exit_code(), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_totals_that_do_not_agree_are_told() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "labs.ndjson", observation("o", "alice").to_string());
    let manifest = |count: u64| {
        json!({"transactionTime": "2026-01-01T00:00:00Z", "output": [
            {"type": "Observation", "url": "https://src.example/labs.ndjson?x=1", "count": count},
            {"type": "Claim", "url": "https://src.example/claims.ndjson", "count": 7}]})
    };
    write(folder.path(), "manifest.json", manifest(2).to_string());
    let expect = write(folder.path(), "expect.txt", r#"{"Observation": 1, "Patient": 3}"#);
    let source = Source::of_paths(&[folder.path().to_owned()]).unwrap();
    let settings = Settings {
        rejected: folder.path().join("rejected.ndjson"),
        expect: Some(Totals::read(&expect).unwrap()),
        ..Settings::default()
    };
    let (stack, bar) = (app.stack_to_work_on().await, indicatif::ProgressBar::hidden());
    let (report, ended) = load_with(&stack, &source, settings, Clock::System, &bar).await;
    ended.unwrap();
    let told: Vec<&str> = findings(&report, "control-total").into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        told,
        [
            "Patient: 3 were announced, and 0 read",
            "claims.ndjson: 7 were announced, and the file is not among those read",
            "labs.ndjson: 2 were announced, and 1 read",
        ]
    );
    assert_eq!((report.total().stored, report.exit_code()), (1, 3), "{report}");
    let wrong = Totals::read(&write(folder.path(), "wrong.txt", r#"{"Patient": "many"}"#)).unwrap_err().to_string();
    assert!(wrong.contains("--expect") && wrong.contains("\"claims.ndjson\": 5000"), "{wrong}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_has_one_form_and_ends_every_name_on_its_line() {
    let app = App::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let mut nobody = observation("x", "x");
    nobody["subject"] = json!({"reference": "Group/\u{1b}[2J\u{202e}"});
    write(folder.path(), "a\u{1b}[31m\nb.ndjson", format!("{nobody}\n{{broken"));
    write(folder.path(), "odd\u{202e}.txt", "x");
    let report = load(&app, &[folder.path().to_owned()]).await;
    let shown = report.to_string();
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'), "{shown}");
    assert!(shown.contains(r"odd\u202e.txt"), "{shown}");
    let told = report.to_json();
    let names: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).take(10).collect();
    let form = [
        "types",
        "moved",
        "restored",
        "mended",
        "warned",
        "files",
        "left_out",
        "references",
        "rejected_file",
        "finished",
    ];
    assert_eq!(names, form);
    assert_eq!(
        told["files"][0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["path", "format", "lines", "read", "rejected"]
    );
    assert_eq!(told["left_out"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["path", "why"]);
    assert_eq!((&told["finished"], &told["types"][UNREADABLE]["rejected"]), (&json!(true), &json!(1)));
    app.finish().await;
}
