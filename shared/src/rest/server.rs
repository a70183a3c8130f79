//! One door in and one door out, which all data functions share.

use http::Method;

use super::call::Call;
use super::fallback::fallback;
use super::format::{accepted, takes_json};
use super::input::{self, Asked, Posted};
use super::outcome::Error;
use super::{docref, everything, read, search};
use crate::access::Verifier;
use crate::audit::{Audit, Disclosure};
use crate::clock::Clock;
use crate::config::{
    self, AuditTableName, AuthTableName, Config, DocumentsBucketName, ResourcesTableName, SigningKeyId,
};
use crate::http::{Request, Response, allow_any_origin};
use crate::record::resources::Resources;
use crate::store::audit::AuditTable;
use crate::store::{Aws, StoreError};

/// The settings that a data function needs.
type Settings = (Config, ResourcesTableName, AuthTableName, AuditTableName, DocumentsBucketName, SigningKeyId);

/// A data function, for its lifetime.
pub struct Server {
    config: Config,
    verifier: Verifier,
    resources: Resources,
    audit: Audit,
    clock: Clock,
}

impl Server {
    /// From the function's environment.
    ///
    /// # Errors
    /// A setting is missing in the environment, or a key does not answer.
    pub async fn from_environment() -> Result<Server, Box<dyn std::error::Error + Send + Sync>> {
        let settings = config::from_environment()?;
        Ok(Server::new(&Aws::from_environment().await, settings, Clock::System).await?)
    }

    /// Over a deployment's parts, at the time that `clock` tells.
    ///
    /// # Errors
    /// [`StoreError`] where the public keys cannot be read.
    pub async fn new(
        aws: &Aws,
        (config, resources, auth, audit, documents, key): Settings,
        clock: Clock,
    ) -> Result<Server, StoreError> {
        Ok(Server {
            verifier: Verifier::load(aws, &auth, &key, clock.clone()).await?,
            resources: Resources::new(aws, &resources, &documents),
            audit: Audit::new(AuditTable::new(aws, &audit), clock.clone()),
            clock,
            config,
        })
    }

    /// The deployment's names.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `GET /fhir/{type}/{id}` and `GET /fhir/{type}/{id}/_history/{vid}`; and what stands where an id does, the operation
    /// `/fhir/DocumentReference/$docref`, the only one that may be posted.
    pub async fn read(&self, request: Request) -> Response {
        match (request.parameter("type"), request.parameter("id")) {
            ("DocumentReference", "$docref") if !request.parameters.contains_key("vid") => {
                self.answer("docref", &request, Posted::Operation, docref::docref).await
            }
            _ if request.method == Method::POST => fallback(&self.config, &request),
            _ if request.parameters.contains_key("vid") => {
                self.answer("vread", &request, Posted::Search, read::vread).await
            }
            _ => self.answer("read", &request, Posted::Search, read::read).await,
        }
    }

    /// `GET /fhir/{type}` and `POST /fhir/{type}/_search`
    pub async fn search(&self, request: Request) -> Response {
        self.answer("search", &request, Posted::Search, search::search).await
    }

    /// `GET` and `POST /fhir/Patient/{id}/$everything`
    pub async fn everything(&self, request: Request) -> Response {
        self.answer("everything", &request, Posted::Operation, everything::everything).await
    }

    async fn answer<'a, H>(&'a self, action: &'static str, request: &'a Request, posted: Posted, handler: H) -> Response
    where
        H: AsyncFnOnce(&Call<'a>, Asked) -> Result<Disclosure, Error>,
    {
        match self.attempt(action, request, posted, handler).await {
            Ok(mut response) => {
                allow_any_origin(&mut response);
                response
            }
            Err(error) => error.respond(&self.config.issuer(&request.domain).fhir_base()),
        }
    }

    /// The order of every data request: the token, the parameters and the format, the handler, the grant (which the handler may have checked
    /// while it read), the audit record, and only then the answer.
    async fn attempt<'a, H>(
        &'a self,
        action: &'static str,
        request: &'a Request,
        posted: Posted,
        handler: H,
    ) -> Result<Response, Error>
    where
        H: AsyncFnOnce(&Call<'a>, Asked) -> Result<Disclosure, Error>,
    {
        let issuer = self.config.issuer(&request.domain);
        let call = Call::verified(&self.verifier, &self.resources, &self.clock, request, &issuer).await?;
        let result = match asked(request, posted) {
            Ok(asked) => handler(&call, asked).await,
            Err(error) => Err(error),
        };
        // Tables that do not answer are not asked again, for the function's own time is short; nor is a grant that was found
        // dead while the handler read. A fault of the bucket is recorded: the tables are alive.
        if let Err(error @ (Error::Store(_) | Error::InvalidToken(_))) = result {
            return Err(error);
        }
        let access = call.access().await?;
        match result {
            Ok(disclosure) => Ok(self.audit.release(action, access, request, disclosure).await?),
            Err(error) => {
                self.audit.refused(action, error.status().1, access, request).await?;
                Err(error)
            }
        }
    }
}

/// The request's parameters, where the app takes JSON. A Binary has a type of its own: which one shows when it is read.
fn asked(request: &Request, posted: Posted) -> Result<Asked, Error> {
    let asked = input::asked(request, posted)?;
    let accept = accepted(request, &asked.pairs)?;
    if request.parameter("type") != "Binary" || !request.parameters.contains_key("id") {
        takes_json(accept.as_ref())?;
    }
    Ok(asked)
}
