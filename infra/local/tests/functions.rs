//! The running of functions: instances, crashes, limits and logs.

mod common;

use std::time::Duration;

use common::{Client, eventually, get, options, stack};
use local_stack::LocalStack;

#[tokio::test]
async fn an_instance_stays_warm() {
    let stack = stack().await;
    let first = get(&stack, "/pid").await;
    let second = get(&stack, "/pid").await;
    assert_eq!(first.status, 200);
    assert_eq!(first.text(), second.text());
}

#[tokio::test]
async fn two_overlapping_requests_run_two_instances() {
    let stack = stack().await;
    let (one, two) = tokio::join!(get(&stack, "/pid?ms=300"), get(&stack, "/pid?ms=300"));
    assert_eq!((one.status, two.status), (200, 200));
    assert_ne!(one.text(), two.text());
}

#[tokio::test]
async fn more_requests_than_instances_wait_their_turn() {
    let stack = stack().await;
    let requests = (0..30).map(|_| get(&stack, "/pid?ms=100"));
    let mut pids = std::collections::BTreeSet::new();
    for answer in futures_join(requests).await {
        assert_eq!(answer.status, 200);
        pids.insert(answer.text().to_owned());
    }
    assert!(pids.len() <= 20, "{} instances", pids.len());
}

async fn futures_join<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in pinned.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_crash_fails_only_its_own_invocation() {
    let stack = stack().await;
    stack.warm().await;
    let (slow, crash) = tokio::join!(get(&stack, "/pid?ms=400"), get(&stack, "/crash"));
    assert_eq!(slow.status, 200);
    assert_eq!((crash.status, crash.text()), (500, r#"{"message":"Internal Server Error"}"#));
    let lines: Vec<String> = stack.logs().into_iter().map(|line| line.line).collect();
    assert!(lines.contains(&"the probe crashes".to_owned()), "{lines:?}");
    assert!(lines.contains(&"Runtime exited: exit status: 3".to_owned()), "{lines:?}");
    assert_eq!(get(&stack, "/pid").await.status, 200);
}

#[tokio::test]
async fn a_reported_error_is_a_500_and_keeps_the_instance() {
    let stack = stack().await;
    let before = get(&stack, "/pid").await;
    assert_eq!(get(&stack, "/error").await.status, 500);
    assert_eq!(get(&stack, "/malformed").await.status, 500);
    assert_eq!(get(&stack, "/pid").await.text(), before.text());
    assert!(stack.logs().iter().any(|line| line.line.contains("as asked")));
}

#[tokio::test]
async fn a_function_that_cannot_start_costs_one_start_a_request() {
    let (_folder, mut options) = options();
    options.parameters.insert("Init".to_owned(), "crash".to_owned());
    let stack = LocalStack::start(options).await.expect("a stack");
    for _ in 0..3 {
        assert_eq!(get(&stack, "/pid").await.status, 500);
    }
    let logs = stack.logs();
    let said = |text: &str| logs.iter().filter(|line| line.line == text).count();
    assert_eq!(said("the probe cannot start"), 3, "one start per request");
    assert_eq!(said("Runtime exited: exit status: 7"), 3);
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_ended() {
    let stack = stack().await;
    let before = get(&stack, "/pid").await;
    assert_eq!(get(&stack, "/pid?ms=60000").await.status, 500);
    assert!(stack.logs().iter().any(|line| line.line == "Task timed out after 2.00 seconds"));
    assert_ne!(get(&stack, "/pid").await.text(), before.text());
}

#[tokio::test]
async fn a_response_over_6_mb_is_refused_to_the_function_and_its_client() {
    let stack = stack().await;
    let fits = get(&stack, "/big?size=6000000").await;
    assert_eq!((fits.status, fits.body.len()), (200, 6_000_000));
    assert_eq!(get(&stack, "/big?size=6400000").await.status, 500);
    eventually("the function sees a 413", || {
        let refused = "refused with 413";
        stack
            .logs()
            .iter()
            .any(|line| line.line.starts_with(refused) && line.line.contains("Function.ResponseSizeTooLarge"))
    })
    .await;
    assert_eq!(get(&stack, "/pid").await.status, 200);
}

#[tokio::test]
async fn a_function_sees_its_environment_and_little_else() {
    let stack = stack().await;
    let environment = get(&stack, "/environment").await.json();
    let environment = environment.as_object().expect("variables");
    assert_eq!(environment["ISSUER"], stack.url());
    assert_eq!(environment["TABLE"], "ThingsTable");
    assert_eq!(environment["BUCKET"], "documentsbucket");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "ProbeFunction");
    for (name, value) in stack.environment() {
        assert_eq!(environment[name], value.as_str());
    }
    assert!(!environment.keys().any(|name| name.starts_with("CARGO")), "{environment:?}");
}

#[tokio::test]
async fn every_line_is_logged_and_told() {
    let stack = stack().await;
    let (sender, lines) = std::sync::mpsc::channel();
    stack.on_log(move |line| sender.send(line.clone()).expect("a listener"));
    get(&stack, "/hello").await;
    eventually("the line is kept", || !stack.logs().is_empty()).await;
    let (init, line) = (lines.recv().expect("a line"), lines.recv().expect("another"));
    assert!(init.line.starts_with("INIT_REPORT Init Duration: "), "{init:?}");
    assert_eq!((line.function.as_str(), line.line.as_str()), ("ProbeFunction", "echo \"/hello\""));
    eventually("both are kept", || stack.logs().len() == 2).await;
    assert_eq!(stack.logs(), [init, line]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_function_outlives_the_stack() {
    let (stopped, dropped) = (stack().await, stack().await);
    let pids = [get(&stopped, "/pid").await, get(&dropped, "/pid").await];
    let mut busy = Client::connect(stopped.url()).await;
    let busy = tokio::spawn(async move { busy.send_raw(b"GET /pid?ms=60000 HTTP/1.1\r\n\r\n").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stopped.shutdown().await;
    assert!(!common::is_alive(pids[0].text()));
    drop(dropped);
    eventually("the function is gone", || !common::is_alive(pids[1].text())).await;
    assert!(busy.await.expect("no panic").is_none());
}
