//! A call to AWS fails, at every place where one can. The fault is on the wire between the SDK and its service: the
//! call is throttled, dropped before the service receives it, or performed with its answer lost.
//!
//! The walks through every call run on the functions' servers in this process, side by side, each over a wire of its
//! own. The SDK waits a second or two before it gives up, and there are more than a hundred walks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value as Json;
use shared::access::grant::Grant;
use shared::clock::Clock;
use shared::oauth::code::AuthorizationCode;
use shared::secret::Secret;
use tests::{App, AuthorizeOptions, Cookies, Fault, REDIRECT_URI, Reply, Tokens, VERIFIER, Wire, claims_of};

const SCOPE: &str = "patient/*.rs openid fhirUser offline_access";

/// The number of walks at once.
const SIDE_BY_SIDE: usize = 16;

/// The server is busy and says when to try again. No fault of AWS may show in another way.
fn assert_busy(reply: &Reply, what: &str) {
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{what}: {reply:?}");
    let is_page = reply.header("content-type").starts_with("text/html");
    assert!(is_page || says_when_to_come_again(reply), "{what}: {reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store", "{what}");
}

fn says_when_to_come_again(reply: &Reply) -> bool {
    reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0)
}

/// A member's walk from the app to a refreshed token, over a wire that may break once.
struct Walk<'a> {
    outside: &'a App,
    inside: App,
    wire: Wire,
    name: String,
    what: String,
    lost: bool,
    /// The number of times that the server was busy.
    busy: AtomicUsize,
}

