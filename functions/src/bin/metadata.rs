//! `/fhir/metadata` and the `.well-known` documents: what clients look up before they call. Needs nothing of AWS.

use shared::config::Config;
use shared::{fhir, oauth};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_environment(&[])?;
    shared::lambda::serve(config.clone(), move |request| {
        let issuer = request.issuer(&config);
        async move {
            match request.path.as_str() {
                "/fhir/metadata" => fhir::capability::metadata(&issuer),
                _ => oauth::discovery::configuration(&issuer),
            }
        }
    })
    .await
}
