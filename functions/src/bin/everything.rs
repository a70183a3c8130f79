//! `/fhir/Patient/{id}/$everything`: the whole record, page by page.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::rest::Server::from_environment().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.everything(request).await }
    })
    .await
}
