//! The demo identity provider of a local stack: the sample members have an account there, too, and are found by the number on their
//! card.

use anyhow::{Context, Result};
use local_stack::{DemoProvider, DemoProviderOptions, Person};
use sample_members::Sample;
use serde_json::{Map, Value as Json, json};
use shared::oauth::provider::settings::{ClientAuthentication, IdentityProvider, IdentityProviders};
use shared::secret::Random;
use shared::store::auth::{Commit, CommitError};

use crate::stack::Stack;

/// The plan's name for the provider.
pub const NAME: &str = "demo-id";

/// Our client id there.
const CLIENT_ID: &str = "patient-access";

/// The claim with the number on the member's card.
const CLAIM: &str = "member_number";

/// The people of the provider, and the system of the numbers on their cards.
pub struct People {
    people: Vec<Person>,
    system: String,
}

impl People {
    /// The sample members who have a record, and somebody who has none.
    pub fn of(sample: &Sample) -> People {
        let (mut people, mut system) = (Vec::new(), String::new());
        for member in &sample.members {
            let is_theirs = |resource: &&Json| {
                resource["resourceType"] == "Patient" && resource["id"].as_str() == member.patient.as_deref()
            };
            let patient = sample.resources.iter().find(is_theirs).cloned().unwrap_or_default();
            let identifiers = patient["identifier"].as_array().into_iter().flatten();
            let is_number = |identifier: &&Json| identifier["type"]["coding"][0]["code"] == "MB";
            let Some(card) = identifiers.into_iter().find(is_number) else { continue };
            card["system"].as_str().unwrap_or_default().clone_into(&mut system);
            let claims = json!({CLAIM: card["value"], "birthdate": patient["birthDate"]});
            people.push(person(&member.username, &member.name, claims));
        }
        people.push(person("stranger", "Somebody without a record", json!({})));
        People { people, system }
    }
}

fn person(subject: &str, name: &str, claims: Json) -> Person {
    let claims = match claims {
        Json::Object(claims) => claims,
        _ => Map::new(),
    };
    Person { subject: subject.to_owned(), name: name.to_owned(), claims }
}

/// Starts the provider on a port, or on any where that is taken, and makes it a way in to a stack of this machine.
///
/// # Errors
/// It cannot start, or the stack does not answer.
pub async fn start(stack: &Stack, People { people, system }: People, port: u16) -> Result<DemoProvider> {
    let secret = Random::system().secret();
    let mut settings = IdentityProvider {
        name: NAME.to_owned(),
        issuer: String::new(),
        client_id: CLIENT_ID.to_owned(),
        authentication: ClientAuthentication::PrivateKeyJwt,
        scope: "openid".to_owned(),
        claim: CLAIM.to_owned(),
        names: format!("identifier:{system}").parse().ok().context("the sample members have no number on a card")?,
        acr: Vec::new(),
        amr: Vec::new(),
        acr_as: std::collections::BTreeMap::new(),
    };
    let provider = DemoProvider::start(DemoProviderOptions {
        port,
        client_id: CLIENT_ID.to_owned(),
        client_secret: secret.reveal().to_owned(),
        redirect_uri: settings.redirect_uri(stack.issuer()),
        people,
    })?;
    settings.issuer.clone_from(&provider.issuer);
    let context = IdentityProvider::context(NAME, &settings.issuer);
    settings.authentication = ClientAuthentication::Basic(stack.sealer()?.seal(&secret, &context).await?);
    let mut ways = IdentityProviders::read(&stack.auth()).await?;
    ways.providers.retain(|known| known.name != NAME);
    ways.providers.push(settings);
    match stack.auth().commit(Commit::default().put(&ways)).await {
        Ok(()) | Err(CommitError::Conflict) => Ok(provider),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
