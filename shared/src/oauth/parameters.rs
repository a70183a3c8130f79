//! The parameters of a request: of a query, of an app's form, or of a form on one of our pages.

use http::{Method, header};

use super::error::{PageError, TokenError};
use crate::bounds::{AUTHORIZE_BYTES, OAUTH_PARAMETERS, TOKEN_FORM_BYTES};
use crate::http::{Duplicate, Request, single};
use crate::issuer::Issuer;

/// The parameters of a request, decoded, in the order in which they came. OAuth's have no empty values: a parameter without
/// a value is treated as if it was left out (RFC 6749 §3.1, §3.2), before anything else is looked at.
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
        match are_too_many(&pairs, AUTHORIZE_BYTES) {
            true => Err(PageError::Malformed("the app's request is too long".into())),
            false => Ok(Parameters::with_values(pairs)),
        }
    }

    /// Of a form that an app posts to the token, revocation or introspection endpoint.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`] where it is no form, is too long, or names a parameter twice, known or not
    /// (RFC 6749 §3.2).
    pub fn of_app(request: &Request) -> Result<Parameters, TokenError> {
        let no_form = || TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded".into());
        let pairs = request.form().ok_or_else(no_form)?;
        if are_too_many(&pairs, TOKEN_FORM_BYTES) {
            return Err(TokenError::InvalidRequest(format!(
                "the form is too long: at most {OAUTH_PARAMETERS} parameters, and {} KB in all",
                TOKEN_FORM_BYTES / 1024
            )));
        }
        let form = Parameters::with_values(pairs);
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
        self.one(name)?.ok_or_else(|| TokenError::InvalidRequest(format!("{name} is missing")))
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

    fn with_values(mut pairs: Vec<(String, String)>) -> Parameters {
        pairs.retain(|(_, value)| !value.is_empty());
        Parameters(pairs)
    }
}

fn are_too_many(pairs: &[(String, String)], largest: usize) -> bool {
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    pairs.len() > OAUTH_PARAMETERS || size > largest
}
