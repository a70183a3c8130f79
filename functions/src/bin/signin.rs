//! `/login/{provider}`: the member signs in with an identity provider of the plan.

use std::sync::Arc;

use shared::oauth::SignInEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(SignInEndpoint::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
    .await
}
