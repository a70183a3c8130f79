//! The table of bounds, row by row: as much as a bound allows is answered, and one more is refused by an error that names it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Request, StatusCode};
use patient_access::load::{ReasonCode, Source};
use serde_json::{Value as Json, json};
use shared::bounds::{
    ADDRESS_FAILURES, BOUNDS, Beyond, DOCUMENT_BYTES, INCLUDED, LARGEST_PAGE, READ_CALLS, RECEIPT_TARGETS, VALUES,
};
use shared::clock::Clock;
use shared::fhir::parameters::SearchParamType;
use shared::fhir::types::{ResourceType, TYPES};
use shared::oauth::redirect_uri::registrable;
use tests::{App, AuthorizeOptions, Reply, Tokens, checkout};

/// Bounds that no single request can pass, with the test that holds them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ADDRESS_FAILURES", "wrong_passwords_from_one_address_are_bounded_too"),
    ("ASSERTION_SECONDS", "an_assertion_that_breaks_a_rule_signs_nobody_in"),
    ("DOCUMENT_BYTES", "a_document_of_more_than_a_bucket_takes_at_once_is_refused_unread"),
    ("FETCH_SECONDS", "a_key_set_that_is_slow_large_moved_or_no_json_signs_nobody_in"),
    ("IDENTIFIER_BYTES", "a_number_a_chain_and_a_crowd_may_be_as_long_as_their_bounds_and_no_longer"),
    ("KEY_SET_BYTES", "a_key_set_that_is_slow_large_moved_or_no_json_signs_nobody_in"),
    ("LED_MEMBERS", "a_number_a_chain_and_a_crowd_may_be_as_long_as_their_bounds_and_no_longer"),
    ("PASSWORD_BYTES", "a_mistake_on_the_command_line_is_named"),
    ("PROVIDER_CODE_BYTES", "the_providers_errors_end_on_a_page_and_spend_the_request"),
    ("PROVIDER_NAME_BYTES", "the_operator_hears_what_does_not_fit_and_never_a_secret"),
    ("PROVIDER_SECRET_BYTES", "a_client_secret_comes_from_standard_input_and_has_a_length"),
    ("READ_CALLS", "a_request_reads_sixteen_calls_of_a_record_and_refuses_to_read_more"),
    ("REPLACEMENTS", "a_number_a_chain_and_a_crowd_may_be_as_long_as_their_bounds_and_no_longer"),
    ("ROW_INDEX_BYTES", "a_resource_that_is_found_by_more_than_a_row_holds_is_rejected"),
    ("SUBJECT_BYTES", "a_subject_longer_than_openid_connect_allows_is_rejected"),
    ("USER_FAILURES", "guessing_ends_after_ten_tries_for_the_name_and_for_nobody_else"),
];

/// The codes of a type's parameters of one of these kinds.
fn codes(resource_type: &str, kinds: &[SearchParamType]) -> Vec<&'static str> {
    let rows = ResourceType::named(resource_type).unwrap().parameters();
    rows.filter(|(_, row)| kinds.contains(&row.param_type)).map(|(_, row)| row.code).collect()
}

/// `n` texts that differ.
fn texts(n: usize) -> impl Iterator<Item = String> {
    (0..n).map(|number| format!("x{number}"))
}

fn joined(texts: impl Iterator<Item = String>, separator: &str) -> String {
    texts.collect::<Vec<_>>().join(separator)
}

/// A search on `Observation` with `n` includes, forward and reverse, no two of them equal.
fn includes(n: usize) -> String {
    let own = codes("Observation", &[SearchParamType::Reference])
        .into_iter()
        .map(|code| format!("_include=Observation:{code}"));
    let others = TYPES.iter().flat_map(|source| {
        let codes = source.parameters().filter(|(_, row)| row.param_type == SearchParamType::Reference);
        codes.map(|(_, row)| format!("_revinclude={}:{}", source.name, row.code))
    });
    joined(own.chain(others).take(n), "&")
}

struct Stand {
    app: App,
    tokens: Tokens,
}

