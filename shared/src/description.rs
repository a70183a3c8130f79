//! The description of the whole API for the public (42 CFR 422.119(d)): `/openapi.json` for programs and `/documentation` for people.
//! Both are made from the table of [`endpoints`], from that of the [`answers`], and from the tables by which the servers themselves
//! work: resource types, search parameters, [`crate::rest::controls`], bounds. Nothing stands before them: no account, no terms.

// A row stays on one line where it fits.
#[rustfmt::skip]
mod answers;
#[rustfmt::skip]
mod endpoints;
mod openapi;
mod page;
mod schemas;

use http::{StatusCode, header};

use crate::bounds::PUBLIC_SECONDS;
use crate::config::Plan;
use crate::fhir::guides::Guides;
use crate::http::{Compressible, Response, allow_any_origin, public_json, set};
use crate::issuer::Issuer;

/// Answers with the `OpenAPI` description.
pub fn openapi(issuer: &Issuer, plan: &Plan) -> Response {
    let mut response = public_json(&openapi::document(issuer, plan));
    response.extensions_mut().insert(Compressible);
    allow_any_origin(&mut response);
    response
}

/// Answers with the page for the developers of apps.
pub fn documentation(issuer: &Issuer, plan: &Plan, guides: Guides) -> Response {
    let (status, text) = match page::render(issuer, plan, guides) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, "the documentation cannot be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "Our service failed; the fault is logged.".to_owned())
        }
    };
    let mut response = crate::http::html(status, text, page::STYLE, "'none'");
    response.extensions_mut().insert(Compressible);
    if status == StatusCode::OK {
        set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={PUBLIC_SECONDS}"));
        response.headers_mut().remove(header::PRAGMA);
    }
    response
}
