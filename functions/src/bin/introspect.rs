//! `/oauth2/introspect`: what a token is good for, told to the app it was issued to.

use std::sync::Arc;

use shared::oauth::TokenServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(TokenServer::from_environment(&[]).await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.introspect(request).await }
    })
    .await
}
