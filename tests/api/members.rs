//! The operator's side of signing in: persons are added, imported, listed, changed and removed.

use std::process::Stdio;

use http::StatusCode;
use patient_access::call::WrongCall;
use serde_json::{Value as Json, json};
use shared::bounds::SUBJECT_BYTES;
use tempfile::NamedTempFile;
use tests::{App, AuthorizeOptions, Browser, Cookies, Reply, binaries, operate_on};
use tokio::io::AsyncWriteExt;

async fn json(app: &App, line: &str) -> Json {
    let told = app.operate(&format!("{line} --json").split(' ').collect::<Vec<_>>()).await;
    serde_json::from_str(&told.unwrap_or_else(|error| panic!("{line}: {error:#}"))).expect("it prints JSON")
}

async fn refused(app: &App, line: &str) -> String {
    let told = app.operate(&line.split(' ').collect::<Vec<_>>()).await;
    format!("{:#}", told.expect_err("it is refused"))
}

/// Sends the form that sets a first password, with a code.
pub(crate) async fn set(app: &App, door: &Browser, (name, code): (&str, &str), (chosen, again): (&str, &str)) -> Reply {
    let csrf = door.page.field("csrf");
    let sent = [("request", ""), ("csrf", &*csrf), ("username", name), ("password", code)];
    app.post("/login", &[&sent[..], &[("new_password", chosen), ("again", again)]].concat(), door.cookies.headers())
        .await
}

