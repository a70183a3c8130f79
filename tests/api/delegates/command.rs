//! `patient-access delegation …`, in its fixed forms.

use patient_access::call::WrongCall;
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use super::{delegate, end, json_of, stand, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_is_told_in_its_fixed_form_and_counted_on_both_sides() {
    let app = stand().await;
    let told = delegate(&app, "alice", "kim", "parent", &[]).await;
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    let fixed =
        ["id", "for", "person", "as", "state", "from", "until", "ends_by", "ended_by", "related_person", "grants"];
    assert_eq!(names[..fixed.len()], fixed);
    let person: Vec<&String> = told["person"].as_object().unwrap().keys().collect();
    assert_eq!(person, ["id", "username", "provider", "subject"]);
    assert_eq!(
        (
            &told["for"],
            &told["as"],
            &told["state"],
            &told["until"],
            &told["ends_by"],
            &told["ended_by"],
            &told["grants"]
        ),
        (&json!("kim"), &json!("parent"), &json!("active"), &Json::Null, &json!("age"), &Json::Null, &json!(0))
    );
    assert_eq!((&told["person"]["username"], &told["name"]), (&json!("alice"), &json!("Given Family")));
    assert_eq!(told["ends_at"], "2037-05-20T04:00:00.000Z", "the eighteenth birthday begins at midnight in New York");
    assert_eq!(told["own_choices_from"], "2031-05-20T04:00:00.000Z");
    tokens(&app, "alice", Some("kim")).await;

    let alice = json_of(&app, &["member", "show", "--username", "alice"]).await;
    assert_eq!((&alice["acts_for"], &alice["acted_for_by"]), (&json!(1), &json!(0)));
    delegate(&app, "dora", "alice", "proxy", &["--until", "2100-01-01"]).await;
    let alice = json_of(&app, &["member", "show", "--username", "alice"]).await;
    assert_eq!((&alice["acts_for"], &alice["acted_for_by"]), (&json!(1), &json!(1)));

    let listed = |more: &'static [&str]| {
        let app = &app;
        async move {
            let list = json_of(app, &[&["delegation", "list"][..], more].concat()).await;
            list["delegations"].as_array().unwrap().clone()
        }
    };
    assert_eq!(listed(&["--for", "Patient/kim"]).await[0]["grants"], 1);
    assert_eq!(listed(&["--username", "dora"]).await[0]["for"], "alice");
    assert_eq!(listed(&[]).await.len(), 2);
    let ended = end(&app, &told).await;
    assert_eq!(
        (&ended["state"], &ended["ended_by"], &ended["grants_ended"], &ended["grants"]),
        (&json!("ended"), &json!("plan"), &json!(1), &json!(0))
    );
    assert_eq!((listed(&[]).await.len(), listed(&["--all"]).await.len()), (1, 2));
    let told = app.audit("Patient/kim").await.into_iter().find(|record| record["action"] == "end-delegation").unwrap();
    assert_eq!((told["query"].as_str(), told["as"].as_str()), ("the court said so", "parent"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_carried_out_says_what_is_wrong_and_what_would_be_right() {
    let app = stand().await;
    let good = ["--for", "kim", "--username", "dora", "--as", "parent", "--ground", "g", "--said-by", "s"];
    let with = |option: &str, value: &'static str| {
        let at = good.iter().position(|word| *word == option).unwrap();
        let mut line = good.to_vec();
        line[at + 1] = value;
        line
    };
    let more = |option: &'static str, value: &'static str| [&good[..], &[option, value]].concat();
    for (line, is_wrong_call, words) in [
        (with("--for", "nobody"), false, "no Patient/nobody"),
        (with("--for", "k m"), true, "no resource id"),
        (with("--username", "ghost"), false, "no such member: `ghost`"),
        (with("--as", "friend"), true, "parent, guardian, representative, proxy"),
        (with("--ground", " "), true, "--ground"),
        (more("--from", "tomorrow"), true, "YYYY-MM-DD"),
        (more("--until", "2020-01-01"), true, "before the first day"),
        (more("--from", "2037-05-20"), false, "18 on 2037-05-20"),
        (more("--name", "a\u{202e}b"), true, "nobody can see"),
        (more("--related-person", "none"), false, "no RelatedPerson/none"),
        ([&["--for", "alice", "--username", "alice"][..], &good[4..]].concat(), false, "own record"),
    ] {
        let error = app.operate(&[&["delegation", "add"][..], &line].concat()).await.unwrap_err();
        assert_eq!(error.is::<WrongCall>(), is_wrong_call, "{line:?}: {error:#}");
        assert!(format!("{error:#}").contains(words), "{line:?}: {error:#}");
    }
    let first = delegate(&app, "dora", "kim", "parent", &[]).await;
    let again = app.operate(&[&["delegation", "add"][..], &good].concat()).await.unwrap_err();
    assert!(format!("{again:#}").contains(first["id"].as_str().unwrap()), "{again:#}");
    let unknown = app.operate(&["delegation", "end", "x", "--reason", "r"]).await.unwrap_err();
    assert!(format!("{unknown:#}").contains("delegation list --all"), "{unknown:#}");
    end(&app, &first).await;
    let over = app.operate(&["delegation", "end", first["id"].as_str().unwrap(), "--reason", "r"]).await.unwrap_err();
    assert!(format!("{over:#}").contains("ended already"), "{over:#}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_adds_changes_and_leaves_and_tells_of_each_row_that_it_refuses() {
    let app = stand().await;
    let import = async |rows: &[&str]| {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), rows.join("\n")).unwrap();
        let rejected = NamedTempFile::new().unwrap();
        let paths = [file.path(), rejected.path()].map(|path| path.to_str().unwrap().to_owned());
        json_of(&app, &["delegation", "import", &paths[0], "--rejected", &paths[1]]).await
    };
    let header = "for,username,provider,subject,as,ground,said_by,from,until";
    let rows = [
        header,
        "kim,dora,,,parent,\"a paper, signed\",enrolment,,",
        "alice,dora,,,proxy,a wish,alice,2026-01-01,2100-12-31",
        "kim,dora,,,guardian,again,enrolment,,",
        "nobody,dora,,,proxy,g,s,,",
        "kim,ghost,,,proxy,g,s,,",
        "kim,alice,,,friend,g,s,,",
        "kim,alice,plan,s1,proxy,g,s,,",
        "kim,bob,,,proxy,g,s,,2020-13-01",
    ];
    let told = import(&rows).await;
    let counts =
        |told: &Json| ["read", "created", "changed", "unchanged", "rejected"].map(|name| told[name].as_u64().unwrap());
    assert_eq!(counts(&told), [8, 2, 0, 0, 6], "{told}");
    assert_eq!(
        told["reasons"],
        json!({"date": 1, "no-patient": 1, "no-person": 1, "no-sign-in": 1, "relation": 1, "repeated": 1})
    );
    assert_eq!(counts(&import(&rows[..3]).await), [2, 0, 0, 2, 0], "the same file twice writes nothing");
    let live = tokens(&app, "dora", Some("alice")).await;
    let told = import(&[
        r#"{"for":"alice","username":"dora","as":"proxy","ground":"a wish","said_by":"alice","until":"2026-06-30"}"#,
    ])
    .await;
    assert_eq!(counts(&told), [1, 0, 1, 0, 0], "{told}");
    assert_eq!(
        app.fhir(&live, "Patient/alice").await.status,
        401,
        "an earlier end that has passed ends what was granted"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_date_that_the_feed_corrects_moves_the_end_of_a_parents_delegation_and_of_its_grants() {
    let app = stand().await;
    delegate(&app, "dora", "kim", "parent", &[]).await;
    let live = tokens(&app, "dora", None).await;
    let kim = |born: &str| {
        vec![json!({"resourceType": "Patient", "id": "kim", "birthDate": born, "gender": "female",
            "name": [{"use": "official", "family": "Minor", "given": ["Kim"]}]})]
    };
    app.load(Source::Memory(kim("2012-02-29"))).await;
    let told = json_of(&app, &["delegation", "list", "--for", "kim"]).await;
    assert_eq!(told["delegations"][0]["ends_at"], "2030-03-01T05:00:00.000Z", "{told}");
    let bounds: Vec<Json> =
        app.stored("grant").await.values().map(|grant| grant["acting"]["ends_at"].clone()).collect();
    assert_eq!(bounds, [json!(1_898_571_600_000_i64)], "midnight of March 1, 2030, in New York");
    assert_eq!(app.fhir(&live, "Patient/kim").await.status, 200);
    app.load(Source::Memory(kim("2006-01-01"))).await;
    assert_eq!(app.fhir(&live, "Patient/kim").await.status, 401, "she is twenty");
    let told = json_of(&app, &["delegation", "list", "--for", "kim", "--all"]).await;
    assert_eq!(
        (&told["delegations"][0]["state"], &told["delegations"][0]["ended_by"]),
        (&json!("ended"), &json!("age"))
    );
    app.finish().await;
}
