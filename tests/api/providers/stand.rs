//! A stack whose members sign in with one provider, which the test leads, and a browser on its way there and back.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value as Json, json};
use shared::clock::Clock;
use tests::{App, AuthorizeOptions, Browser, Cookies, IdentityProvider, Reply};

use super::pair::Pair;

/// The access token of the provider, which goes nowhere.
pub const FOREIGN: &str = "a-token-of-the-provider-itself";

pub struct Stand {
    pub app: App,
    pub provider: IdentityProvider,
    pub pair: Pair,
}

/// A browser that was sent to the provider.
pub struct Away {
    pub cookies: Cookies,
    /// The page of the provider.
    pub address: String,
    /// The parameters of our request there.
    pub asked: BTreeMap<String, String>,
}

impl Stand {
    /// Alice, bob and carol are loaded; nobody has signed in with the provider `plan`, which is the only way in.
    pub async fn new() -> Stand {
        Stand::over(App::start().await).await
    }

    pub async fn over(app: App) -> Stand {
        let pair = Pair::rsa();
        let provider = IdentityProvider::start(&[pair.jwk("k1")]).await;
        let stand = Stand { app, provider, pair };
        stand.set("plan", &stand.provider, "").await;
        stand.operate("identity-provider local off").await;
        stand.app.keep_secret(FOREIGN);
        stand
    }

    /// Sets a provider up, with these arguments besides.
    pub async fn set(&self, name: &str, provider: &IdentityProvider, more: &str) -> Json {
        self.operate(&format!(
            "identity-provider set {name} --issuer {} --client-id us --private-key-jwt --claim member --names patient{more}",
            provider.url
        ))
        .await
    }

    pub async fn operate(&self, line: &str) -> Json {
        let told = self.app.operate(&format!("{line} --json").split(' ').collect::<Vec<_>>()).await;
        serde_json::from_str(&told.unwrap_or_else(|error| panic!("{line}: {error:#}"))).expect("it prints JSON")
    }

    /// The persons that are known, by the provider's subject.
    pub async fn persons(&self) -> BTreeMap<String, Json> {
        let members = self.operate("member list").await["members"].as_array().unwrap().clone();
        let named = members
            .into_iter()
            .filter_map(|member| Some((member["sign_ins"][0]["subject"].as_str()?.to_owned(), member)));
        named.collect()
    }

    /// An app sends a browser, which lands at the provider without a page of ours between.
    pub async fn away(&self) -> Away {
        self.away_with(Cookies::default(), "plan").await
    }

    /// As [`Stand::away`], in a browser that was here before, and to a provider of that name.
    pub async fn away_with(&self, cookies: Cookies, provider: &str) -> Away {
        self.away_wishing(cookies, provider, &[]).await
    }

    /// As [`Stand::away_with`], with an app that sends more parameters.
    pub async fn away_wishing(&self, mut cookies: Cookies, provider: &str, wishes: &[(&str, &str)]) -> Away {
        let options = AuthorizeOptions::new(&self.app, "alice", "patient/*.rs openid fhirUser");
        let options = wishes.iter().fold(options, |options, (name, value)| options.with(name, Some(value)));
        let reply = self.app.get_with(&format!("/oauth2/authorize?{}", options.query()), cookies.headers()).await;
        cookies.take(&reply);
        self.away_by(cookies, provider, reply.header("location")).await
    }

    /// The sign-in page of that address sends a browser to the provider, at once or by a link.
    pub async fn away_by(&self, mut cookies: Cookies, provider: &str, login: &str) -> Away {
        let page = self.app.get_with(login, cookies.headers()).await;
        let next = if page.status == StatusCode::SEE_OTHER {
            page.header("location").to_owned()
        } else {
            let (_, query) = login.split_once('?').unwrap();
            format!("/login/{provider}?{query}")
        };
        let sent = self.app.get_with(&next, cookies.headers()).await;
        cookies.take(&sent);
        let address = sent.header("location").to_owned();
        let (_, query) = address.split_once('?').unwrap_or_else(|| panic!("{sent:?}"));
        let asked = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Away { cookies, address, asked }
    }

    /// The claims of a good token for alice.
    pub fn claims(&self, away: &Away) -> Json {
        let now = Clock::System.now().seconds();
        json!({"iss": self.provider.url, "sub": "alice-at-plan", "aud": "us", "exp": now + 300, "iat": now, "auth_time": now - 60,
            "nonce": away.asked["nonce"], "member": "alice", "preferred_username": "alice@plan.example"})
    }

    /// Has the provider answer the next exchange with this token.
    pub fn give(&self, id_token: &str) {
        self.app.keep_secret(id_token);
        let answer = json!({"access_token": FOREIGN, "token_type": "Bearer", "id_token": id_token});
        self.provider.publish("/token", "no-store", &answer);
    }

    /// The browser comes back with a code, for which the provider gives these claims.
    pub async fn back(&self, away: &Away, claims: &Json) -> Reply {
        self.give(&self.pair.sign(&json!({"alg": "RS256", "kid": "k1"}), claims));
        self.answer(away, &self.good(away)).await
    }

    /// The parameters of a good answer.
    pub fn good(&self, away: &Away) -> Vec<(&'static str, String)> {
        vec![
            ("code", "a-code-of-the-provider".to_owned()),
            ("state", away.asked["state"].clone()),
            ("iss", self.provider.url.clone()),
        ]
    }

    /// The browser comes back with these parameters.
    pub async fn answer(&self, away: &Away, parameters: &[(&str, String)]) -> Reply {
        self.answer_at("plan", away, parameters).await
    }

    pub async fn answer_at(&self, provider: &str, away: &Away, parameters: &[(&str, String)]) -> Reply {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.app.get_with(&format!("/login/{provider}/answer?{query}"), away.cookies.headers()).await
    }

    /// The browser after a good answer: it shows the consent page.
    pub async fn consenting(&self, mut away: Away, reply: &Reply) -> Browser {
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        away.cookies.take(reply);
        let page = self.app.get_with(reply.header("location"), away.cookies.headers()).await;
        Browser { cookies: away.cookies, page }
    }
}

/// Whether an answer leaves the browser without a session.
pub fn signs_nobody_in(reply: &Reply) -> bool {
    let sets_session = |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.starts_with("session="));
    reply.status.is_client_error() && !reply.headers.get_all("set-cookie").iter().any(sets_session)
}

/// The claims of a token, unverified.
pub fn claims_of(token: &str) -> Json {
    let payload = token.split('.').nth(1).expect("a token has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("it is base64url")).expect("it is JSON")
}
