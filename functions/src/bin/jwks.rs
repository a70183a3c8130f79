//! `/oauth2/jwks`: the public keys that verify our tokens, fetched from KMS once.

use shared::config::{Config, SIGNING_KEYS};
use shared::oauth::discovery;
use shared::store::{Aws, signer::Signer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_environment(&SIGNING_KEYS)?;
    let keys = Signer::new(&Aws::from_environment().await, &config.signing_keys).public_keys().await?;
    shared::lambda::serve(config, move |_| {
        let response = discovery::jwks(&keys);
        async move { response }
    })
    .await
}
