//! What one request costs at AWS: calls, waves of calls that had to wait for each other, read and write units. The log line
//! of every request carries these figures, and the benchmarks read them there.

use std::cell::RefCell;

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// The cost of one request.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Calls to AWS.
    pub calls: u32,
    /// Calls that began while no other was under way: the sequential round trips.
    pub waves: u32,
    /// DynamoDB read units.
    pub read_units: f64,
    /// DynamoDB write units.
    pub write_units: f64,
    in_flight: u32,
}

tokio::task_local! {
    static USAGE: RefCell<Usage>;
}

/// Runs one request and tells what it cost.
pub async fn measured<T>(request: impl Future<Output = T>) -> (T, Usage) {
    USAGE
        .scope(RefCell::default(), async {
            let output = request.await;
            (output, USAGE.with(|usage| usage.borrow().clone()))
        })
        .await
}

fn note(change: impl FnOnce(&mut Usage)) {
    // Outside a measured request (the loader, a test) there is nothing to count for.
    let _ = USAGE.try_with(|usage| change(&mut usage.borrow_mut()));
}

/// Makes one call to AWS and counts it.
pub(super) async fn call<T, E>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    note(|usage| {
        usage.calls += 1;
        usage.waves += u32::from(usage.in_flight == 0);
        usage.in_flight += 1;
    });
    let answer = call.await;
    note(|usage| usage.in_flight -= 1);
    answer
}

/// Counts the units that a read consumed.
pub(super) fn read<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    note(|usage| usage.read_units += units);
}

/// Counts the units that a write consumed.
pub(super) fn write<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    note(|usage| usage.write_units += units);
}
