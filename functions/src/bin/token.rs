//! `/oauth2/token`: a code or a refresh token becomes an access token.

use std::sync::Arc;

use shared::oauth::TokenEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(TokenEndpoint::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
    .await
}
