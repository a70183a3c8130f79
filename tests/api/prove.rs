//! `patient-access prove`: on a stack that works every check passes, and where a thing is broken its check fails.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tests::App;

/// The result of each check, and why.
async fn proved(app: &App) -> BTreeMap<String, (String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evidence");
    let told = app.operate(&["prove", "--out", out.to_str().unwrap(), "--json"]).await.unwrap();
    let evidence: Json = serde_json::from_str(&told).unwrap();
    assert_eq!(std::fs::read_to_string(out.join("evidence.json")).unwrap(), told);
    assert!(!out.join("rejected.ndjson").exists(), "the made-up members are good R4");
    let page = std::fs::read_to_string(out.join("evidence.html")).unwrap();
    assert_eq!(evidence["stack"], app.url());
    assert_eq!(evidence["version"], env!("CARGO_PKG_VERSION"));
    let mut results = BTreeMap::new();
    for check in evidence["checks"].as_array().unwrap() {
        let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        let (id, result, why) = (text("id"), text("result"), text("why"));
        assert!(!text("duty").is_empty() && !why.is_empty(), "{check}");
        let asked = check["requests"].as_array().unwrap().len();
        assert_eq!(asked > 0, text("sha256").len() == 64, "{check}");
        assert!(page.contains(&format!("<code>{id}</code>")), "{id}");
        for secret in ["eyJ", "code=", "password="] {
            assert!(!check.to_string().contains(secret), "{check}");
        }
        assert!(results.insert(id, (result, why)).is_none(), "{check} is there twice");
    }
    results
}

fn with<'a>(results: &'a BTreeMap<String, (String, String)>, result: &str) -> BTreeMap<&'a str, &'a str> {
    let with = results.iter().filter(|(_, (of, _))| of == result);
    with.map(|(id, (_, why))| (id.as_str(), why.as_str())).collect()
}

/// T214 and T216
#[tokio::test(flavor = "multi_thread")]
async fn on_a_stack_that_works_every_check_passes_and_nothing_is_left_behind() {
    let app = App::start().await;
    for _ in 0..2 {
        let results = proved(&app).await;
        assert!(with(&results, "fail").is_empty(), "{:#?}", with(&results, "fail"));
        let skipped: Vec<&str> = with(&results, "skipped").into_keys().collect();
        assert_eq!(skipped, ["administrators", "alarms", "audit-days", "rate", "rest", "timeliness", "tls"]);
        assert!(with(&results, "pass").len() >= 25, "{results:#?}");
    }
    app.hand_over("count").await;
    let year = &shared::clock::Clock::System.now().to_string()[..4];
    let report: Json =
        serde_json::from_str(&app.operate(&["report", "cms", "--year", year, "--json"]).await.unwrap()).unwrap();
    assert_eq!(report["members"], 0, "made-up members are not reported");
    let gone = app.operate(&["member", "show", "--username", "made-up-by-prove"]).await.unwrap_err();
    assert!(gone.to_string().contains("no such member"), "{gone}");
    let shown: Json =
        serde_json::from_str(&app.operate(&["app", "show", "made-up-by-prove", "--json"]).await.unwrap()).unwrap();
    assert_eq!(shown["disabled"], true, "{shown}");
    app.finish().await;
}

/// T215
#[tokio::test(flavor = "multi_thread")]
async fn a_check_fails_where_its_thing_is_broken() {
    let old_guides = App::with_environment(&[("GUIDES", "3.1.1")]).await;
    let results = proved(&old_guides).await;
    let failed = with(&results, "fail");
    assert_eq!(failed.keys().copied().collect::<Vec<_>>(), ["versions"], "{failed:#?}");
    assert!(failed["versions"].contains("set the parameter Guides"), "{failed:#?}");

    // The functions write their records where nobody looks for them.
    let elsewhere = old_guides.environment()["AUTH_TABLE"].clone();
    old_guides.finish().await;
    let no_audit = App::with_environment(&[("AUDIT_TABLE", &elsewhere)]).await;
    let results = proved(&no_audit).await;
    let failed = with(&results, "fail");
    assert_eq!(failed.keys().copied().collect::<Vec<_>>(), ["audit-row"], "{failed:#?}");
    no_audit.finish().await;
}

/// T217
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_marked_as_made_up_is_left_alone() {
    let app = App::start().await;
    let patient =
        serde_json::json!({"resourceType": "Patient", "id": "made-up-by-prove-1", "name": [{"family": "Real"}]});
    assert!(app.load(patient_access::load::Source::Memory(vec![patient])).await.is_clean());
    let folder = tempfile::tempdir().unwrap();
    let refused = app.operate(&["prove", "--out", folder.path().to_str().unwrap()]).await.unwrap_err();
    assert!(refused.to_string().contains("not marked as made up"), "{refused}");
    let stack = app.stack_to_work_on().await;
    let left = stack.writer().unwrap().patients(&["made-up-by-prove-1".to_owned()]).await.unwrap();
    assert_eq!(left["made-up-by-prove-1"]["name"][0]["family"], "Real");
    app.finish().await;
}