impl<'a> Walk<'a> {
    async fn new(outside: &'a App, number: usize, fault: Option<(usize, Fault, bool)>) -> Walk<'a> {
        let name = format!("walker-{number}");
        outside.add_member(&name, &name).await;
        let wire = Wire::new().await;
        wire.lead_to(outside.environment());
        let inside = outside.inside(&Clock::System, wire.environment()).await;
        if let Some((nth, fault, lasting)) = fault {
            wire.plan(nth, fault, lasting);
        }
        let lost = fault.is_some_and(|(_, fault, _)| fault == Fault::AnswerLost);
        Walk { outside, inside, wire, name, what: format!("{fault:?}"), lost, busy: AtomicUsize::new(0) }
    }

    /// Sends a request, and once more if the server was busy.
    async fn ask(&self, request: impl Fn() -> Request<String>) -> Reply {
        let reply = self.inside.answer(request()).await;
        if !reply.status.is_server_error() {
            return reply;
        }
        self.note_busy(&reply);
        self.inside.answer(request()).await
    }

    fn note_busy(&self, reply: &Reply) {
        assert_busy(reply, &self.what);
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    async fn get(&self, path: &str, headers: &HeaderMap) -> Reply {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.inside.url()) };
        self.ask(|| {
            let mut request = Request::get(&url).body(String::new()).unwrap();
            request.headers_mut().extend(headers.clone());
            request
        })
        .await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], headers: &HeaderMap) -> Reply {
        self.ask(|| posted(&self.inside, path, form, headers)).await
    }

    /// Goes from the authorize endpoint to a code. `None` if an answer was lost and the member has to start again.
    async fn to_code(&self) -> Option<String> {
        let (options, mut cookies) = (AuthorizeOptions::new(&self.inside, &self.name, SCOPE), Cookies::default());
        let asked = self.get(&format!("/oauth2/authorize?{}", options.query()), &HeaderMap::new()).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}: {asked:?}", self.what);
        cookies.take(&asked);
        let page = self.get(asked.header("location"), &cookies.headers()).await;
        assert_eq!(page.status, StatusCode::OK, "{}: {page:?}", self.what);
        let (request, csrf) = (page.field("request"), page.field("csrf"));
        let password = tests::fixtures::password(&self.name);
        let form = [("request", &*request), ("csrf", &*csrf), ("username", &*self.name), ("password", &*password)];
        let signed_in = self.post("/login", &form, &cookies.headers()).await;
        if self.has_to_start_again(&signed_in) {
            return None;
        }
        cookies.take(&signed_in);
        let page = self.get(signed_in.header("location"), &cookies.headers()).await;
        assert_eq!(page.status, StatusCode::OK, "{}: {page:?}", self.what);
        let csrf = page.field("csrf");
        let mut form = vec![("request", &*request), ("csrf", &*csrf), ("decision", "allow")];
        let scopes = page.checkboxes();
        form.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        let consented = self.post("/consent", &form, &cookies.headers()).await;
        if self.has_to_start_again(&consented) {
            return None;
        }
        Some(consented.redirected("code").unwrap_or_else(|| panic!("{}: {consented:?}", self.what)))
    }

    fn has_to_start_again(&self, reply: &Reply) -> bool {
        let over = reply.status == StatusCode::BAD_REQUEST;
        assert!(!over || self.lost, "{}: the request is over although nothing was done: {reply:?}", self.what);
        assert!(over || reply.status == StatusCode::SEE_OTHER, "{}: {reply:?}", self.what);
        over
    }

    /// Exchanges a code for tokens. A fault before the commit leaves the code as it was; one after it leaves no live
    /// grant.
    async fn exchanged(&self, code: &str) -> Option<Tokens> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", "app"),
            ("code_verifier", VERIFIER),
        ];
        let send = async || self.inside.answer(posted(&self.inside, "/oauth2/token", &form, &HeaderMap::new())).await;
        let reply = send().await;
        if reply.status == StatusCode::OK {
            return Some(Tokens::of(&reply));
        }
        self.note_busy(&reply);
        let key = Secret::from_client(code).hashed().0;
        let stored: AuthorizationCode = self.outside.record(&key).await.expect("the code is there");
        let grant: Option<Grant> = self.outside.record(&stored.grant).await;
        assert_eq!(stored.spent, grant.is_some(), "{}: half a grant", self.what);
        assert!(!stored.spent || self.lost, "{}: the code was spent for nothing", self.what);
        let again = send().await;
        if !stored.spent {
            return Some(Tokens::of(&again));
        }
        assert_eq!(again.json()["error"], "invalid_grant", "{}: {again:?}", self.what);
        let grant: Grant = self.outside.record(&stored.grant).await.expect("a grant is kept");
        assert!(!grant.is_live(Clock::System.now()), "{}: a grant is live although nobody has its token", self.what);
        None
    }

    async fn refreshed(&self, tokens: &Tokens) -> Tokens {
        let refresh = tokens.refresh.as_deref().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "app")];
        Tokens::of(&self.post("/oauth2/token", &form, &HeaderMap::new()).await)
    }

    /// Goes all the way, then checks what is left. Returns the number of calls.
    async fn go(&self) -> usize {
        let before = self.wire.calls().len();
        let mut given = None;
        for _ in 0..2 {
            let Some(code) = self.to_code().await else { continue };
            let Some(first) = self.exchanged(&code).await else { continue };
            let second = self.refreshed(&first).await;
            given = Some((first, second));
            break;
        }
        let calls = self.wire.calls().len() - before;
        self.wire.mend();
        let (first, second) = given.unwrap_or_else(|| panic!("{}: a member who starts again gets there", self.what));
        for tokens in [&first, &second] {
            let reply = self.outside.with_bearer(&tokens.access, "Patient/none").await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}: the token is good: {reply:?}", self.what);
            let grant = claims_of(&tokens.access)["grant"].as_str().unwrap().to_owned();
            let records = self.outside.audit(&format!("Patient/{}", self.name)).await;
            let recorded = |action: &str| {
                let of_this = |r: &&BTreeMap<String, String>| r["action"] == action && r.get("grant") == Some(&grant);
                records.iter().any(|record| of_this(&record) && record["outcome"] == "ok")
            };
            assert!(recorded("token") && recorded("refresh"), "{}: tokens without a record", self.what);
        }
        let grants = self.outside.stored("grant").await;
        let live = grants.values().filter(|grant| grant["patient"] == self.name.as_str()).filter(|grant| {
            serde_json::from_value::<Grant>((*grant).clone()).is_ok_and(|grant| grant.is_live(Clock::System.now()))
        });
        assert_eq!(live.count(), 1, "{}: one family lives", self.what);
        let third = Tokens::of(&self.outside.refresh(&second).await);
        for spent in [&first, &third] {
            let reply = self.outside.refresh(spent).await;
            assert_eq!(reply.json()["error"], "invalid_grant", "{}: a second living end", self.what);
        }
        calls
    }
}

