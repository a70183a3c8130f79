//! What the data functions share: one door in, and one door out.

use http::{Method, header};
use tokio::sync::OnceCell;

use super::fallback::fallback;
use super::outcome::Error;
use super::query;
use super::{docref, everything, read, search};
use crate::access::{Access, Bearer, Refusal, Verifier};
use crate::audit::{Audit, Disclosure};
use crate::clock::Clock;
use crate::config::{
    self, AuditTableName, AuthTableName, Config, DocumentsBucketName, ResourcesTableName, SigningKeyId,
};
use crate::http::{Request, Response, allow_any_origin, single};
use crate::record::resources::Resources;
use crate::store::audit::AuditTable;
use crate::store::{Aws, StoreError};

/// What a data function must be told.
type Settings = (Config, ResourcesTableName, AuthTableName, AuditTableName, DocumentsBucketName, SigningKeyId);

/// A data function, for its lifetime.
pub struct Server {
    config: Config,
    verifier: Verifier,
    pub(super) resources: Resources,
    audit: Audit,
    pub(super) clock: Clock,
}

/// One request under a good token.
pub(super) struct Call<'a> {
    pub server: &'a Server,
    pub request: &'a Request,
    pub bearer: Bearer,
    /// The URL that FHIR URLs start with.
    pub base: String,
    access: OnceCell<Access>,
}

impl Server {
    /// From the function's environment.
    ///
    /// # Errors
    /// What is missing in the environment, or what does not answer of the keys.
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
                self.answer("docref", &request, docref::docref).await
            }
            _ if request.method == Method::POST => fallback(&self.config, &request),
            _ if request.parameters.contains_key("vid") => self.answer("vread", &request, read::vread).await,
            _ => self.answer("read", &request, read::read).await,
        }
    }

    /// `GET /fhir/{type}` and `POST /fhir/{type}/_search`
    pub async fn search(&self, request: Request) -> Response {
        self.answer("search", &request, search::search).await
    }

    /// `GET` and `POST /fhir/Patient/{id}/$everything`
    pub async fn everything(&self, request: Request) -> Response {
        self.answer("everything", &request, everything::everything).await
    }

    async fn answer<'a, H>(&'a self, action: &'static str, request: &'a Request, handler: H) -> Response
    where
        H: AsyncFnOnce(&Call<'a>) -> Result<Disclosure, Error>,
    {
        let base = self.config.issuer(&request.domain).fhir_base();
        match self.attempt(action, request, base.clone(), handler).await {
            Ok(mut response) => {
                allow_any_origin(&mut response);
                response
            }
            Err(error) => error.respond(&base),
        }
    }

    /// The order of every data request: the token, the format, the handler, the grant (which the handler may have checked
    /// while it read), the audit record, and only then the answer.
    async fn attempt<'a, H>(
        &'a self,
        action: &'static str,
        request: &'a Request,
        base: String,
        handler: H,
    ) -> Result<Response, Error>
    where
        H: AsyncFnOnce(&Call<'a>) -> Result<Disclosure, Error>,
    {
        let bearer = self.verifier.verify(request, &self.config.issuer(&request.domain)).await?;
        let call = Call { server: self, request, bearer, base, access: OnceCell::new() };
        let result = match acceptable(request) {
            Ok(()) => handler(&call).await,
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

impl Call<'_> {
    /// The grant, found alive: read once, when first asked for.
    pub async fn access(&self) -> Result<&Access, Error> {
        Ok(self.access.get_or_try_init(|| self.server.verifier.confirm(&self.bearer)).await?)
    }

    /// Whether the app wants unknown parameters left out instead of refused (R4 search, "Handling Errors").
    pub fn lenient(&self) -> bool {
        self.request
            .header("prefer")
            .is_some_and(|prefer| prefer.split([',', ';']).any(|p| p.trim() == "handling=lenient"))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Missing => Error::NoToken,
            Refusal::Invalid(why) => Error::InvalidToken(why),
            Refusal::Scope(needed) => Error::InsufficientScope { needed },
            Refusal::Store(error) => Error::Store(error),
        }
    }
}

/// Whether the app takes JSON, by `_format` or else by `Accept`. What a Binary holds has a type of its own: which one shows
/// when it was read.
fn acceptable(request: &Request) -> Result<(), Error> {
    if request.parameter("type") == "Binary" && request.parameters.contains_key("id") {
        return Ok(());
    }
    if let Ok(Some(wanted)) = single(&request.query(), "_format") {
        return query::format(Some(wanted));
    }
    let Some(accept) = request.header(header::ACCEPT) else { return Ok(()) };
    let json = ["application/fhir+json", "application/json", "text/json", "application/*", "*/*"];
    let takes = accept.split(',').filter_map(|range| range.split(';').next()).any(|range| {
        let range = range.trim();
        range.is_empty() || json.iter().any(|known| known.eq_ignore_ascii_case(range))
    });
    if takes { Ok(()) } else { Err(Error::speaks_json()) }
}
