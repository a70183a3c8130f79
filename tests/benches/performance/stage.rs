//! A stack to measure on: members with data that were loaded some days ago, and requests with their cost.

use std::path::PathBuf;
use std::time::Instant;

use http::{HeaderMap, header};
use indicatif::ProgressBar;
use patient_access::load::{Report, Source, load};
use patient_access::stack::Stack;
use serde_json::Value as Json;
use shared::clock::{Clock, Time};
use tests::{App, Reply, Tokens};

use crate::callgrind::Callgrind;
use crate::processor::{self, Spent, Work};

/// The scope that the clinical and the claims guides ask for.
const SCOPE: &str = "patient/*.rs";

/// A stack.
pub struct Stage {
    /// The stack.
    pub app: App,
    /// The tool that counts the functions' instructions, where something does.
    callgrind: Option<Callgrind>,
}

/// An answer and its cost.
pub struct Asked {
    /// The answer.
    pub reply: Reply,
    /// Milliseconds that it took the client.
    pub ms: f64,
    /// The work of the functions' processes.
    pub work: Work,
    /// The function's own log line about it.
    pub line: Json,
}

/// Loads resources as of a moment. Returns the report and the seconds it took.
pub async fn load_at(stack: &Stack, source: &Source, moment: Time) -> (Report, f64) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let rejected: PathBuf = folder.path().join("rejected.ndjson");
    let started = Instant::now();
    let report = load(stack, source, &rejected, Clock::fixed(moment), &ProgressBar::hidden()).await;
    let report = report.expect("the stack stores");
    if !report.is_clean() {
        eprintln!(
            "{report}{}",
            std::fs::read_to_string(&rejected).unwrap_or_default().chars().take(2000).collect::<String>()
        );
    }
    (report, started.elapsed().as_secs_f64())
}

/// The moment `days` before now.
pub fn days_ago(days: i64) -> Time {
    Clock::System.now().plus_seconds(-days * 86_400)
}

impl Stage {
    /// A stack without data.
    pub async fn new() -> Stage {
        Stage { app: App::empty().await, callgrind: None }
    }

    /// A stack without data whose functions run under callgrind; `None` where the machine has none.
    pub async fn counted() -> Option<Stage> {
        let callgrind = Callgrind::new()?;
        Some(Stage { app: App::of_binaries(callgrind.folder()).await, callgrind: Some(callgrind) })
    }

    /// The work of the functions' processes until now.
    pub fn spent(&self) -> Spent {
        processor::spent(&self.app, self.callgrind.as_ref())
    }

    /// Whether callgrind counts the functions' instructions. They hardly differ from one request to the next, so fewer are asked.
    pub fn is_counted(&self) -> bool {
        self.callgrind.is_some()
    }

    /// Loads resources as if three days ago. Returns the seconds it took.
    pub async fn load(&self, source: Source) -> f64 {
        load_at(&self.app.stack_to_work_on().await, &source, days_ago(3)).await.1
    }

    /// Signs a member in and lets an app read their record.
    pub async fn connect(&self, patient: &str) -> Tokens {
        self.app.add_member(patient, patient).await;
        self.app.sign_in(patient, SCOPE).await
    }

    /// Asks for `path` under `/fhir`, or the whole URL, and waits for the function's log line about it.
    pub async fn ask(&self, tokens: &Tokens, path: &str, coding: Option<&str>) -> Asked {
        let route = route(path);
        let before = self.settled(route, 200).await;
        let spent = self.spent();
        let (reply, ms) = self.coded(tokens, path, coding).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let line = self.app.answered(route, 200, before + 1).await.pop().expect("there is a line");
        Asked { reply, ms, work: spent.each(self.spent(), 1), line }
    }

    /// Asks one thing several times. The work is the mean, the milliseconds are the median.
    pub async fn ask_repeatedly(&self, tokens: &Tokens, path: &str, coding: Option<&str>, times: u32) -> Asked {
        let spent = self.spent();
        let mut asked = self.ask(tokens, path, coding).await;
        let mut milliseconds = vec![asked.ms];
        for _ in 1..times {
            milliseconds.push(self.coded(tokens, path, coding).await.1);
        }
        asked.work = spent.each(self.spent(), times);
        milliseconds.sort_by(f64::total_cmp);
        asked.ms = milliseconds[milliseconds.len() / 2];
        asked
    }

    /// The number of log lines about a route and status, once no more are on their way.
    pub async fn settled(&self, route: &str, status: u16) -> usize {
        let mut before = usize::MAX;
        loop {
            let now = self.app.answered_so_far(route, status).len();
            if now == before {
                return now;
            }
            before = now;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Asks, without waiting for the log line.
    pub async fn timed(&self, tokens: &Tokens, path: &str) -> (Reply, f64) {
        self.coded(tokens, path, None).await
    }

    /// Asks for an answer in this coding, without waiting for the log line.
    pub async fn coded(&self, tokens: &Tokens, path: &str, coding: Option<&str>) -> (Reply, f64) {
        let mut headers = HeaderMap::new();
        if let Some(coding) = coding {
            headers.insert(header::ACCEPT_ENCODING, coding.parse().expect("a coding is text"));
        }
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", tokens.access).parse().expect("a token is text"));
        let url = if path.starts_with("http") { path.to_owned() } else { format!("/fhir/{path}") };
        let started = Instant::now();
        let reply = self.app.get_with(&url, headers).await;
        (reply, started.elapsed().as_secs_f64() * 1000.0)
    }
}

/// The route that API Gateway matches.
pub fn route(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.split_once("/fhir/").map_or(path, |(_, path)| path);
    match path.split('/').count() {
        1 => "GET /fhir/{type}",
        2 => "GET /fhir/{type}/{id}",
        _ => "GET /fhir/Patient/{id}/{operation}",
    }
}