fn posted(app: &App, path: &str, form: &[(&str, &str)], headers: &HeaderMap) -> Request<String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::post(format!("{}{path}", app.url())).body(body).unwrap();
    *request.headers_mut() = headers.clone();
    request.headers_mut().insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    request
}

/// The ways in which each of `calls` calls can fail: its number, the fault, and whether the fault lasts.
pub(crate) fn every_fault(calls: usize) -> Vec<(usize, Fault, bool)> {
    let faults =
        [(Fault::Throttled, true), (Fault::Dropped, true), (Fault::AnswerLost, true), (Fault::AnswerLost, false)];
    faults.iter().flat_map(|(fault, lasting)| (0..calls).map(|nth| (nth, *fault, *lasting))).collect()
}

/// T118, T119, and T036 and T046 with the client's own retry as the second request
#[tokio::test(flavor = "multi_thread")]
async fn after_any_failed_call_a_retry_reaches_a_refreshed_token_and_one_family_lives() {
    let app = App::empty().await;
    let calls = Walk::new(&app, 0, None).await.go().await;
    assert!(calls > 20, "the way from the app to a refreshed token takes {calls} calls");
    let planned = every_fault(calls);
    stream::iter(planned.iter().enumerate())
        .map(async |(number, fault)| {
            let walk = Walk::new(&app, number + 1, Some(*fault)).await;
            walk.go().await;
            // A lasting fault shows exactly once: no server takes a failed call for an answer.
            assert_eq!(walk.busy.into_inner(), usize::from(fault.2), "{fault:?}");
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    app.finish().await;
}

/// T119
#[tokio::test(flavor = "multi_thread")]
async fn while_kms_does_not_sign_nothing_is_spent() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let options = AuthorizeOptions::new(&app, "alice", SCOPE);
    let mut last = None;
    for fault in [Fault::Throttled, Fault::Dropped] {
        let code = app.code(&options).await;
        wire.fail("Sign", fault);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", "app"),
            ("code_verifier", VERIFIER),
        ];
        let reply = app.answer(posted(&app, "/oauth2/token", &form, &HeaderMap::new())).await;
        wire.mend();
        assert_busy(&reply, &format!("{fault:?}"));
        assert_eq!(reply.json()["error"], "temporarily_unavailable");
        last = Some(Tokens::of(&app.exchange(&code).await));
    }
    let tokens = last.unwrap();
    wire.fail("Sign", Fault::Throttled);
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_deref().unwrap()), ("client_id", "app")];
    let reply = app.answer(posted(&app, "/oauth2/token", &form, &HeaderMap::new())).await;
    wire.mend();
    assert_busy(&reply, "a refresh");
    let renewed = Tokens::of(&app.refresh(&tokens).await);
    assert_eq!(app.fhir(&renewed, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_busy_says_when_to_come_again() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    wire.fail("GetItem", Fault::Throttled);
    let path = format!("/oauth2/authorize?{}", AuthorizeOptions::new(&app, "alice", SCOPE).query());
    let reply = app.answer(Request::get(format!("{}{path}", app.url())).body(String::new()).unwrap()).await;
    assert_busy(&reply, "authorize");
    assert!(says_when_to_come_again(&reply), "{reply:?}");
    app.finish().await;
}

/// T119: the operator disabled the key, or the policy denies the action
#[tokio::test(flavor = "multi_thread")]
async fn while_the_key_is_disabled_nothing_is_spent_and_the_client_is_told_to_come_again() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let code = app.code(&AuthorizeOptions::new(&app, "alice", SCOPE)).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "app"),
        ("code_verifier", VERIFIER),
    ];
    wire.fail("Sign", Fault::Refused);
    let reply = app.answer(posted(&app, "/oauth2/token", &form, &HeaderMap::new())).await;
    wire.mend();
    assert_busy(&reply, "a disabled key");
    assert!(
        !reply.body.contains("Disabled") && !reply.body.contains("KMS"),
        "the answer tells nothing of the fault inside"
    );
    let tokens = Tokens::of(&app.exchange(&code).await);
    assert_eq!(app.fhir(&tokens, "Patient/alice").await.status, StatusCode::OK);
    app.finish().await;
}

