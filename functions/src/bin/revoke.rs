//! `/oauth2/revoke`: an app gives a token back, and the grant behind it ends.

use std::sync::Arc;

use shared::oauth::RevocationEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(RevocationEndpoint::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
    .await
}
