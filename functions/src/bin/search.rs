//! `GET /fhir/{type}`, `POST /fhir/{type}/_search`: resources of any type, page by page.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::rest::Server::from_environment().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.search(request).await }
    })
    .await
}
