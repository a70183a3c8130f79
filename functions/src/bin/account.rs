//! `/account`: the member sees which apps they let in, and stops them.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::oauth::Server::for_pages().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.account(request).await }
    })
    .await
}
