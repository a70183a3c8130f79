//! `/oauth2/introspect`: tells an app what a token of its own is good for.

use std::sync::Arc;

use shared::oauth::IntrospectionEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(IntrospectionEndpoint::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
    .await
}
