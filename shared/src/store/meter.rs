//! The cost of one request: calls to AWS, round trips, read and write units, and the time that our own code took. The log line of
//! every request carries these figures, and the benchmarks read them there.
//!
//! All but the time are the same on every machine. Time is taken by a monotonic clock around each poll, so that waiting does not
//! count. Nothing is decided by it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// The cost of one request.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Calls to AWS.
    pub calls: u32,
    /// Sequential round trips: the length of the longest chain of calls in which each began after the answer to the one before.
    pub waves: u32,
    /// DynamoDB read units.
    pub read_units: f64,
    /// DynamoDB write units.
    pub write_units: f64,
    /// The length of the longest chain whose answers have come.
    answered: u32,
    running: Duration,
    in_calls: Duration,
}

impl Usage {
    /// How long the request's own code ran, without waiting and without the SDKs.
    pub fn own(&self) -> Duration {
        self.running.saturating_sub(self.in_calls)
    }
}

tokio::task_local! {
    static USAGE: RefCell<Usage>;
}

/// Runs one request and tells what it cost.
pub async fn measured<T>(request: impl Future<Output = T>) -> (T, Usage) {
    USAGE
        .scope(RefCell::default(), async {
            let output = timed(request, |usage, took| usage.running += took).await;
            (output, USAGE.with(|usage| usage.borrow().clone()))
        })
        .await
}

/// Runs a future and notes how long each poll of it took.
async fn timed<T>(future: impl Future<Output = T>, add: impl Fn(&mut Usage, Duration)) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let started = Instant::now();
        let polled = future.as_mut().poll(context);
        note(|usage| add(usage, started.elapsed()));
        polled
    })
    .await
}

fn note(change: impl FnOnce(&mut Usage)) {
    // Outside a measured request (in the loader, in a test) nothing is counted.
    let _ = USAGE.try_with(|usage| change(&mut usage.borrow_mut()));
}

/// Makes one call to AWS and counts it.
pub(crate) fn call<T, E>(call: impl Future<Output = Result<T, E>>) -> impl Future<Output = Result<T, E>> {
    // On the heap: the SDK's futures are large, and a request's own future would hold one for each call that it may make.
    let call = Box::pin(call);
    async {
        let mut depth = 0;
        note(|usage| {
            depth = usage.answered + 1;
            usage.calls += 1;
            usage.waves = usage.waves.max(depth);
        });
        let answer = timed(call, |usage, took| usage.in_calls += took).await;
        note(|usage| usage.answered = usage.answered.max(depth));
        answer
    }
}

/// Counts the units that a read consumed.
pub(crate) fn read<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    note(|usage| usage.read_units += units);
}

/// Counts the units that a write consumed.
pub(crate) fn write<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    note(|usage| usage.write_units += units);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the processor busy until its clock has moved on.
    fn work() {
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(5) {}
    }

    #[tokio::test]
    async fn neither_waiting_nor_a_call_is_our_own_time() {
        let request = async {
            work();
            tokio::time::sleep(Duration::from_millis(5)).await;
            call(async {
                work();
                Ok::<_, ()>(())
            })
            .await
        };
        let (_, usage) = measured(request).await;
        assert!(usage.own() >= Duration::from_millis(5) && usage.in_calls >= Duration::from_millis(5));
        assert_eq!(usage.own() + usage.in_calls, usage.running);
        assert_eq!((usage.calls, usage.waves), (1, 1));
    }

    #[tokio::test]
    async fn a_call_after_another_is_a_round_trip_of_its_own_whatever_else_is_under_way() {
        let wait = |milliseconds| {
            call(async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok::<_, ()>(())
            })
        };
        let request = async {
            let two = async {
                wait(1).await?;
                wait(1).await
            };
            tokio::try_join!(wait(50), two)
        };
        let (_, usage) = measured(request).await;
        assert_eq!((usage.calls, usage.waves), (3, 2));
    }
}
