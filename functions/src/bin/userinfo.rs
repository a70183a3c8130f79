//! `/oauth2/userinfo`: who signed in.

use std::sync::Arc;

use shared::oauth::TokenServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(TokenServer::from_environment(&[]).await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.userinfo(request).await }
    })
    .await
}
