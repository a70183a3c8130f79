//! The parameters of a request: of a query, of an app's form, or of a form on one of our pages.

use http::{Method, header};

use super::error::{PageError, TokenError};
use crate::http::{Duplicate, Request, single};
use crate::issuer::Issuer;

/// No legitimate client sends more or larger parameters than this.
const MOST_PARAMETERS: usize = 50;
/// As [`MOST_PARAMETERS`], in bytes of names and values: for an authorization request, which mostly comes in a URL.
const LARGEST_REQUEST: usize = 16 * 1024;
/// As [`MOST_PARAMETERS`], in bytes of names and values: for a form that an app posts.
const LARGEST_FORM: usize = 32 * 1024;

/// The parameters of a request, decoded, in the order in which they came.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of an authorization request: of its query, or of its form (SMART App Launch 2.0, `authorize-post`).
    ///
    /// # Errors
    /// [`PageError::Malformed`] where the form is none, or there are too many parameters.
    pub fn of_authorization(request: &Request) -> Result<Parameters, PageError> {
        let pairs = match request.method == Method::POST {
            true => request.form().ok_or_else(|| {
                PageError::Malformed(
                    "a posted request carries its parameters as application/x-www-form-urlencoded".into(),
                )
            })?,
            false => request.query(),
        };
        let parameters = Parameters(pairs);
        match parameters.are_too_many(LARGEST_REQUEST) {
            true => Err(PageError::Malformed("the app's request is too long".into())),
            false => Ok(parameters),
        }
    }

    /// Of a form that an app posts to the token, revocation or introspection endpoint.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`] where it is no form, is too long, or names a parameter twice, known or not
    /// (RFC 6749 §3.2).
    pub fn of_app(request: &Request) -> Result<Parameters, TokenError> {
        let no_form = || TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded".into());
        let form = Parameters(request.form().ok_or_else(no_form)?);
        if form.are_too_many(LARGEST_FORM) {
            let text = "the form is too long: at most 50 parameters, and 32 KB in all";
            return Err(TokenError::InvalidRequest(text.into()));
        }
        form.each_once()?;
        Ok(form)
    }

    /// Of a form that came from a page of ours: a browser says so in `Sec-Fetch-Site`, an older one in `Origin`.
    ///
    /// # Errors
    /// [`PageError::Forged`] where another site sent it, [`PageError::Malformed`] where it is no form.
    pub fn of_page(request: &Request, issuer: &Issuer) -> Result<Parameters, PageError> {
        let ours = match (request.header("sec-fetch-site"), request.header(header::ORIGIN)) {
            (Some(site), _) => site == "same-origin",
            (None, Some(origin)) => origin == issuer.as_str(),
            (None, None) => true,
        };
        if !ours {
            return Err(PageError::Forged);
        }
        let no_form = || PageError::Malformed("this page takes a form (application/x-www-form-urlencoded)".into());
        Ok(Parameters(request.form().ok_or_else(no_form)?))
    }

    /// The value of a parameter that may be there once.
    ///
    /// # Errors
    /// [`Duplicate`] where it is there more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Duplicate> {
        single(&self.0, name)
    }

    /// The value of a parameter that an app must send.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`] where it is not there.
    pub fn required(&self, name: &str) -> Result<&str, TokenError> {
        self.one(name)?
            .filter(|value| !value.is_empty())
            .ok_or_else(|| TokenError::InvalidRequest(format!("{name} is missing")))
    }

    /// The value of a field on a page of ours; empty where the browser sent none.
    ///
    /// # Errors
    /// [`Duplicate`] where it is there more than once.
    pub fn field(&self, name: &str) -> Result<&str, Duplicate> {
        Ok(self.one(name)?.unwrap_or_default())
    }

    /// Every value of a parameter.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a parameter is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// Makes sure that no parameter, known or not, is there more than once (RFC 6749 §3.1, §3.2).
    ///
    /// # Errors
    /// [`Duplicate`]
    pub fn each_once(&self) -> Result<(), Duplicate> {
        self.0.iter().try_for_each(|(name, _)| self.one(name).map(|_| ()))
    }

    fn are_too_many(&self, largest: usize) -> bool {
        let size: usize = self.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.0.len() > MOST_PARAMETERS || size > largest
    }
}
