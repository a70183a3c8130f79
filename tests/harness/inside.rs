//! The functions' servers in this process, for tests that hold the clock or the connection to storage. Everything else
//! is asked through the gateway.

use std::collections::BTreeMap;

use http::Request;
use shared::clock::Clock;
use shared::config::{Setting, from_lookup};
use shared::http::harden;
use shared::issuer::Issuer;
use shared::secret::Random;
use shared::store::Aws;
use shared::{oauth, rest};

use crate::reply::Reply;

/// Runs a long test on a thread with a deep stack. Without optimisation the servers' futures are large, and a test's
/// own thread is not deep enough for them.
pub fn with_room<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("there are threads");
        runtime.block_on(test());
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run).expect("there is room for a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The servers over a stack's services.
pub(crate) struct Inside {
    pages: oauth::Pages,
    token: oauth::TokenEndpoint,
    sign_in: oauth::SignInEndpoint,
    rest: rest::Server,
    issuer: Issuer,
    random: Random,
}

impl Inside {
    pub(crate) async fn new(environment: &BTreeMap<String, String>, clock: &Clock) -> Inside {
        fn told<S: Setting>(environment: &BTreeMap<String, String>) -> S {
            from_lookup(|name| environment.get(name).cloned()).expect("nothing is missing")
        }
        let (aws, random) = (Aws::local(environment).await, Random::system());
        let token = oauth::TokenEndpoint::new(&aws, told(environment), clock.clone(), random.clone());
        Inside {
            pages: oauth::Pages::new(&aws, told(environment), clock.clone(), random.clone()),
            sign_in: oauth::SignInEndpoint::new(&aws, told(environment), clock.clone(), random.clone()),
            token: token.await.expect("KMS gives the public keys"),
            rest: rest::Server::new(&aws, told(environment), clock.clone()).await.expect("KMS gives the public keys"),
            issuer: told(environment),
            random,
        }
    }

    /// The functions' answer. Paths are those of the template, without percent-encoding.
    pub(crate) async fn answer(&self, request: Request<String>) -> Reply {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let named = |names: &[(&str, &str)]| {
            names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let mut asked = shared::http::Request {
            method: parts.method,
            path: path.clone(),
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.into_bytes(),
            source_ip: "127.0.0.1".to_owned(),
            request_id: self.random.identifier(),
            ..shared::http::Request::default()
        };
        let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut response = match steps[..] {
            ["fhir", "Patient", id, operation] => {
                asked.parameters = named(&[("id", id), ("operation", operation)]);
                self.rest.everything(asked).await
            }
            ["fhir", kind] | ["fhir", kind, "_search"] => {
                asked.parameters = named(&[("type", kind)]);
                self.rest.search(asked).await
            }
            ["fhir", kind, id] => {
                asked.parameters = named(&[("type", kind), ("id", id)]);
                self.rest.read(asked).await
            }
            ["oauth2", "token"] => self.token.answer(asked).await,
            ["login", provider] | ["login", provider, _] => {
                asked.parameters = named(&[("provider", provider)]);
                self.sign_in.answer(asked).await
            }
            ["oauth2", "authorize"] | ["login" | "consent"] => self.pages.authorize(asked).await,
            _ => panic!("{path} is not served in this process: ask through the gateway"),
        };
        harden(&mut response, &self.issuer);
        let (parts, body) = response.into_parts();
        Reply::read(parts.status, parts.headers, body.to_vec().into())
    }
}
