//! Each function does only what its policy allows; and of the auth table the policy allows only what the function does.
//!
//! No emulator enforces IAM. Here every call of the real functions is held against the policies of the template.

use std::collections::BTreeSet;

use http::{HeaderMap, StatusCode};
use patient_access::load::Source;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{
    App, AuthorizeOptions, Call, Cookies, IdentityProvider, REDIRECT_URI, Templates, Tokens, VERIFIER, Wire, basic,
    fixtures,
};

use super::{Resources, functions, policies};
use crate::clients::pair::Pair as AppsPair;
use crate::clients::{ASSERTION_TYPE, inline, register};
use crate::members::{at_the_door, set};
use crate::providers::pair::Pair;
use crate::revocation::bearer;

const SCOPE: &str = "patient/*.rs openid fhirUser offline_access";

/// The right that a call needs: an action on one thing and, where that is a table, on one partition; where something is opened, for one
/// purpose.
#[derive(Debug)]
struct Need {
    action: String,
    thing: &'static str,
    partition: Option<String>,
}

impl Need {
    /// Whether a function needs it when it starts. Another instance may start while the walk goes on.
    fn is_of_a_start(&self) -> bool {
        self.action == "kms:GetPublicKey" || self.partition.as_deref() == Some("signing-keys#all")
    }
}

/// A walk through all that functions do.
struct Walk<'a> {
    app: &'a App,
    wire: &'a Wire,
    resources: Resources,
    /// The number of calls that were looked at.
    seen: usize,
    /// Which rights on the auth table were needed: function, action, and the policy's partition.
    used: BTreeSet<(String, String, String)>,
}

impl Walk<'_> {
    /// Does something that leads to one function alone, and holds its calls against its policy.
    async fn step<T>(&mut self, function: &str, action: impl Future<Output = T>) -> T {
        let result = action.await;
        for call in &self.wire.calls()[self.seen..] {
            self.seen += 1;
            for need in self.needs(call).into_iter().filter(|need| !need.is_of_a_start()) {
                assert!(self.may(function, &need), "{function} is not allowed what it does: {need:?}");
            }
        }
        result
    }

    fn needs(&self, call: &Call) -> Vec<Need> {
        let environment = self.app.environment();
        let table = |name: &Json| {
            let is =
                |(variable, _): &&(&str, &'static str)| name.as_str() == environment.get(*variable).map(String::as_str);
            let tables =
                [("RESOURCES_TABLE", "ResourcesTable"), ("AUTH_TABLE", "AuthTable"), ("AUDIT_TABLE", "AuditTable")];
            tables.iter().find(is).unwrap_or_else(|| panic!("{name} is no table of the stack")).1
        };
        let need = |action: &str, name: &Json, key: &Json| Need {
            action: format!("dynamodb:{action}"),
            thing: table(name),
            partition: Some(key.as_str().unwrap_or_else(|| panic!("{call:?} names no partition")).to_owned()),
        };
        let (body, operation) = (&call.body, call.operation.as_str());
        match operation {
            "Sign" | "GetPublicKey" | "Decrypt" => {
                let keys = [("SIGNING_KEY", "SigningKey"), ("ASSERTION_KEY", "AssertionKey"), ("DATA_KEY", "DataKey")];
                let is = |(variable, _): &&(&str, &'static str)| {
                    body["KeyId"].as_str() == environment.get(*variable).map(String::as_str)
                };
                let thing = keys.iter().find(is).unwrap_or_else(|| panic!("{body} names no key of the stack")).1;
                let purpose = body["EncryptionContext"]["purpose"].as_str().map(str::to_owned);
                vec![Need { action: format!("kms:{operation}"), thing, partition: purpose }]
            }
            "GetObject" | "HeadObject" => {
                vec![Need { action: "s3:GetObject".into(), thing: "DocumentsBucket", partition: None }]
            }
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().unwrap().iter();
                let keys = tables.flat_map(|(name, asked)| {
                    asked["Keys"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(move |key| (Json::from(name.as_str()), &key["pk"]["S"]))
                });
                keys.map(|(name, key)| need(operation, &name, key)).collect()
            }
            "TransactWriteItems" => {
                let items = body["TransactItems"].as_array().unwrap().iter();
                let of = |item: &Json| match (&item["Put"], &item["ConditionCheck"]) {
                    (put, Json::Null) => need("PutItem", &put["TableName"], &put["Item"]["pk"]["S"]),
                    (_, check) => need("ConditionCheckItem", &check["TableName"], &check["Key"]["pk"]["S"]),
                };
                items.map(of).collect()
            }
            "Query" => vec![need(operation, &body["TableName"], &body["ExpressionAttributeValues"][":pk"]["S"])],
            "PutItem" => vec![need(operation, &body["TableName"], &body["Item"]["pk"]["S"])],
            _ => vec![need(operation, &body["TableName"], &body["Key"]["pk"]["S"])],
        }
    }

    fn may(&mut self, function: &str, need: &Need) -> bool {
        let (_, properties) =
            functions(&self.resources).find(|(id, _)| *id == function).expect("there is such a function");
        let rights = policies::rights(&self.resources, function, properties);
        for right in rights.iter().filter(|right| right.action == need.action && right.thing() == need.thing) {
            let partitions = right.partitions();
            let Some(partition) = need.partition.as_ref().filter(|_| !partitions.is_empty()) else { return true };
            if let Some(held) = partitions.into_iter().find(|held| is_like(held, partition)) {
                if need.thing == "AuthTable" {
                    self.used.insert((function.to_owned(), need.action.clone(), held.to_owned()));
                }
                return true;
            }
        }
        false
    }
}

