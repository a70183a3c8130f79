//! `/oauth2/authorize`, `/login`, `/consent`: an app asks, the member signs in and decides.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::oauth::Server::for_pages().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.pages(request).await }
    })
    .await
}
