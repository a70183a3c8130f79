//! `/oauth2/jwks`: the public keys that verify our tokens, the next one among them before it signs.

use std::sync::Arc;

use shared::clock::Clock;
use shared::config::{AUTH_TABLE, Config, SIGNING_KEY};
use shared::keys::KeyRing;
use shared::oauth::discovery;
use shared::store::Aws;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_environment(&[AUTH_TABLE, SIGNING_KEY])?;
    let keys = Arc::new(KeyRing::load(&Aws::from_environment().await, &config, Clock::System).await?);
    shared::lambda::serve(config, move |_| {
        let keys = keys.clone();
        async move { discovery::jwks(&keys.published().await) }
    })
    .await
}