/// IAM's `StringLike`, as our policies use it.
fn is_like(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

/// Members sign in, fail to, allow and deny. Returns live tokens.
async fn pages(walk: &mut Walk<'_>) -> Tokens {
    let app = walk.app;
    let options = AuthorizeOptions::new(app, "alice", SCOPE);
    let code = walk.step("AuthorizeFunction", app.code(&options)).await;
    let reused = walk.step("AuthorizeFunction", app.code(&options)).await;
    let denied = async {
        let browser = app.browse(&options).await.unwrap();
        app.log_in(&browser, "alice", "a wrong password").await;
        let browser = app.signed_in(&options).await;
        app.log_in(&browser, "alice", &fixtures::password("alice")).await;
        app.consent(&browser, "deny").await
    };
    walk.step("AuthorizeFunction", denied).await;
    let line = ["member", "add", "--username", "eve", "--patient", "bob", "--code", "--json"];
    let added: Json = serde_json::from_str(&app.operate(&line).await.unwrap()).unwrap();
    let first = async {
        let (door, password) = (at_the_door(app).await, fixtures::password("eve"));
        set(app, &door, ("eve", added["code"].as_str().unwrap()), (&password, &password)).await
    };
    assert_eq!(walk.step("AuthorizeFunction", first).await.status, StatusCode::SEE_OTHER);
    for expected in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        assert_eq!(walk.step("TokenFunction", app.exchange(&reused)).await.status, expected);
    }
    Tokens::of(&walk.step("TokenFunction", app.exchange(&code)).await)
}

