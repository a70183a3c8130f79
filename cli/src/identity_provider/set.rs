//! `patient-access identity-provider set`.

use std::collections::BTreeMap;
use std::io::{BufRead, stdin};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use shared::bounds::PROVIDER_SECRET_BYTES as SECRET_BYTES;
use shared::oauth::fetch::fetchable;
use shared::oauth::provider::settings::{ClientAuthentication, IdentityProvider, Names, is_name};
use shared::secret::Secret;

use super::{read, save, told};
use crate::call::WrongCall;
use crate::stack::Stack;

/// The arguments of `identity-provider set`.
#[derive(Args)]
pub struct SetProvider {
    /// A name for the provider: lower-case letters, digits and hyphens. It stands in the redirect URI, and persons are known by it
    name: String,
    /// Its issuer, exactly as its metadata have it
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The client id under which this server is registered there
    #[arg(long, value_name = "ID")]
    client_id: String,
    #[command(flatten)]
    proof: Proof,
    /// How the secret is sent [default: basic]
    #[arg(long, conflicts_with = "private_key_jwt")]
    auth: Option<Way>,
    /// The scopes to ask for
    #[arg(long, default_value = "openid")]
    scope: String,
    /// The claim of the `id_token` that names the person
    #[arg(long)]
    claim: String,
    /// The meaning of that claim: `patient`, the id of their Patient; `identifier:SYSTEM`, an identifier of their Patient;
    /// `coverage:SYSTEM`, one of their Coverage, where `coverage:subscriberId` is its `subscriberId`
    #[arg(long, value_name = "MEANING")]
    names: String,
    /// The claim with their birth date, as YYYY-MM-DD, where one identifier is a family's
    #[arg(long, value_name = "CLAIM")]
    and_birth_date: Option<String>,
    /// The claim with their number in the Coverage (`Coverage.dependent`), which tells twins apart
    #[arg(long, value_name = "CLAIM")]
    and_dependent: Option<String>,
    /// An `acr` that is strong enough; repeat for each. Without one, any is
    #[arg(long)]
    acr: Vec<String>,
    /// An `amr` that must be among those of the sign-in; repeat for each that must
    #[arg(long)]
    amr: Vec<String>,
    /// The `acr` that apps are told for one of the provider's; repeat for each. Without one, apps are told none
    #[arg(long, value_name = "THEIRS=OURS")]
    acr_as: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// How this server proves there who it is.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Proof {
    /// By a client secret, which is read from standard input, one line
    #[arg(long)]
    client_secret_stdin: bool,
    /// By assertions that KMS signs; register the `jwks_uri` that is printed
    #[arg(long)]
    private_key_jwt: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    Basic,
    Post,
}

