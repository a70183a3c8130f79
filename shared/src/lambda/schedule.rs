//! A function that a schedule calls. The event says nothing that it needs.

use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use lambda_http::tracing;
use serde::Serialize;
use serde_json::Value as Json;

use crate::store::StoreError;

/// Serves one function until Lambda ends it. A run that fails rings an alarm, because Lambda counts it as an error of the function; the
/// next run goes on.
///
/// # Errors
/// The error that ends the Lambda runtime.
pub async fn serve<H, F, T>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn() -> F,
    F: Future<Output = Result<T, StoreError>>,
    T: Serialize,
{
    tracing::init_default_subscriber();
    let handler = &handler;
    run(service_fn(async |_: LambdaEvent<Json>| {
        let done = Box::pin(handler()).await;
        done.inspect_err(|error| ::tracing::error!(%error, "a scheduled run failed")).map_err(lambda_http::Error::from)
    }))
    .await
}