/// Somebody signs in with an identity provider, for the first time and again in the same browser.
async fn provider(walk: &mut Walk<'_>) {
    let (app, pair) = (walk.app, Pair::rsa());
    let provider = IdentityProvider::start(&[pair.jwk("k1")]).await;
    let set = format!("identity-provider set plan --issuer {} --client-id us --private-key-jwt", provider.url);
    let patient = json!({"resourceType": "Patient", "id": "carded", "identifier": [{"system": "x", "value": "card"}]});
    app.load(Source::Memory(vec![patient])).await;
    let line = format!("{set} --claim member --names identifier:x");
    app.operate(&line.split(' ').collect::<Vec<_>>()).await.unwrap();
    let options = AuthorizeOptions::new(app, "alice", SCOPE).with("prompt", Some("login"));
    let mut cookies = Cookies::default();
    for _ in 0..2 {
        let path = format!("/oauth2/authorize?{}", options.query());
        let asked = walk.step("AuthorizeFunction", app.get_with(&path, cookies.headers())).await;
        cookies.take(&asked);
        let path = format!("/login/plan?request={}", asked.redirected("request").unwrap());
        let sent = walk.step("SignInFunction", app.get_with(&path, cookies.headers())).await;
        let now = Clock::System.now().seconds();
        let claims = json!({"iss": provider.url, "sub": "s1", "aud": "us", "exp": now + 60, "iat": now,
            "nonce": sent.redirected("nonce"), "member": "card", "sid": "s"});
        let token = pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims);
        provider.publish("/token", "no-store", &json!({"id_token": token}));
        let parameters = [("code", "c"), ("state", &sent.redirected("state").unwrap()), ("iss", &provider.url)];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let path = format!("/login/plan/answer?{query}");
        let reply = walk.step("SignInFunction", app.get_with(&path, cookies.headers())).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        cookies.take(&reply);
    }
    let now = Clock::System.now().seconds();
    let claims = json!({"iss": provider.url, "sub": "s1", "aud": "us", "exp": now + 60, "iat": now,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let token = pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims);
    let form = [("logout_token", token.as_str())];
    let told = app.post("/login/plan/logout", &form, HeaderMap::new());
    assert_eq!(walk.step("SignInFunction", told).await.status, StatusCode::OK);
    let claims = json!({"iss": provider.url, "sid": "s", "aud": "us", "exp": now + 60, "iat": now,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let token = pair.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims);
    let form = [("logout_token", token.as_str())];
    let told = app.post("/login/plan/logout", &form, HeaderMap::new());
    assert_eq!(walk.step("SignInFunction", told).await.status, StatusCode::OK);
}

/// Two exchanges of one code at once: the loser reads the code again. They seldom meet, so this is tried until they do.
async fn exchanges_at_once(walk: &mut Walk<'_>) {
    let app = walk.app;
    let reread = ("TokenFunction".to_owned(), "dynamodb:GetItem".to_owned(), "code#*".to_owned());
    for _ in 0..50 {
        let code = walk.step("AuthorizeFunction", app.code(&AuthorizeOptions::new(app, "alice", SCOPE))).await;
        walk.step("TokenFunction", async { tokio::join!(app.exchange(&code), app.exchange(&code)) }).await;
        if walk.used.contains(&reread) {
            return;
        }
    }
    panic!("no two exchanges met");
}

/// Tokens are renewed, used again, asked about and given back.
async fn tokens(walk: &mut Walk<'_>, tokens: &Tokens) {
    let app = walk.app;
    let next = Tokens::of(&walk.step("TokenFunction", app.refresh(tokens)).await);
    let last = Tokens::of(&walk.step("TokenFunction", app.refresh(&next)).await);
    let secret = || basic("server-app", &app.client_secret);
    for token in [&last.access, last.refresh.as_ref().unwrap()] {
        let form = [("token", token.as_str())];
        walk.step("IntrospectFunction", app.post("/oauth2/introspect", &form, secret())).await;
    }
    let form = [("token", last.access.as_str())];
    walk.step("IntrospectFunction", app.post("/oauth2/introspect", &form, bearer(&last.access))).await;
    assert_eq!(walk.step("TokenFunction", app.refresh(tokens)).await.status, StatusCode::BAD_REQUEST, "spent long ago");

    let pair = AppsPair::ec();
    register(app, "keyed", inline(&[pair.jwk("k1")])).await;
    let options = AuthorizeOptions::new(app, "alice", SCOPE).with("client_id", Some("keyed"));
    let proof = || pair.assertion(app, "keyed", "k1");
    for which in ["access_token", "refresh_token"] {
        let code = walk.step("AuthorizeFunction", app.code(&options)).await;
        let signed = [("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", proof())];
        let mut form = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        form.extend([("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)]);
        form.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let given = Tokens::of(&walk.step("TokenFunction", app.token(&form, HeaderMap::new())).await);
        let token = given.answer[which].as_str().unwrap();
        for (function, path) in [("IntrospectFunction", "/oauth2/introspect"), ("RevokeFunction", "/oauth2/revoke")] {
            let proof = proof();
            let form =
                [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", proof.as_str())];
            let reply = walk.step(function, app.post(path, &form, HeaderMap::new())).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
        }
    }
}

/// A member reads, and a member stops an app and signs out.
async fn data_and_account(walk: &mut Walk<'_>, tokens: &Tokens) {
    let app = walk.app;
    for (function, paths) in [
        (
            "ReadFunction",
            &[
                "Patient/alice",
                "Coverage/alice-coverage",
                "Coverage/bob-coverage",
                "Practitioner/doctor",
                "Organization/nobodys",
                "Device/alice-device",
                "Binary/none",
                "DocumentReference/$docref?patient=alice",
            ][..],
        ),
        (
            "SearchFunction",
            &[
                "ExplanationOfBenefit?_include=*&_revinclude=Provenance:target",
                "Coverage?payor.identifier=x|y",
                "Observation?_lastUpdated=gt2020-01-01&_sort=date",
                "Practitioner?name=doe",
                "PractitionerRole?practitioner.name=only",
                "Organization?_lastUpdated=gt2020-01-01",
                "Provenance",
            ],
        ),
        ("EverythingFunction", &["Patient/alice/$everything", "Patient/alice/$everything?_since=2020-01-01"]),
    ] {
        for path in paths {
            walk.step(function, app.fhir_unguarded(tokens, path)).await;
        }
    }
    let told = walk.step("UserinfoFunction", app.get_with("/oauth2/userinfo", bearer(&tokens.access))).await;
    assert_eq!(told.status, StatusCode::OK);
    walk.step("JwksFunction", app.get("/oauth2/jwks")).await;

    let browser = walk.step("AuthorizeFunction", app.signed_in(&AuthorizeOptions::new(app, "alice", SCOPE))).await;
    let headers = || browser.cookies.headers();
    let page = walk.step("AccountFunction", app.get_with("/account", headers())).await;
    let csrf = page.field("csrf");
    for button in [("stop", "app"), ("do", "sign-out")] {
        let reply = walk.step("AccountFunction", app.post("/account", &[("csrf", &csrf), button], headers())).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{button:?}: {}", reply.body);
    }
}

/// Somebody acts for members: chooses one, allows an app, sees and ends it; and the member ends another.
async fn delegates(walk: &mut Walk<'_>) {
    let app = walk.app;
    let password = fixtures::password("dora");
    app.operate(&["member", "add", "--username", "dora", "--not-yet", "--password", &password]).await.unwrap();
    let mut ids = Vec::new();
    for (who, patient) in [("alice", "bob"), ("dora", "alice")] {
        let line = ["delegation", "add", "--for", patient, "--username", who, "--as", "proxy", "--ground", "g"];
        let told = app.operate(&[&line[..], &["--said-by", "s", "--json"]].concat()).await.unwrap();
        ids.push(serde_json::from_str::<Json>(&told).unwrap()["id"].as_str().unwrap().to_owned());
    }
    let options = AuthorizeOptions::new(app, "alice", SCOPE);
    let chosen = async {
        let mut browser = app.signed_in(&options).await;
        app.choose(&mut browser, "bob").await;
        app.consent(&browser, "allow").await.redirected("code").unwrap()
    };
    let code = walk.step("AuthorizeFunction", chosen).await;
    let tokens = Tokens::of(&walk.step("TokenFunction", app.exchange(&code)).await);
    let renewed = Tokens::of(&walk.step("TokenFunction", app.refresh(&tokens)).await);
    app.keep_secret(&renewed.access);
    let signed_in = async {
        let mut door = at_the_door(app).await;
        let reply = app.log_in(&door, "alice", &fixtures::password("alice")).await;
        door.cookies.take(&reply);
        door.cookies
    };
    let browser = walk.step("AuthorizeFunction", signed_in).await;
    let page = walk.step("AccountFunction", app.get_with("/account", browser.headers())).await;
    let csrf = page.field("csrf");
    for id in ids {
        let form = [("csrf", csrf.as_str()), ("end", id.as_str())];
        let reply = walk.step("AccountFunction", app.post("/account", &form, browser.headers())).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    }
}

/// Answers are counted: first answers, a second one of each member, and one that somebody else counted first.
async fn count(walk: &mut Walk<'_>) {
    let app = walk.app;
    let event = |moment: &str| {
        let image = json!({"pk": {"S": "Patient/alice"}, "sk": {"S": moment}, "outcome": {"S": "ok"}, "client": {"S": "counted"},
            "given": {"N": "1"}});
        json!({"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": image}}]})
    };
    for moment in ["2026-01-01T00:00:00.000Z#1", "2026-01-01T00:00:01.000Z#2"] {
        walk.step("CountFunction", app.invoke("count", &event(moment))).await;
    }
    // Two at once: the loser reads the row that the winner wrote.
    let reread = ("CountFunction".to_owned(), "dynamodb:GetItem".to_owned(), "counted#*".to_owned());
    for year in 1000..1050 {
        let [one, other] = [1, 2].map(|request| event(&format!("{year}-01-01T00:00:00.000Z#{request}")));
        walk.step("CountFunction", async { tokio::join!(app.invoke("count", &one), app.invoke("count", &other)) })
            .await;
        if walk.used.contains(&reread) {
            return;
        }
    }
    panic!("no two counts met");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_function_is_one_that_its_policy_allows_and_no_right_on_the_auth_table_is_idle() {
    let wire = Wire::new().await;
    let app = App::behind(&wire).await;
    let resources = Templates::read().resources();
    let mut walk = Walk { app: &app, wire: &wire, resources, seen: wire.calls().len(), used: BTreeSet::new() };
    let live = pages(&mut walk).await;
    provider(&mut walk).await;
    exchanges_at_once(&mut walk).await;
    data_and_account(&mut walk, &live).await;
    // The member stopped the app just now.
    let code = walk.step("AuthorizeFunction", app.code(&AuthorizeOptions::new(&app, "alice", SCOPE))).await;
    let renewed = Tokens::of(&walk.step("TokenFunction", app.exchange(&code)).await);
    tokens(&mut walk, &renewed).await;
    delegates(&mut walk).await;
    count(&mut walk).await;

    let mut idle = BTreeSet::new();
    for (function, properties) in functions(&walk.resources) {
        for right in policies::rights(&walk.resources, function, properties) {
            for partition in right.partitions().into_iter().filter(|_| right.thing() == "AuthTable") {
                let right = (function.clone(), right.action.to_owned(), partition.to_owned());
                // Functions read which keys there are when they start.
                if partition != "signing-keys#all" && !walk.used.contains(&right) {
                    idle.insert(right);
                }
            }
        }
    }
    assert!(idle.is_empty(), "rights that no function needs: {idle:#?}");
    app.finish().await;
}

#[test]
fn data_functions_are_held_to_the_partitions_of_members_and_of_what_they_share() {
    let mut expected: BTreeSet<String> = shared_types().iter().map(|name| format!("{name}/*")).collect();
    expected.extend(["Patient/*".to_owned(), "shared".to_owned()]);
    let resources = Templates::read().resources();
    let mut held = 0;
    for (function, properties) in functions(&resources) {
        for right in policies::rights(&resources, function, properties) {
            if right.thing() == "ResourcesTable" {
                let partitions: BTreeSet<String> = right.partitions().into_iter().map(str::to_owned).collect();
                assert_eq!(partitions, expected, "{function} {}", right.action);
                held += 1;
            }
        }
    }
    assert!(held > 0);
}

/// The types whose resources members may share.
fn shared_types() -> Vec<&'static str> {
    let types = shared::fhir::types::TYPES.iter();
    types.filter(|resource_type| resource_type.is_shared()).map(|resource_type| resource_type.name).collect()
}
