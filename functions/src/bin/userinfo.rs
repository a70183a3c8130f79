//! `/oauth2/userinfo`: who signed in.

use std::sync::Arc;

use shared::oauth::UserinfoEndpoint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(UserinfoEndpoint::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.answer(request).await }
    })
    .await
}
