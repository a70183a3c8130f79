//! A running stack with its members.

mod guard;
mod requests;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use indicatif::ProgressBar;
use local_stack::{LocalStack, Options};
use patient_access::cloudformation::output_of;
use patient_access::demo;
use patient_access::load::{Report, Source, load};
use patient_access::stack::{Descriptor, Stack};
use serde_json::Value as Json;
use shared::clock::Clock;
use shared::oauth::client::{Authentication, Client as RegisteredClient, ClientSecret};
use shared::oauth::member::Member;
use shared::oauth::sign_in::{self, SignIn, in_directory};
use shared::secret::{Random, Secret};
use shared::store::Aws;
use shared::store::auth::Commit;

use crate::audit::{Record, records};
use crate::browser::REDIRECT_URI;
use crate::fixtures;
use crate::inside::Inside;
use crate::tools::{binaries, checkout};
use crate::wire::Wire;
use guard::Guard;

/// A running stack with alice, bob and carol, a public app `app`, and a confidential one `server-app`.
pub struct App {
    /// The stack. Its logs are read at its end.
    guard: Arc<Guard>,
    way: Way,
    /// The client secret of `server-app`.
    pub client_secret: String,
}

/// How requests get to the servers.
enum Way {
    /// Over HTTP, through the local API Gateway to the functions' own processes.
    Gateway(Box<Client<HttpConnector, Full<Bytes>>>),
    /// To the same servers in this process. The test holds their clock and their connection to storage.
    Inside(Box<Inside>),
}

impl App {
    /// Starts everything and loads the fixtures.
    pub async fn start() -> App {
        App::empty().await.with_fixtures().await
    }

    /// Loads the fixtures.
    pub async fn with_fixtures(self) -> App {
        let report = self.load(Source::Memory(fixtures::resources())).await;
        assert!(report.is_clean(), "{report}");
        for name in ["alice", "bob", "carol"] {
            self.add_member(name, name).await;
        }
        self
    }

    /// Starts everything, with the apps and without members.
    pub async fn empty() -> App {
        App::with(Options { binaries: binaries().to_owned(), ..Options::default() }).await
    }

    /// Starts everything, with the functions' binaries from another folder, and without members.
    pub async fn of_binaries(folder: &Path) -> App {
        App::with(Options { binaries: folder.to_owned(), ..Options::default() }).await
    }

    /// Starts everything and loads the fixtures, with functions that are handed the streams of tables.
    pub async fn with_streams() -> App {
        let options = Options { binaries: binaries().to_owned(), streams: true, ..Options::default() };
        App::with(options).await.with_fixtures().await
    }

    /// Starts everything as `cargo run` does, with the welcome page and the demo app, and loads these sample members.
    pub async fn with_samples(usernames: &[&str]) -> App {
        let sample = fixtures::household(usernames);
        let pages = demo::pages(&sample.members);
        let app = App::with(Options { binaries: binaries().to_owned(), pages, ..Options::default() }).await;
        app.register(&demo::client(app.url(), Clock::System.now())).await;
        let report = app.load(Source::Memory(sample.resources)).await;
        assert!(report.is_clean(), "{report}");
        for member in &sample.members {
            app.add_member_with(&member.username, &member.username, &member.password).await;
        }
        app
    }

    /// Starts everything and loads the fixtures, with `wire` between the functions and their services.
    pub async fn behind(wire: &Wire) -> App {
        let environment = wire.environment();
        let app = App::with(Options { binaries: binaries().to_owned(), environment, ..Options::default() }).await;
        wire.lead_to(app.environment());
        app.with_fixtures().await
    }

    /// Starts everything and loads the fixtures, with these variables of the functions' environment changed.
    pub async fn with_environment(changed: &[(&str, &str)]) -> App {
        let environment = changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = Options { binaries: binaries().to_owned(), environment, ..Options::default() };
        App::with(options).await.with_fixtures().await
    }

    /// Starts DynamoDB, S3 and KMS, with the apps and without members. Somebody else serves the functions on `port`.
    pub async fn services_only(port: u16) -> App {
        App::with(Options { services_only: true, port, ..Options::default() }).await
    }

    async fn with(options: Options) -> App {
        let mut options = Options { template: checkout().join("template.yaml"), ..options };
        options.parameters.entry("PrivateKeyJwt".to_owned()).or_insert_with(|| "yes".to_owned());
        let stack = LocalStack::start(options).await.expect("the stack starts");
        let secret = Random::system().secret();
        let app = App {
            guard: Arc::new(Guard::new(stack)),
            way: Way::Gateway(Box::new(Client::builder(TokioExecutor::new()).build_http())),
            client_secret: secret.reveal().to_owned(),
        };
        app.keep_secret(secret.reveal());
        app.register(&app_named("app")).await;
        let secret = ClientSecret::new("first", &secret, Clock::System.now());
        let server_app =
            RegisteredClient { authentication: Authentication::Secret(vec![secret]), ..app_named("server-app") };
        app.register(&server_app).await;
        app
    }

    /// The same stack, asked in this process: at the time of `clock`, and with `changed` over the stack's own
    /// variables.
    pub async fn inside(&self, clock: &Clock, changed: BTreeMap<String, String>) -> App {
        let mut environment = self.environment().clone();
        environment.extend(changed);
        App {
            guard: self.guard.clone(),
            way: Way::Inside(Box::new(Box::pin(Inside::new(&environment, clock)).await)),
            client_secret: self.client_secret.clone(),
        }
    }

    /// Registers one more app.
    pub async fn register(&self, client: &RegisteredClient) {
        let stack = self.stack_to_work_on().await;
        stack.auth().commit(Commit::default().create(client)).await.expect("the app is new");
    }

    /// The URL of the gateway.
    pub fn url(&self) -> &str {
        self.guard.stack().url()
    }

