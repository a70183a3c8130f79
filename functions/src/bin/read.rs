//! `GET /fhir/{type}/{id}`, `GET /fhir/{type}/{id}/_history/{vid}`: one resource of any type; and
//! `/fhir/DocumentReference/$docref`.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let server = Arc::new(shared::rest::Server::from_environment().await?);
    let config = server.config().clone();
    shared::lambda::serve(config, move |request| {
        let server = server.clone();
        async move { server.read(request).await }
    })
    .await
}
