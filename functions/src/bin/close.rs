//! Every hour: closes the days of the audit that are over, each with a signature that chains it to the day before.

use std::sync::Arc;

use shared::audit::closing::Closer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let closer = Arc::new(Closer::from_environment().await?);
    shared::lambda::schedule::serve(move || {
        let closer = closer.clone();
        async move { closer.run().await }
    })
    .await
}
