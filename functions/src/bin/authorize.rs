//! `/oauth2/authorize`, `/login`, `/consent`: an app asks, the member signs in and decides.

use std::sync::Arc;

use shared::oauth::Pages;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let endpoint = Arc::new(Pages::from_environment().await?);
    let config = endpoint.config().clone();
    shared::lambda::serve(config, move |request| {
        let endpoint = endpoint.clone();
        async move { endpoint.authorize(request).await }
    })
    .await
}
