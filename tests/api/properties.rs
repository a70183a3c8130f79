//! Properties of every search, tested on a member's random record with random queries.
//!
//! The seed is fixed, so that a failure can be repeated; proptest then looks for the smallest query that still fails.
//! [`naive`] works out what a query must find. It knows R4's search rules and nothing of the server.

mod exact;
mod fields;
mod naive;
mod record;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use fields::FIELDS;
use http::StatusCode;
use naive::{Ask, Known, asks};
use patient_access::load::Source;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use record::record;
use serde_json::Value as Json;
use shared::clock::Clock;
use tests::{App, Tokens};
use tokio::runtime::Handle;

const EVERYTHING: &str = "patient/*.rs";

/// Members with a random record each.
const MEMBERS: [&str; 2] = ["quinn", "robin"];

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Runs a property on a thread of its own, because proptest calls a function that blocks; and on a deep stack, because
/// the servers' futures are large.
pub(super) fn check<T: Send>(property: impl FnOnce(&Handle) -> T + Send) -> T {
    let handle = Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let deep = std::thread::Builder::new().stack_size(64 << 20);
            let thread = deep.spawn_scoped(scope, || property(&handle)).expect("there is room for a thread");
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

/// A stack with the members' records, asked in this process.
struct World {
    stack: App,
    app: App,
    records: Vec<Vec<Json>>,
}

impl World {
    async fn new() -> World {
        let stack = App::empty().await;
        let mut runner = runner(1);
        let mut records = Vec::new();
        for member in MEMBERS {
            let record = record(member).new_tree(&mut runner).expect("there are records").current();
            let report = stack.load(Source::Memory(record.clone())).await;
            assert!(report.is_clean(), "{report}");
            stack.add_member(member, member).await;
            records.push(record);
        }
        let app = stack.inside(&Clock::System, stack.environment().clone()).await;
        let mut world = World { stack, app, records };
        for (member, tokens) in world.tokens().await.iter().enumerate() {
            for resource in world.served(tokens).await {
                let same = |own: &&mut Json| ["resourceType", "id"].iter().all(|name| own[name] == resource[name]);
                let own = world.records[member].iter_mut().find(same).expect("nothing else is served");
                for kept in ["tag", "source"] {
                    assert_eq!(own["meta"].get(kept), resource["meta"].get(kept), "the sender's values are kept");
                }
                own["meta"] = resource["meta"].clone();
            }
        }
        world
    }

    /// A member's resources of the searched types. The server writes part of their `meta`.
    async fn served(&self, tokens: &Tokens) -> Vec<Json> {
        let mut all = Vec::new();
        for (kind, _) in FIELDS {
            let reply = self.app.fhir_unguarded(tokens, &format!("{kind}?_count=100")).await;
            all.extend(reply.entries("match"));
        }
        all
    }

    /// Values that only the server knows and a query may name.
    fn known(&self) -> Known {
        let instants = self.records.iter().flatten().filter_map(|resource| resource["meta"]["lastUpdated"].as_str());
        Known { base: format!("{}/fhir", self.app.url()), instants: instants.map(str::to_owned).collect() }
    }

    async fn tokens(&self) -> Vec<Tokens> {
        let mut tokens = Vec::new();
        for member in MEMBERS {
            tokens.push(self.app.sign_in(member, EVERYTHING).await);
        }
        tokens
    }

    async fn finish(self) {
        self.app.finish().await;
        self.stack.finish().await;
    }
}

/// `Type?…`, encoded.
fn path(kind: &str, pairs: &[(String, String)]) -> String {
    format!("{kind}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// Every match in the order of the pages, and the number of pages.
async fn walk(app: &App, tokens: &Tokens, first: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut next) = (Vec::new(), 0, Some(first.to_owned()));
    while let Some(url) = next {
        let page = app.fhir_unguarded(tokens, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
        found.extend(page.matches());
        next = page.link("next");
        pages += 1;
        assert!(pages < 500, "{first} never ends");
    }
    (found, pages)
}

/// The resources of the record that a query on `kind` must find.
fn expected(record: &[Json], kind: &str, query: &[Ask]) -> BTreeSet<String> {
    let of_kind = record.iter().filter(|resource| resource["resourceType"] == kind);
    let kept = of_kind.filter(|resource| query.iter().all(|ask| ask.holds(resource)));
    kept.map(|resource| format!("{kind}/{}", resource["id"].as_str().unwrap())).collect()
}

/// A type that records have, with one to three conditions on it.
fn queries(known: &Known) -> impl Strategy<Value = (&'static str, Vec<Ask>)> + use<> {
    let known = known.clone();
    select(FIELDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>()).prop_flat_map(move |kind| {
        proptest::collection::vec(asks(kind, &known), 1..=3).prop_map(move |query| (kind, query))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_search_finds_what_a_naive_filter_over_the_record_keeps() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let known = world.known();
    let (selective, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check(|handle| {
        let result = runner(600).run(&(queries(&known), 0..MEMBERS.len()), |((kind, query), member)| {
            let mut pairs: Vec<_> = query.iter().map(Ask::pair).collect();
            pairs.push(("_count".to_owned(), "100".to_owned()));
            let url = path(kind, &pairs);
            let wanted = expected(&world.records[member], kind, &query);
            let reply = handle.block_on(world.app.fhir_unguarded(&tokens[member], &url));
            proptest::prop_assert_eq!(reply.status, StatusCode::OK, "{}: {}", pairs[0].0, reply.body);
            let found: BTreeSet<String> = reply.matches().into_iter().collect();
            let show = |names: BTreeSet<&String>| {
                let is_named =
                    |resource: &&Json| names.iter().any(|name| name.ends_with(resource["id"].as_str().unwrap()));
                world.records[member].iter().filter(is_named).map(ToString::to_string).collect::<Vec<_>>()
            };
            let (missed, wrong) =
                (show(wanted.difference(&found).collect()), show(found.difference(&wanted).collect()));
            proptest::prop_assert!(
                missed.is_empty() && wrong.is_empty(),
                "{:?} misses {:#?} and finds {:#?}",
                pairs,
                missed,
                wrong
            );
            proptest::prop_assert_eq!(reply.json()["total"].as_u64(), Some(wanted.len() as u64));
            asked.fetch_add(1, Relaxed);
            selective.fetch_add(usize::from(!wanted.is_empty()), Relaxed);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    });
    let (selective, asked) = (selective.into_inner(), asked.into_inner());
    println!("{asked} searches compared with the naive filter; {selective} of them find something");
    assert!(selective > asked / 10, "searches that never find anything prove little: {selective} of {asked}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_any_search_put_together_are_the_search_without_pages() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let known = world.known();
    let pages = AtomicUsize::new(0);
    check(|handle| {
        let orders = queries(&known).prop_flat_map(|(kind, mut query)| {
            // With all its conditions a query seldom has more than one page.
            query.truncate(1);
            let codes = fields::sortable(kind);
            let key = (select(codes), any::<bool>())
                .prop_map(|(code, down)| format!("{}{code}", if down { "-" } else { "" }));
            let filtered = any::<bool>();
            (proptest::collection::vec(key, 0..=2), filtered, 1..=9_usize).prop_map(move |(sort, filtered, count)| {
                (kind, if filtered { query.clone() } else { vec![] }, sort.join(","), count)
            })
        });
        let result = runner(60).run(&(orders, 0..MEMBERS.len()), |((kind, query, sort, count), member)| {
            let with_count = |count: usize| {
                let mut pairs: Vec<_> = query.iter().map(Ask::pair).collect();
                pairs.extend((!sort.is_empty()).then(|| ("_sort".to_owned(), sort.clone())));
                pairs.push(("_count".to_owned(), count.to_string()));
                path(kind, &pairs)
            };
            let (whole, _) = handle.block_on(walk(&world.app, &tokens[member], &with_count(100)));
            let (together, read) = handle.block_on(walk(&world.app, &tokens[member], &with_count(count)));
            proptest::prop_assert_eq!(&together, &whole);
            let unique: BTreeSet<String> = whole.iter().cloned().collect();
            proptest::prop_assert_eq!(unique.len(), whole.len(), "each match is there once");
            proptest::prop_assert_eq!(unique, expected(&world.records[member], kind, &query));
            pages.fetch_add(read, Relaxed);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    });
    let pages = pages.into_inner();
    println!("{pages} pages put together");
    assert!(pages > 100, "{pages}");
    world.finish().await;
}

/// For some types, scopes from nothing to everything. Each reaches no more than the next one.
const LADDERS: [&[&str]; 6] = [
    &[
        "",
        "patient/Observation.s?category=http://example.org/one|x",
        "patient/Observation.rs?category=http://example.org/one|x",
        "patient/Observation.rs?category=http://example.org/one|x patient/Observation.rs?category=http://example.org/two|y",
        "patient/Observation.rs",
    ],
    &["", "patient/Condition.r?category=http://example.org/one|x", "patient/Condition.r", "patient/Condition.rs"],
    &["", "patient/Coverage.s", "patient/Coverage.rs"],
    &["", "patient/RelatedPerson.r", "patient/RelatedPerson.rs"],
    &["", "patient/ExplanationOfBenefit.s", "patient/ExplanationOfBenefit.rs"],
    &["", "patient/Organization.rs patient/Practitioner.r", "patient/Organization.rs patient/Practitioner.rs"],
];

/// Requests that a scope could leak through: searches with includes in both directions, and the whole record.
const REQUESTS: [&str; 9] = [
    "Observation?_count=100",
    "Observation?_count=100&category=http://example.org/two|y&_include=Observation:performer",
    "Observation?_count=100&_sort=code&status=final",
    "Condition?_count=100",
    "Coverage?_count=100&_revinclude=ExplanationOfBenefit:coverage",
    "ExplanationOfBenefit?_count=100&_include=ExplanationOfBenefit:*",
    "RelatedPerson?_count=100",
    "Patient?_revinclude=Observation:patient&_revinclude=Condition:patient",
    "Patient/quinn/$everything?_count=100",
];

#[tokio::test(flavor = "multi_thread")]
async fn narrowing_the_scopes_never_adds_to_an_answer() {
    let world = World::new().await;
    let steps: Vec<_> = LADDERS.iter().map(|ladder| (0..ladder.len(), 0..ladder.len())).collect();
    let seen = async |scopes: &str| {
        let tokens = world.app.sign_in(MEMBERS[0], scopes).await;
        let mut answers = Vec::new();
        for request in REQUESTS {
            let (mut found, mut next) = (BTreeSet::new(), Some(request.to_owned()));
            while let Some(url) = next {
                let reply = world.app.fhir_unguarded(&tokens, &url).await;
                next = None;
                if reply.status == StatusCode::OK {
                    found.extend(reply.matches().into_iter().chain(reply.included()));
                    next = reply.link("next");
                } else {
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{url}: {}", reply.body);
                }
            }
            answers.push(found);
        }
        answers
    };
    let narrowed = AtomicUsize::new(0);
    check(|handle| {
        let result = runner(12).run(&steps, |steps| {
            let scopes = |pick: fn(usize, usize) -> usize| {
                let chosen = LADDERS.iter().zip(&steps).map(|(ladder, (a, b))| ladder[pick(*a, *b)]);
                chosen.chain(["patient/Patient.rs"]).filter(|scope| !scope.is_empty()).collect::<Vec<_>>().join(" ")
            };
            let (narrow, wide) = (scopes(usize::min), scopes(usize::max));
            let (less, more) = (handle.block_on(seen(&narrow)), handle.block_on(seen(&wide)));
            for ((request, less), more) in REQUESTS.iter().zip(less).zip(more) {
                let added: Vec<_> = less.difference(&more).collect();
                proptest::prop_assert!(
                    added.is_empty(),
                    "{}: `{}` shows {:?}, `{}` does not",
                    request,
                    narrow,
                    added,
                    wide
                );
                narrowed.fetch_add(usize::from(less.len() < more.len()), Relaxed);
            }
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    });
    let narrowed = narrowed.into_inner();
    println!("{narrowed} answers were smaller under the narrower scopes, none was larger");
    assert!(narrowed > 10, "{narrowed}");
    world.finish().await;
}
