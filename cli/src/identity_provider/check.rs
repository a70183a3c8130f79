//! `patient-access identity-provider check`: reads what a provider publishes, as a sign-in will, and whether anybody can be found by what
//! it says.

use anyhow::{Result, bail};
use serde_json::json;
use shared::oauth::fetch;
use shared::oauth::provider::keys;
use shared::oauth::provider::metadata::{Metadata, address};
use shared::oauth::provider::settings::{ClientAuthentication, IdentityProvider, Names};

use crate::stack::Stack;

/// Whether a provider fits, with a line for each thing that does not.
pub(super) async fn run(stack: &Stack, provider: &IdentityProvider, json: bool) -> Result<String> {
    let loopback = stack.issuer().is_loopback();
    let url = address(&provider.issuer);
    let read = fetch::json(&url, loopback).await;
    let metadata = read.and_then(|document| Metadata::read(&document.body, &provider.issuer, loopback));
    let metadata = metadata.map_err(|error| anyhow::anyhow!("{url}: {error}"))?;
    let set = fetch::json(&metadata.jwks_uri, loopback).await.and_then(|document| keys::read(&document.body));
    let set = set.map_err(|error| anyhow::anyhow!("{}: {error}", metadata.jwks_uri))?;
    let usable = keys::ALGORITHMS.iter().filter(|algorithm| keys::some_of(&set, **algorithm)).count();
    let mut faults = Vec::new();
    if usable == 0 {
        faults.push("it has no key for RS256, PS256, ES256 or EdDSA".to_owned());
    }
    let method = match &provider.authentication {
        ClientAuthentication::Basic(_) => "client_secret_basic",
        ClientAuthentication::Post(_) => "client_secret_post",
        ClientAuthentication::PrivateKeyJwt => "private_key_jwt",
    };
    let basic_alone = vec!["client_secret_basic".to_owned()];
    let methods = metadata.token_endpoint_auth_methods_supported.as_ref().unwrap_or(&basic_alone);
    if !methods.iter().any(|known| known == method) {
        faults.push(format!("its token endpoint does not take {method}; it takes {}", methods.join(", ")));
    }
    let mut notes = Vec::new();
    look_up(stack, &provider.names, (&mut faults, &mut notes)).await?;
    if !metadata.code_challenge_methods_supported.iter().any(|known| known == "S256") {
        notes.push("it does not say that it knows PKCE by S256");
    }
    if !metadata.authorization_response_iss_parameter_supported {
        notes.push("it does not say that it names itself in each answer (RFC 9207)");
    }
    if !faults.is_empty() {
        bail!("{}: {}", provider.name, faults.join("; "));
    }
    if json {
        return Ok(format!("{}\n", json!({"name": provider.name, "fits": true, "notes": notes})));
    }
    let note = |note: &&str| format!("note: {note}\n");
    Ok(format!("{} fits\n", provider.name) + &notes.iter().map(note).collect::<String>())
}

/// Whether a look-up of members by the claim can find somebody.
async fn look_up(
    stack: &Stack,
    names: &Names,
    (faults, notes): (&mut Vec<String>, &mut Vec<&'static str>),
) -> Result<()> {
    let Some(by) = names.by() else { return Ok(()) };
    let (identifiers, kind) = (stack.identifiers()?, names.resource_type());
    if !identifiers.are_made().await? {
        faults.push("nobody is loaded who has an identifier: load members first".to_owned());
        return Ok(());
    }
    let known = identifiers.systems(kind).await?;
    if !known.contains(&by.system) {
        let told = |system: &String| if system.is_empty() { "subscriberId".to_owned() } else { format!("`{system}`") };
        let told = known.iter().map(told).collect::<Vec<_>>();
        let told = if told.is_empty() { "none at all".to_owned() } else { told.join(", ") };
        faults.push(format!(
            "no {kind} is loaded by which `{names}` could find somebody; there are identifiers of {told}"
        ));
    }
    if matches!(names, Names::Coverage(_)) && by.birth_date.is_none() {
        notes.push("where one Coverage identifier is a family's, nobody is signed in by it without --and-birth-date");
    }
    Ok(())
}
