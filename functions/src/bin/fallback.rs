//! The requests that no other route takes: preflights, methods apps do not have, paths that are not there.

use shared::config::{Config, from_environment};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config: Config = from_environment()?;
    shared::lambda::serve(config.clone(), move |request| {
        let response = shared::rest::fallback::fallback(&config, &request);
        async move { response }
    })
    .await
}
