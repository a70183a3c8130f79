//! `/fhir/metadata`, the `.well-known` documents and the documentation: what clients and their developers look up before they call.
//! Needs nothing of AWS.

use shared::config::{Config, from_environment};
use shared::{clock::Clock, description, oauth, rest};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config: Config = from_environment()?;
    let started = Clock::System.now();
    shared::lambda::serve(config.clone(), move |request| {
        let (issuer, plan, guides) = (config.issuer(&request.domain), config.plan.clone(), config.guides);
        async move {
            match request.path.as_str() {
                "/fhir/metadata" => rest::capability::metadata(&request, &issuer, guides),
                "/.well-known/user-access-brands.json" => oauth::brands::bundle(&request, &issuer, &plan, started),
                "/documentation" => description::documentation(&issuer, &plan, guides),
                "/openapi.json" => description::openapi(&issuer, &plan),
                _ => oauth::discovery::configuration(&issuer, &plan),
            }
        }
    })
    .await
}