    /// The environment variables of the stack.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        self.guard.stack().environment()
    }

    /// Hands an event to the function with this binary, without the gateway. Returns the answer as it left the
    /// function.
    pub async fn invoke(&self, binary: &str, event: &Json) -> Json {
        let answer =
            self.guard.stack().invoke(binary, &event.to_string()).await.unwrap_or_else(|error| panic!("{error:#}"));
        serde_json::from_str(&answer).expect("functions answer in JSON")
    }

    /// Hands all audit records to a function that the audit table's stream leads to, as the stream does when they are new.
    pub async fn hand_over(&self, binary: &str) {
        for event in crate::audit::stream_events(self.environment()).await {
            self.invoke(binary, &event).await;
        }
    }

    /// The lines that the functions have logged so far.
    pub fn logs(&self) -> Vec<String> {
        self.guard.stack().logs().into_iter().map(|log| log.line).collect()
    }

    /// The lines logged so far, each with the logical id of the function that wrote it.
    pub fn logs_by_function(&self) -> Vec<(String, String)> {
        self.guard.stack().logs().into_iter().map(|log| (log.function, log.line)).collect()
    }

    /// The processes of the functions, by their logical ids.
    pub fn processes(&self) -> BTreeMap<String, Vec<u32>> {
        self.guard.stack().processes()
    }

    /// The log lines about answers with this route and status. Waits until there are `count` of them: a line takes a
    /// moment to come out of a function.
    pub async fn answered(&self, route: &str, status: u16, count: usize) -> Vec<Json> {
        for _ in 0..200 {
            let found = self.answered_so_far(route, status);
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("there are no {count} lines of {route} with {status}: {:?}", self.logs())
    }

    /// The log lines about answers with this route and status that have come already.
    pub fn answered_so_far(&self, route: &str, status: u16) -> Vec<Json> {
        let lines = self.logs().into_iter().filter_map(|line| serde_json::from_str::<Json>(&line).ok());
        let fields = lines.map(|line| line["fields"].clone());
        fields.filter(|fields| fields["route"] == route && fields["status"] == status).collect()
    }

    /// The audit records about a subject.
    pub async fn audit(&self, subject: &str) -> Vec<Record> {
        records(self.environment(), subject).await
    }

    /// The stack as the operator's command sees it.
    pub async fn stack_to_work_on(&self) -> Stack {
        let descriptor = Descriptor { url: self.url().to_owned(), environment: self.environment().clone() };
        Stack::local(&descriptor).await.expect("the stack has all parts")
    }

    /// Loads resources.
    pub async fn load(&self, source: Source) -> Report {
        self.load_into(&self.stack_to_work_on().await, source).await
    }

    /// Loads resources into a given stack, such as [`App::deployed_stack`].
    pub async fn load_into(&self, stack: &Stack, source: Source) -> Report {
        let folder = tempfile::tempdir().expect("there is room for a file");
        let rejected: PathBuf = folder.keep().join("rejected.ndjson");
        load(stack, &source, &rejected, Clock::System, &ProgressBar::hidden()).await.expect("the stack stores")
    }

    /// The same tables as a deployed stack's: behind an issuer on the internet.
    pub async fn deployed_stack(&self) -> Stack {
        let aws = Aws::local(self.environment()).await;
        let value = |name: &str| self.environment().get(name).cloned();
        let variable = |name: &str| match name {
            "ISSUER" => Some("https://fhir.plan.example".to_owned()),
            _ => value(name).or_else(|| value(output_of(name)?)),
        };
        Stack::new(aws, variable).expect("the stack has all parts")
    }

    /// Lets `username` sign in to the record of `patient`.
    pub async fn add_member(&self, username: &str, patient: &str) {
        self.add_member_with(username, patient, &fixtures::password(username)).await;
    }

    async fn add_member_with(&self, username: &str, patient: &str, password: &str) {
        let password = Secret::from_client(password);
        self.keep_secret(password.reveal());
        let (member, way) = in_directory(username, &password, Some(patient), &Random::system(), Clock::System.now())
            .expect("it hashes");
        let stack = self.stack_to_work_on().await;
        stack.auth().commit(Commit::default().create(&member).create(&way)).await.expect("the member is new");
    }

    /// The id of the person who signs in with that name.
    pub async fn person(&self, username: &str) -> String {
        let auth = self.stack_to_work_on().await.auth();
        let way = auth
            .get::<SignIn>(&sign_in::Way::Username(username.to_owned()).key())
            .await
            .expect("the auth table answers");
        way.expect("there is such a person").record.member
    }

    /// Changes the person who signs in with that name.
    pub async fn change_person(&self, username: &str, change: impl FnOnce(&mut Member)) {
        self.change::<Member>(&self.person(username).await, change).await;
    }

    /// Notes something that no log may show.
    pub fn keep_secret(&self, secret: &str) {
        self.guard.keep_secret(secret);
    }

    /// Has this file read at the end, too: the logs of functions that somebody else runs.
    pub fn keep_logs(&self, file: File) {
        self.guard.keep_logs(file);
    }

    /// Deletes the audit table.
    pub async fn drop_audit_table(&self) {
        crate::audit::drop(self.environment()).await;
    }

    /// Reads the logs and ends the stack in order. If a test forgets this, the logs are read all the same.
    pub async fn finish(self) {
        // While another `App` still asks the same stack, that one ends it.
        if let Some(guard) = Arc::into_inner(self.guard) {
            guard.finish().await;
        }
    }
}

/// A public app of that id, as an operator registers it. Change what a test is about.
pub fn app_named(id: &str) -> RegisteredClient {
    RegisteredClient::new(id, "Test <App>", &[REDIRECT_URI], Clock::System.now())
}
