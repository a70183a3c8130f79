//! One request under a good token: all that a handler works with.

use tokio::sync::OnceCell;

use super::outcome::Error;
use crate::access::{Access, Bearer, Sealed, Verifier};
use crate::clock::Clock;
use crate::http::Request;
use crate::issuer::Issuer;
use crate::record::resources::Resources;
use crate::store::StoreError;

/// One request under a good token.
pub(super) struct Call<'a> {
    /// The records of all members, each readable under a permit of its own member only.
    pub resources: &'a Resources,
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub bearer: Bearer,
    /// The URL that FHIR URLs start with.
    pub base: String,
    /// The time.
    pub clock: &'a Clock,
    verifier: &'a Verifier,
    access: OnceCell<Access>,
}

impl<'a> Call<'a> {
    /// Verifies the request's token; the grant is checked later, while data is being read.
    ///
    /// # Errors
    /// [`Error::NoToken`], [`Error::InvalidToken`] or [`Error::Store`].
    pub async fn verified(
        verifier: &'a Verifier,
        resources: &'a Resources,
        clock: &'a Clock,
        request: &'a Request,
        issuer: &Issuer,
    ) -> Result<Call<'a>, Error> {
        let bearer = verifier.verify(request, issuer).await?;
        let base = issuer.fhir_base();
        Ok(Call { resources, request, bearer, base, clock, verifier, access: OnceCell::new() })
    }

    /// The grant, found alive: read once, when first asked for.
    pub async fn access(&self) -> Result<&Access, Error> {
        Ok(self.access.get_or_try_init(|| self.verifier.confirm(&self.bearer)).await?)
    }

    /// Runs `read` while the grant is being checked, and opens its result. Several at once share one check.
    ///
    /// # Errors
    /// Those of [`Call::access`], and [`Error::Store`] where the read fails.
    pub async fn read<T>(&self, read: impl Future<Output = Result<Sealed<T>, StoreError>>) -> Result<T, Error> {
        let read = async { Ok(read.await?) };
        let (access, sealed) = tokio::try_join!(self.access(), read)?;
        Ok(access.open(sealed)?)
    }

    /// Whether the app wants unknown parameters left out instead of refused (R4 search, "Handling Errors"; RFC 7240 §4.4).
    pub fn lenient(&self) -> bool {
        self.request.preference("handling").is_some_and(|handling| handling.eq_ignore_ascii_case("lenient"))
    }
}
