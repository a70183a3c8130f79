//! `/oauth2/jwks`: the public keys that verify our tokens, the next one among them before it signs.

use std::sync::Arc;

use shared::clock::Clock;
use shared::config::{AuthTableName, Config, SigningKeyId, from_environment};
use shared::keys::KeyRing;
use shared::oauth::discovery;
use shared::store::Aws;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (config, auth_table, key): (Config, AuthTableName, SigningKeyId) = from_environment()?;
    let keys = KeyRing::load(&Aws::from_environment().await?, &auth_table, &key, Clock::System).await?;
    let keys = Arc::new(keys);
    shared::lambda::serve(config, move |_| {
        let keys = keys.clone();
        async move { discovery::jwks(&keys.published().await) }
    })
    .await
}