impl SetProvider {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let names = self.checked(stack)?;
        let acr_as = acr_as(&self.acr_as)?;
        let auth = stack.auth();
        let (mut ways, before) = read(&auth).await?;
        if let Some(issuer) = ways.issuer_of(&self.name).filter(|issuer| *issuer != self.issuer) {
            bail!(WrongCall(format!(
                "`{}` is the name of {issuer}, and persons are known by it: a subject there is another person here. Choose another \
                 name for this issuer",
                self.name
            )));
        }
        let authentication = self.authentication(stack).await?;
        let provider = IdentityProvider {
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            authentication,
            scope: self.scope,
            claim: self.claim,
            names,
            acr: self.acr,
            amr: self.amr,
            acr_as,
        };
        ways.former.retain(|former| former.name != provider.name);
        match ways.providers.iter_mut().find(|known| known.name == provider.name) {
            Some(known) => *known = provider.clone(),
            None => ways.providers.push(provider.clone()),
        }
        save(&auth, before.as_ref(), &ways).await?;
        Ok(told(stack, &provider, self.json))
    }

    /// How we prove there who we are. A secret is sealed before it goes anywhere.
    async fn authentication(&self, stack: &Stack) -> Result<ClientAuthentication> {
        if self.proof.private_key_jwt {
            ensure!(
                stack.signs_assertions(),
                "this stack has no key that signs assertions: deploy it with the parameter PrivateKeyJwt=yes, which costs $1 a month, \
                 or register a client secret at the provider and say --client-secret-stdin"
            );
            return Ok(ClientAuthentication::PrivateKeyJwt);
        }
        let context = IdentityProvider::context(&self.name, &self.issuer);
        let sealed = stack.sealer()?.seal(&secret()?, &context).await?;
        Ok(match self.auth {
            Some(Way::Post) => ClientAuthentication::Post(sealed),
            Some(Way::Basic) | None => ClientAuthentication::Basic(sealed),
        })
    }

    /// Checks the arguments by themselves.
    fn checked(&self, stack: &Stack) -> Result<Names> {
        let wrong = |text: String| Err(WrongCall(text).into());
        if !is_name(&self.name) {
            return wrong(format!(
                "`{}` is no name for a provider: 1 to 64 lower-case letters, digits and hyphens",
                self.name
            ));
        }
        let issuer = fetchable(&self.issuer, stack.issuer().is_loopback());
        match issuer {
            Err(error) => return wrong(format!("--issuer: {error}")),
            Ok(url) if url.query().is_some() => return wrong("--issuer: an issuer has no query".to_owned()),
            Ok(_) => {}
        }
        if !self.scope.split(' ').any(|scope| scope == "openid") {
            return wrong("--scope: `openid` is missing; without it no provider gives an id_token".to_owned());
        }
        if self.client_id.is_empty() || self.claim.is_empty() {
            return wrong("--client-id and --claim must not be empty".to_owned());
        }
        let Ok(names) = self.names.parse::<Names>() else {
            return wrong(format!(
                "--names: `{}` is not known; `patient`, `identifier:SYSTEM`, `coverage:SYSTEM` and `coverage:subscriberId` are",
                self.names
            ));
        };
        let further = [&self.and_birth_date, &self.and_dependent];
        if further.into_iter().flatten().any(String::is_empty) {
            return wrong("--and-birth-date and --and-dependent must not be empty".to_owned());
        }
        if names.by().is_none() && further.into_iter().flatten().next().is_some() {
            return wrong(
                "--and-birth-date and --and-dependent go with an identifier: a Patient id names one person".to_owned(),
            );
        }
        if matches!(names, Names::Identifier(_)) && self.and_dependent.is_some() {
            return wrong("--and-dependent goes with coverage:SYSTEM: a Patient has no such number".to_owned());
        }
        Ok(names.and(self.and_birth_date.clone(), self.and_dependent.clone()))
    }
}

/// A table of `acr` values from arguments. A provider's value may have a `=` in it.
fn acr_as(arguments: &[String]) -> Result<BTreeMap<String, String>, WrongCall> {
    let pair = |argument: &String| match argument.rsplit_once('=') {
        Some((theirs, ours)) if !theirs.is_empty() && !ours.is_empty() => Ok((theirs.to_owned(), ours.to_owned())),
        _ => Err(WrongCall(format!(
            "--acr-as: `{argument}` is not THEIRS=OURS, the provider's value and the one that apps get"
        ))),
    };
    arguments.iter().map(pair).collect()
}

/// The client secret from standard input.
fn secret() -> Result<Secret> {
    let mut text = String::new();
    stdin().lock().read_line(&mut text).context("--client-secret-stdin: standard input cannot be read")?;
    let text = text.trim_end_matches(['\r', '\n']);
    match (1..=SECRET_BYTES).contains(&text.len()) {
        true => Ok(Secret::from_client(text)),
        false => bail!(WrongCall(format!(
            "--client-secret-stdin: a secret of 1 to {SECRET_BYTES} bytes is needed, on one line"
        ))),
    }
}
