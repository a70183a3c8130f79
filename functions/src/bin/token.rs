//! `/oauth2/token`: a code or a refresh token becomes an access token.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::oauth::Server::for_tokens().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.token(request).await }
    })
    .await
}