/// T114, T115 and T122: throttled, unreachable, and no audit
#[tokio::test(flavor = "multi_thread")]
async fn after_any_failed_call_a_data_request_is_answered_whole_or_not_at_all() {
    let app = App::start().await;
    let tokens = app.sign_in("alice", SCOPE).await;
    let request = |path: &str| {
        let request = Request::get(format!("{}/fhir/{path}", app.url()));
        request.header(header::AUTHORIZATION, format!("Bearer {}", tokens.access)).body(String::new()).unwrap()
    };
    let ask = async |path: &'static str, fault: Option<(usize, Fault)>| {
        let wire = Wire::new().await;
        wire.lead_to(app.environment());
        let inside = app.inside(&Clock::System, wire.environment()).await;
        let before = wire.calls().len();
        if let Some((nth, fault)) = fault {
            wire.plan(nth, fault, true);
        }
        (inside.answer(request(path)).await, wire.calls().len() - before)
    };
    let mut planned = Vec::new();
    let mut whole = BTreeMap::new();
    for path in ["Patient/alice", "Observation?_count=5&_include=Observation:patient", "Patient/alice/$everything"] {
        let (reply, calls) = ask(path, None).await;
        assert!(reply.status == StatusCode::OK && calls >= 3, "{path}: {calls} calls");
        whole.insert(path, reply.body);
        let faults = [Fault::Throttled, Fault::Dropped, Fault::AnswerLost];
        planned.extend(faults.iter().flat_map(|fault| (0..calls).map(move |nth| (path, nth, *fault))));
    }
    let answers = stream::iter(planned)
        .map(async |(path, nth, fault)| (path, nth, fault, ask(path, Some((nth, fault))).await.0))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    for (path, nth, fault, reply) in answers {
        let what = format!("{path}: call {nth} {fault:?}");
        assert_busy(&reply, &what);
        assert_eq!(reply.issue().0, "transient", "{what}");
        assert!(!reply.body.contains("alice") && reply.body != whole[path], "{what}: {}", reply.body);
    }
    app.finish().await;
}

/// Revocation takes effect with the next request only if no read of the grant may return an old one.
#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_the_auth_table_is_consistent_and_no_request_scans() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let tokens = Tokens::of(&app.refresh(&app.sign_in("alice", SCOPE).await).await);
    for path in ["Patient/alice", "Observation", "Patient/alice/$everything", "Patient?_revinclude=Observation:subject"]
    {
        assert_eq!(app.fhir(&tokens, path).await.status, StatusCode::OK);
    }
    let table = &app.environment()["AUTH_TABLE"];
    let mut reads = 0;
    for call in wire.calls() {
        let asked: &Json = match call.operation.as_str() {
            "GetItem" | "Query" if call.body["TableName"] == table.as_str() => &call.body,
            "BatchGetItem" if call.body["RequestItems"].get(table).is_some() => &call.body["RequestItems"][table],
            operation => {
                assert!(operation != "Scan", "{call:?}");
                continue;
            }
        };
        assert_eq!(asked["ConsistentRead"], true, "{call:?}");
        reads += 1;
    }
    assert!(reads > 12, "{reads} reads were seen");
    app.finish().await;
}