/// The sign-in page on the way to the account.
pub(crate) async fn at_the_door(app: &App) -> Browser {
    let mut cookies = Cookies::default();
    let page = app.get("/login").await;
    cookies.take(&page);
    Browser { cookies, page }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_help_desk_sees_state_locks_grants_and_the_last_sign_in_and_nothing_of_the_record() {
    let app = App::start().await;
    let alice = json(&app, "member show --username ALICE").await;
    let names: Vec<&String> = alice.as_object().unwrap().keys().collect();
    let expected = [
        "id",
        "username",
        "sign_ins",
        "patient",
        "state",
        "locked_until",
        "created_at",
        "last_sign_in",
        "grants",
        "acts_for",
        "acted_for_by",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        (&alice["username"], &alice["patient"], &alice["state"]),
        (&json!("alice"), &json!("alice"), &json!("active"))
    );
    assert_eq!(
        (&alice["last_sign_in"], &alice["locked_until"], &alice["grants"]),
        (&Json::Null, &Json::Null, &json!(0))
    );
    app.sign_in("alice", "patient/*.rs offline_access").await;
    for _ in 0..10 {
        app.log_in(&at_the_door(&app).await, "alice", "a wrong password").await;
    }
    let id = alice["id"].as_str().unwrap();
    let locked = json(&app, &format!("member show --id {id}")).await;
    assert_eq!((&locked["state"], &locked["grants"]), (&json!("locked"), &json!(1)));
    for name in ["last_sign_in", "locked_until", "created_at"] {
        let instant = locked[name].as_str().unwrap_or_else(|| panic!("{name}: {locked}"));
        assert!(instant.len() == 24 && instant.ends_with('Z'), "{name}: {instant}");
    }
    assert_eq!(
        app.account("alice").await.page.status,
        StatusCode::TOO_MANY_REQUESTS,
        "the right password is refused, too"
    );
    assert_eq!(json(&app, "member list --state locked").await["members"][0]["id"], *id);
    assert_eq!(json(&app, "member unlock --username alice").await["state"], "active");
    assert_eq!(app.account("alice").await.page.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_page_by_page_through_everybody_once() {
    let app = App::start().await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = json(&app, &format!("member list --limit 1{after}")).await;
        seen.extend(
            page["members"].as_array().unwrap().iter().map(|member| member["patient"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!(" --after {next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["alice", "bob", "carol"]);
    assert_eq!(json(&app, "member list --patient Patient/bob").await["members"][0]["username"], "bob");
    json(&app, "member disable --username carol").await;
    assert_eq!(json(&app, "member list --state disabled").await["members"][0]["username"], "carol");
    assert_eq!(json(&app, "member list --state active").await["members"].as_array().unwrap().len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_record_ends_the_grants_and_another_name_moves_the_way_in() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let id = app.person("alice").await;
    let renamed = json(&app, "member change --username alice --new-username Alicia").await;
    assert_eq!(
        (&renamed["id"], &renamed["username"], &renamed["grants_ended"]),
        (&json!(id), &json!("alicia"), &json!(0))
    );
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    let page = at_the_door(&app).await;
    let password = tests::fixtures::password("alice");
    assert_eq!(app.log_in(&page, "alice", &password).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in(&page, "alicia", &password).await.status, StatusCode::SEE_OTHER);
    assert!(refused(&app, "member change --username alicia --new-username bob").await.contains("`bob` already"));
    assert!(refused(&app, "member change --username alicia --patient ghost").await.contains("no Patient/ghost"));
    let moved = json(&app, "member change --username alicia --patient bob").await;
    assert_eq!((&moved["patient"], &moved["grants_ended"]), (&json!("bob"), &json!(1)));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_person_leaves_no_way_in_no_grant_and_a_free_name() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    let removed = json(&app, "member remove --username alice").await;
    assert_eq!((&removed["username"], &removed["grants_ended"]), (&json!("alice"), &json!(1)));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.refresh(&tokens).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.account("alice").await.page.status, StatusCode::UNAUTHORIZED);
    let left = [app.stored("member").await, app.stored("sign-in").await];
    assert_eq!(left.map(|rows| rows.len()), [2, 2]);
    assert!(app.stored("last-sign-in").await.is_empty());
    app.add_member("alice", "alice").await;
    assert_eq!(app.account("alice").await.page.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_record_is_told_so_and_the_audit_has_it() {
    let app = App::start().await;
    let line = "member add --username dora --not-yet --password dora-secret-password";
    assert_eq!(json(&app, line).await["patient"], Json::Null);
    let reply = app.log_in(&at_the_door(&app).await, "dora", "dora-secret-password").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("not connected it to a record yet") && reply.header("set-cookie").is_empty());
    assert_eq!(app.audit("user/dora").await[0]["outcome"], "no-record");
    json(&app, "member change --username dora --patient alice").await;
    let reply = app.log_in(&at_the_door(&app).await, "dora", "dora-secret-password").await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let wrong = refused(&app, "member add --username eve --patient ghost --password eves-secret-password").await;
    assert!(wrong.contains("--not-yet"), "{wrong}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_sets_one_password_and_is_then_worth_nothing() {
    let app = App::start().await;
    let code = json(&app, "member password --username alice --code").await["code"].as_str().unwrap().to_owned();
    app.keep_secret(&code);
    assert_eq!(app.account("alice").await.page.status, StatusCode::UNAUTHORIZED, "the password is gone");
    let browser = at_the_door(&app).await;
    let page = app.log_in(&browser, "Alice", &code).await;
    assert!(page.status == StatusCode::OK && page.body.contains("Choose a password"), "{page:?}");
    let set = async |chosen: &str, again: &str| set(&app, &browser, ("alice", &code), (chosen, again)).await;
    assert!(set("short", "short").await.body.contains("8 to 256 characters"));
    assert!(set("alice-secret-password", "alice-secret-passwort").await.body.contains("The two passwords differ"));
    let password = tests::fixtures::password("alice");
    assert_eq!(set(&password, &password).await.status, StatusCode::SEE_OTHER);
    assert_eq!(set("another-password", "another-password").await.status, StatusCode::UNAUTHORIZED, "the code is spent");
    assert_eq!(app.account("alice").await.page.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_twice_writes_nothing_and_a_changed_row_ends_what_was_granted() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs offline_access").await;
    let (file, rejected) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
    let path = file.path().to_str().unwrap();
    let line = format!("member import {path} --rejected {}", rejected.path().display());
    let write = |rows: &[&str]| {
        std::fs::write(path, format!("username,provider,subject,patient,state\n{}\n", rows.join("\n"))).unwrap();
    };
    let many: Vec<String> = (0..1200).map(|number| format!("m{number},,,,active")).collect();
    let mut rows: Vec<&str> = vec!["alice,,,alice,active", ",plan-login,\"s,1\",bob,", "DORA,,,bob,disabled"];
    rows.extend(many.iter().map(String::as_str));
    write(&rows);
    let counts = |created: u64, changed: u64, unchanged: u64| {
        json!({"read": created + changed + unchanged, "created": created, "changed": changed, "unchanged": unchanged,
            "rejected": 0, "reasons": {}, "rejected_file": null})
    };
    assert_eq!(json(&app, &format!("{line} --check")).await, counts(1202, 0, 1));
    assert_eq!(app.stored("member").await.len(), 3, "a check writes nothing");
    assert_eq!(json(&app, &line).await, counts(1202, 0, 1));
    let rows_now = (app.stored("member").await, app.stored("sign-in").await);
    assert_eq!(json(&app, &line).await, counts(0, 0, 1203));
    assert!(rows_now == (app.stored("member").await, app.stored("sign-in").await), "the second time writes nothing");
    let provided = json(&app, "member show --provider plan-login --subject s,1").await;
    assert_eq!(provided["sign_ins"], json!([{"provider": "plan-login", "subject": "s,1"}]));
    assert_eq!((&provided["username"], &provided["patient"]), (&Json::Null, &json!("bob")));
    assert_eq!(json(&app, "member show --username dora").await["state"], "disabled");
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);

    write(&[
        "alice,,,alice,disabled",
        "nobody here",
        "x,plan-login,s1,bob,active",
        ",,,bob,active",
        "m1,,,,",
        "M1,,,bob,",
    ]);
    let told = json(&app, &line).await;
    let reasons = json!({"malformed": 1, "no-sign-in": 1, "repeated": 1, "two-sign-ins": 1});
    assert_eq!((&told["read"], &told["changed"], &told["unchanged"]), (&json!(6), &json!(1), &json!(1)));
    assert_eq!((&told["rejected"], &told["reasons"]), (&json!(4), &reasons));
    let lines = std::fs::read_to_string(told["rejected_file"].as_str().unwrap()).unwrap();
    let first: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["line"], &first["code"], lines.lines().count()), (&json!(3), &json!("malformed"), 4));
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.refresh(&tokens).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.account("alice").await.page.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_longer_than_openid_connect_allows_is_rejected() {
    let (app, file) = (App::empty().await, NamedTempFile::new().unwrap());
    let row = |length: usize| format!(",plan-login,{},bob,\n", "s".repeat(length));
    let rows = [row(SUBJECT_BYTES), row(SUBJECT_BYTES + 1)].concat();
    std::fs::write(file.path(), format!("username,provider,subject,patient,state\n{rows}")).unwrap();
    let rejected = NamedTempFile::new().unwrap();
    let told =
        json(&app, &format!("member import {} --rejected {}", file.path().display(), rejected.path().display())).await;
    assert_eq!((&told["created"], &told["reasons"]), (&json!(1), &json!({"subject": 1})));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_on_the_command_line_is_refused_off_this_machine_with_what_to_do() {
    let app = App::start().await;
    let deployed = app.deployed_stack().await;
    for line in [
        "member add --username eve --patient bob --password eves-secret-password",
        "member password --username alice --password eves-secret-password",
    ] {
        let told = operate_on(&deployed, &line.split(' ').collect::<Vec<_>>()).await.unwrap_err();
        assert!(told.is::<WrongCall>() && told.to_string().contains("--password-stdin or --code"), "{line}: {told:#}");
    }
    assert!(app.account("alice").await.page.status == StatusCode::OK, "nothing was changed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reads_a_password_from_standard_input_and_ends_as_its_forms_say() {
    let app = App::start().await;
    let _announced = app.announced();
    let import = NamedTempFile::new().unwrap();
    std::fs::write(import.path(), "username,patient\nfay,bob\n,bob\n").unwrap();
    let import = import.path().to_str().unwrap();
    let rejected = NamedTempFile::new().unwrap();
    let rejected = rejected.path().to_str().unwrap();
    for (line, code) in [
        ("member add --username eve --patient bob --password-stdin --json".to_owned(), 0),
        ("member add --username eve --patient bob --password-stdin".to_owned(), 1),
        ("member add --username eva --patient bob".to_owned(), 2),
        ("member add --username eva --password-stdin".to_owned(), 2),
        ("member add --username eva --patient a/b --code".to_owned(), 2),
        ("member show".to_owned(), 2),
        ("member show --username nobody".to_owned(), 1),
        (format!("member import {import} --rejected {rejected}"), 3),
        ("member import /no/such/file".to_owned(), 2),
    ] {
        let mut child = tokio::process::Command::new(binaries().join("patient-access"))
            .args(line.split(' '))
            .args(["--stack", app.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"eves-secret-password\n").await.ok();
        let output = child.wait_with_output().await.unwrap();
        let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}: {out}{told}");
        if line.contains("--json") {
            assert_eq!(serde_json::from_str::<Json>(&out).unwrap()["username"], "eve");
            assert!(told.contains(app.url()), "{told}");
        }
    }
    let page = at_the_door(&app).await;
    assert_eq!(app.log_in(&page, "eve", "eves-secret-password").await.status, StatusCode::SEE_OTHER);
    app.finish().await;
}

/// A grant is made for the person by their id, so another name in between changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_outlives_another_name_and_not_another_record() {
    let app = App::start().await;
    let options = AuthorizeOptions::new(&app, "alice", "patient/*.rs");
    let (first, second) = (app.code(&options).await, app.code(&options).await);
    json(&app, "member change --username alice --new-username alicia").await;
    assert_eq!(app.exchange(&first).await.status, StatusCode::OK);
    json(&app, "member change --username alicia --patient bob").await;
    assert_eq!(app.exchange(&second).await.json()["error"], "invalid_grant");
    app.finish().await;
}