impl Stand {
    async fn form(&self, path: &str, body: String) -> Reply {
        let request = Request::post(format!("{}{path}", self.app.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", self.app.url());
        if path.starts_with("/fhir") {
            return self.app.fhir_request(&self.tokens, request.body(body).unwrap()).await;
        }
        self.app.send(request.body(body).unwrap()).await
    }

    /// The answer to a request for `n` of what the bound counts; `None` where the bound is not known here.
    async fn ask(&self, bound: &str, n: usize) -> Option<Reply> {
        let search = async |query: String| Some(self.app.fhir(&self.tokens, &query).await);
        match bound {
            "PARAMETERS" => {
                search(format!("Observation?{}", joined(texts(n).map(|text| format!("code:not={text}")), "&"))).await
            }
            "PARAMETER_BYTES" => search(format!("Observation?code={}", "x".repeat(n - "code".len()))).await,
            "BODY_BYTES" => {
                Some(self.form("/fhir/Observation/_search", format!("code=x{}", "&".repeat(n - "code=x".len()))).await)
            }
            "VALUES" => search(format!("Observation?_id={}", joined(texts(n), ","))).await,
            "ALL_VALUES" => {
                let all: Vec<String> = texts(n).collect();
                let names = ["_id", "code", "status", "code:not", "category"];
                let parts = all.chunks(VALUES).zip(names).map(|(values, name)| format!("{name}={}", values.join(",")));
                search(format!("Observation?{}", joined(parts, "&"))).await
            }
            "SORT_KEYS" => {
                use SearchParamType::{Date, String, Token, Uri};
                let keys = codes("Observation", &[Date, String, Token, Uri]);
                search(format!("Observation?_sort={}", keys[..n].join(","))).await
            }
            "INCLUDES" => search(format!("Observation?_count=1&{}", includes(n))).await,
            "CHAINS" => {
                let chains = texts(n).map(|text| format!("practitioner.name={text}"));
                search(format!("PractitionerRole?{}", joined(chains, "&"))).await
            }
            "OAUTH_PARAMETERS" => {
                Some(self.form("/oauth2/token", joined(texts(n).map(|text| format!("{text}=1")), "&")).await)
            }
            "TOKEN_FORM_BYTES" => Some(self.form("/oauth2/token", format!("a={}", "x".repeat(n - 1))).await),
            "AUTHORIZE_BYTES" => Some(self.form("/oauth2/authorize", format!("a={}", "x".repeat(n - 1))).await),
            "STATE_BYTES" => {
                let options =
                    AuthorizeOptions::new(&self.app, "alice", "patient/*.rs").with("state", Some(&"x".repeat(n)));
                Some(self.app.get(&format!("/oauth2/authorize?{}", options.query())).await)
            }
            "CLIENT_ID_BYTES" => {
                let form = [("grant_type", "authorization_code"), ("client_id", &"x".repeat(n)), ("code", "x")];
                Some(self.app.post("/oauth2/token", &form, HeaderMap::new()).await)
            }
            "USERNAME_BYTES" | "TYPED_BYTES" => {
                let options = AuthorizeOptions::new(&self.app, "alice", "patient/*.rs");
                let browser = self.app.browse(&options).await.unwrap();
                let long = "x".repeat(n);
                let (name, password) = if bound == "USERNAME_BYTES" { (&*long, "wrong") } else { ("nobody", &*long) };
                Some(self.app.log_in(&browser, name, password).await)
            }
            _ => None,
        }
    }
}

/// Whether an answer tells that too much was asked.
fn is_refused(bound: &str, value: u64, reply: &Reply) -> bool {
    match bound {
        // An id that is too long is none of ours.
        "CLIENT_ID_BYTES" => reply.status == StatusCode::UNAUTHORIZED,
        "USERNAME_BYTES" | "TYPED_BYTES" => reply.status == StatusCode::BAD_REQUEST,
        "OAUTH_PARAMETERS" | "TOKEN_FORM_BYTES" | "AUTHORIZE_BYTES" => reply.body.contains("too long"),
        "STATE_BYTES" => reply.status != StatusCode::SEE_OTHER || reply.redirected("error").is_some(),
        _ => reply.status == StatusCode::BAD_REQUEST && reply.issue().1.contains(&value.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_than_a_bound_is_refused_and_the_bound_itself_is_not() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let stand = Stand { app, tokens };
    for bound in BOUNDS.iter().filter(|bound| bound.beyond == Beyond::Refused) {
        if ELSEWHERE.iter().any(|(name, _)| *name == bound.name) {
            continue;
        }
        if bound.name == "REDIRECT_URI_BYTES" {
            let uri = |length: usize| format!("{:x<length$}", "https://app.example/");
            let most = usize::try_from(bound.value).unwrap();
            assert!(registrable(&uri(most)).is_ok() && registrable(&uri(most + 1)).is_err());
            continue;
        }
        let (name, n) = (bound.name, usize::try_from(bound.value).unwrap());
        let more = stand.ask(name, n + 1).await.unwrap_or_else(|| panic!("no test asks for more than {name}"));
        assert!(is_refused(name, bound.value, &more), "{name}: {} {}", more.status, more.body);
        let is_page = more.body.starts_with("<!doctype");
        assert!(is_page || more.body.len() < 6_000, "{name}: an error does not repeat what is too long");
        let all = stand.ask(name, n).await.unwrap();
        match name {
            // One that is as long as it may be is none of ours, either.
            "CLIENT_ID_BYTES" => {}
            "USERNAME_BYTES" | "TYPED_BYTES" => assert_eq!(all.status, StatusCode::UNAUTHORIZED, "{name}"),
            "OAUTH_PARAMETERS" | "TOKEN_FORM_BYTES" | "AUTHORIZE_BYTES" | "STATE_BYTES" => {
                assert!(!is_refused(name, bound.value, &all), "{name}: {} {}", all.status, all.body);
            }
            _ => assert_eq!(all.status, StatusCode::OK, "{name}: {}", all.body),
        }
    }
    stand.app.finish().await;
}

#[test]
fn a_bound_that_is_tested_elsewhere_is_tested_there() {
    let sources: String =
        rust_files(&checkout().join("tests/api")).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for (bound, test) in ELSEWHERE {
        assert!(BOUNDS.iter().any(|known| known.name == *bound), "{bound} is no bound");
        assert!(sources.contains(&format!("fn {test}()")), "{bound}: there is no test {test}");
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}

/// No bound lies below what the guides' searches and the public test suites ask.
#[tokio::test(flavor = "multi_thread")]
async fn what_test_suites_ask_is_inside_all_bounds() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let ids = joined((0..90).map(|number| format!("alice-observation-{number}")), ",");
    let found = app.fhir(&tokens, &format!("Observation?patient=alice&_id={ids}&{}", includes(16))).await;
    assert_eq!((found.status, found.matches().len()), (StatusCode::OK, 30), "{}", found.body);
    let most = app.fhir(&tokens, &format!("Observation?_count={}", LARGEST_PAGE + 1)).await;
    assert!(
        most.link("self").unwrap().contains(&format!("_count={LARGEST_PAGE}")),
        "more matches come on the next page"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_from_one_address_are_bounded_too() {
    let app = App::empty().await;
    // The clock stands still: tries are counted in windows, and these must fall into one.
    let inside = app.inside(&Clock::fixed(Clock::System.now()), [].into()).await;
    let browser = inside.browse(&AuthorizeOptions::new(&inside, "alice", "patient/*.rs")).await.unwrap();
    for number in 1..=ADDRESS_FAILURES {
        let reply = inside.log_in(&browser, &format!("nobody-{number}"), "a wrong password").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{number}");
    }
    let reply = inside.log_in(&browser, "somebody-else", "a wrong password").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    app.finish().await;
}

/// A number for each number that looks like chance, so that no compression makes many of them short.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_is_found_by_more_than_a_row_holds_is_rejected() {
    let app = App::start().await;
    let members: Vec<Json> = (0..16_000)
        .map(|number| json!({"reference": format!("Observation/{:016x}{:016x}", scattered(number), scattered(number + 99_999))}))
        .collect();
    let panel = json!({"resourceType": "Observation", "id": "panel", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/alice"}, "hasMember": members});
    let report = app.load(Source::Memory(vec![panel])).await;
    assert!(report.to_string().contains("too-large"), "{report}");
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    assert_eq!(app.fhir(&tokens, "Observation/panel").await.status, StatusCode::NOT_FOUND);
    app.finish().await;
}

/// A file with a hole: it takes no room on the disk, and a test could not read it in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_more_than_a_bucket_takes_at_once_is_refused_unread() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("scan.tiff")).unwrap().set_len(DOCUMENT_BYTES + 1).unwrap();
    let letter = json!({"resourceType": "DocumentReference", "id": "letter", "status": "current",
        "subject": {"reference": "Patient/alice"},
        "content": [{"attachment": {"contentType": "image/tiff", "url": "scan.tiff"}}]});
    let feed = folder.path().join("feed.json");
    std::fs::write(&feed, letter.to_string()).unwrap();
    let report = app.load(Source::of_paths(&[feed]).unwrap()).await;
    assert_eq!(report.reasons, [(ReasonCode::TooLarge.as_str(), 1)].into(), "{report}");
    app.finish().await;
}

/// Rows of about 28 KB each, so that a call of 1 MB reads 37 of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_reads_sixteen_calls_of_a_record_and_refuses_to_read_more() {
    const EACH: usize = 28_000;
    let app = App::start().await;
    let rows = READ_CALLS * (1 << 20) / EACH;
    // Eight bytes a number, which no compression makes shorter.
    let text = |number: usize| -> String {
        let parts = (number * EACH..(number + 1) * EACH).step_by(8);
        parts.map(|part| format!("{:016x}", scattered(part as u64))).collect::<Vec<_>>().concat()
    };
    let observation = |number: usize| {
        json!({"resourceType": "Observation", "id": format!("long-{number}"), "status": "final",
            "code": {"text": "x"}, "subject": {"reference": "Patient/bob"}, "note": [{"text": text(number)}]})
    };
    assert!(app.load(Source::Memory((0..rows - 80).map(observation).collect())).await.is_clean());
    let bob = app.sign_in("bob", "patient/*.rs").await;
    let count = "Observation?_summary=count&code:not=y";
    let include = "Patient?_revinclude=Observation:subject";
    assert_eq!(app.fhir(&bob, count).await.status, StatusCode::OK);
    assert!(app.load(Source::Memory((rows - 80..rows + 40).map(observation).collect())).await.is_clean());
    for path in [count, include] {
        let reply = app.fhir(&bob, path).await;
        assert_eq!((reply.status, reply.issue().0.as_str()), (StatusCode::BAD_REQUEST, "too-costly"), "{}", reply.body);
        assert!(reply.body.contains(&format!("at most {READ_CALLS} MB of Observation")), "{}", reply.body);
    }
    app.finish().await;
}

/// Receipts name 500 resources each: three of them include more than a page may have.
#[tokio::test(flavor = "multi_thread")]
async fn matches_that_include_more_than_a_page_holds_come_on_the_next() {
    let app = App::start().await;
    let many = INCLUDED + 200;
    let feed = (0..many).map(|number| {
        json!({"resourceType": "Observation", "id": format!("many-{number}"), "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/alice"}, "effectiveDateTime": "2026-01-01"})
    });
    assert!(app.load(Source::Memory(feed.collect())).await.is_clean());
    let tokens = app.sign_in("alice", "patient/*.rs").await;
    let (mut next, mut pages, mut matches) =
        (Some("Provenance?_include=Provenance:target".to_owned()), Vec::new(), BTreeSet::new());
    let mut included = BTreeSet::new();
    while let Some(url) = next {
        let page = app.fhir(&tokens, &url).await;
        assert!(page.included().len() <= INCLUDED, "{}", page.included().len());
        assert!(page.entries("outcome").is_empty(), "nothing is left out");
        for provenance in page.entries("match") {
            assert!(matches.insert(provenance["id"].to_string()), "each match comes once");
            // Its targets are on its page, or were on one before.
            for target in provenance["target"].as_array().unwrap() {
                let target = target["reference"].as_str().unwrap().to_owned();
                assert!(page.included().contains(&target) || included.contains(&target), "{target}");
            }
        }
        included.extend(page.included());
        next = page.link("next");
        pages.push(page.included().len());
    }
    assert!(pages.len() > 1 && included.len() > many, "{pages:?} for receipts of {RECEIPT_TARGETS}");
    app.finish().await;
}
