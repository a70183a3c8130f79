//! `/oauth2/revoke`: an app gives a token back, and the grant behind it ends.

use std::sync::Arc;

use shared::config::AUDIT_TABLE;
use shared::oauth::TokenServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(TokenServer::from_environment(&[AUDIT_TABLE]).await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.revoke(request).await }
    })
    .await
}
