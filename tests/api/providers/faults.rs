//! Every call to AWS on the way in by a provider fails, as [`crate::faults`] has them fail: throttled, dropped, performed with its
//! answer lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use http::{Request, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, AuthorizeOptions, Cookies, Fault, Reply, Wire};

use super::stand::{FOREIGN, Stand};
use crate::faults::every_fault;

/// The number of walks at once.
const SIDE_BY_SIDE: usize = 16;

struct Walk<'a> {
    stand: &'a Stand,
    inside: App,
    wire: Wire,
    subject: String,
    what: String,
    lost: bool,
    busy: AtomicUsize,
}

impl<'a> Walk<'a> {
    async fn new(stand: &'a Stand, number: usize, fault: Option<(usize, Fault, bool)>) -> Walk<'a> {
        let wire = Wire::new().await;
        wire.lead_to(stand.app.environment());
        let inside = stand.app.inside(&Clock::System, wire.environment()).await;
        if let Some((nth, fault, lasting)) = fault {
            wire.plan(nth, fault, lasting);
        }
        let lost = fault.is_some_and(|(_, fault, _)| fault == Fault::AnswerLost);
        let subject = format!("walker-{number}");
        Walk { stand, inside, wire, subject, what: format!("{fault:?}"), lost, busy: AtomicUsize::new(0) }
    }

    async fn ask(&self, path: &str, cookies: &Cookies) -> Reply {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.inside.url()) };
        let mut request = Request::get(url).body(String::new()).unwrap();
        *request.headers_mut() = cookies.headers();
        let reply = self.inside.answer(request).await;
        if reply.status.is_server_error() {
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{} {path}: {reply:?}", self.what);
            assert!(reply.headers.get("set-cookie").is_none(), "{} {path}: {reply:?}", self.what);
            self.busy.fetch_add(1, Ordering::Relaxed);
        }
        reply
    }

    /// As a person who tries a page again that was busy.
    async fn go_to(&self, path: &str, cookies: &mut Cookies) -> Reply {
        let reply = self.ask(path, cookies).await;
        let reply = if reply.status.is_server_error() { self.ask(path, cookies).await } else { reply };
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{} {path}: {reply:?}", self.what);
        cookies.take(&reply);
        reply
    }

    /// From the app to the session; `None` where the person has to start again.
    async fn sign_in(&self, cookies: &mut Cookies) -> Option<Reply> {
        let options = AuthorizeOptions::new(&self.inside, "alice", "patient/*.rs").with("prompt", Some("login"));
        let asked = self.go_to(&format!("/oauth2/authorize?{}", options.query()), cookies).await;
        let page = self.go_to(asked.header("location"), cookies).await;
        let sent = self.go_to(page.header("location"), cookies).await;
        let (nonce, state) = (sent.redirected("nonce").unwrap(), sent.redirected("state").unwrap());
        let now = Clock::System.now().seconds();
        let claims = json!({"iss": self.stand.provider.url, "sub": self.subject, "aud": "us", "exp": now + 300, "iat": now,
            "nonce": nonce, "member": "A1"});
        let token = self.stand.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims);
        let code = format!("code-of-{nonce}");
        self.stand.provider.give(&code, &json!({"access_token": FOREIGN, "id_token": token}));
        let parameters = [("code", &code), ("state", &state), ("iss", &self.stand.provider.url)];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let reply = self.ask(&format!("/login/plan/answer?{query}"), cookies).await;
        if reply.status == StatusCode::SEE_OTHER {
            cookies.take(&reply);
            return Some(reply);
        }
        let over = reply.status == StatusCode::BAD_REQUEST;
        assert!(reply.status.is_server_error() || (over && self.lost), "{}: {reply:?}", self.what);
        None
    }

    /// Goes all the way, and once more if need be; then checks what is left. Returns the number of calls.
    async fn go(&self) -> usize {
        let (before, mut cookies) = (self.wire.calls().len(), Cookies::default());
        let first = self.sign_in(&mut cookies).await;
        let calls = self.wire.calls().len() - before;
        let reply = match first {
            Some(reply) => reply,
            None => self.sign_in(&mut cookies).await.unwrap_or_else(|| panic!("{}: a new start gets there", self.what)),
        };
        self.wire.mend();
        let page = self.ask(reply.header("location"), &cookies).await;
        assert!(page.status == StatusCode::OK && page.body.contains("asks to see"), "{}: {page:?}", self.what);
        let members = self.stand.app.stored("member").await;
        let is_this = |member: &&Json| member["sign_ins"][0]["subject"] == self.subject.as_str();
        assert_eq!(members.values().filter(is_this).count(), 1, "{}: one person", self.what);
        calls
    }
}

/// T150
#[tokio::test(flavor = "multi_thread")]
async fn after_any_failed_call_a_new_start_signs_in_and_makes_one_person() {
    let stand = Stand::over(App::empty().await).await;
    // The look-up of a number is part of the way: its key is opened, its row read, and whether the Patient was replaced.
    let card = json!([{"system": "http://plan.example/cards", "value": "A1"}]);
    let patient = json!({"resourceType": "Patient", "id": "alice", "identifier": card});
    stand.app.load(Source::Memory(vec![patient])).await;
    let set = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", stand.provider.url);
    stand.operate(&format!("{set} --claim member --names identifier:http://plan.example/cards")).await;
    let calls = Walk::new(&stand, 0, None).await.go().await;
    assert!(calls > 10, "the way from the app to a session takes {calls} calls");
    let planned = every_fault(calls);
    stream::iter(planned.iter().enumerate())
        .map(async |(number, fault)| {
            let walk = Walk::new(&stand, number + 1, Some(*fault)).await;
            walk.go().await;
            // A lasting fault shows exactly once: no server takes a failed call for an answer.
            assert_eq!(walk.busy.into_inner(), usize::from(fault.2), "{fault:?}");
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await;
    stand.app.finish().await;
}
