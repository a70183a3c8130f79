//! The search parameters, one row each, type by type.
//!
//! A row says how a query names a value and where the value stands in the resource. The query parser, the index
//! that is written when a resource is loaded, the `CapabilityStatement` and the documentation all read these rows, so
//! they cannot disagree. The parameters that every type has (`_id`, `_lastUpdated`, `_profile` and so on) are rows of their own.
//! A type's row ([`crate::types::TYPES`]) names the rows that belong to it; rustc warns of rows that no type names.
//!
//! # Paths
//!
//! A path leads from the resource to the element that holds the value:
//!
//! - Alternatives are separated by ` | `; whatever any of them finds is a value.
//! - Steps are separated by `.`; each is the name of a JSON property. Arrays are flattened at every step.
//! - A choice of types is spelled as JSON spells it: `effectiveDateTime | effectivePeriod`.
//! - A step may carry one condition, `telecom(system=phone)` or `extension(url=http://…)`, which keeps the elements
//!   whose property has that value. A dot between the parentheses belongs to the condition.
//!
//! A path ends on the whole element. The element's shape and the parameter's type say what the element means: a
//! token may be a `CodeableConcept`, a Coding, an Identifier, a `ContactPoint`, a bare code or string, or a boolean; a
//! date may be a Period or a Timing; and so on. A column of its own says what the shape of a token does not tell
//! ([`Coded`]). A row whose only target is Patient stands for `where(resolve() is Patient)` of `FHIRPath`.
//!
//! # Where the rows come from
//!
//! Every parameter that R4 (4.0.1) defines for the elements of these types is here, except composite ones, `near`,
//! `phonetic` (which asks for an algorithm, not a path) and `Patient.deceased` (which asks whether an element
//! exists). Those that R4 defines for its optional extensions (genetics, a mother's maiden name) are not. US Core,
//! CARIN Blue Button (C4BB), PDex, HRex, Plan-Net and the formulary guide add what R4 lacks. Where a guide restates
//! a parameter of R4, R4's definition is cited: the guide only says how much of it a server must support. Targets
//! are those that R4 gives the parameter and also allows in the element.

// A row stays on one line where it fits.
#[rustfmt::skip]
pub(crate) mod administrative;
#[rustfmt::skip]
pub(crate) mod clinical;
mod common;
#[rustfmt::skip]
pub(crate) mod diagnostics;
#[rustfmt::skip]
pub(crate) mod documents;
#[rustfmt::skip]
pub(crate) mod financial;
#[rustfmt::skip]
pub(crate) mod medications;
#[rustfmt::skip]
pub mod public;
#[cfg(test)]
mod tests;

pub(crate) use common::COMMON;

/// The type of a search parameter, which says how its values are written and compared (R4 search, "Search Parameter Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchParamType {
    /// Coded values, identifiers, booleans.
    Token,
    /// Dates and periods.
    Date,
    /// References to other resources.
    Reference,
    /// Strings, compared by how they begin.
    String,
    /// Amounts with a unit.
    Quantity,
    /// URIs.
    Uri,
    /// Numbers.
    Number,
}

impl SearchParamType {
    /// FHIR's name for it (R4 value set "search-param-type").
    pub fn name(self) -> &'static str {
        match self {
            SearchParamType::Token => "token",
            SearchParamType::Date => "date",
            SearchParamType::Reference => "reference",
            SearchParamType::String => "string",
            SearchParamType::Quantity => "quantity",
            SearchParamType::Uri => "uri",
            SearchParamType::Number => "number",
        }
    }
}

/// One search parameter of one resource type.
#[derive(Debug, PartialEq, Eq)]
pub struct SearchParameter {
    /// The type it searches.
    pub on: &'static str,
    /// Its name in a query.
    pub code: &'static str,
    /// Its type.
    pub param_type: SearchParamType,
    /// Where its values stand in the resource, in the path grammar above.
    pub path: &'static str,
    /// The types that a reference may name, [`ANY`] for all of them. Only a reference parameter has targets.
    pub targets: &'static [&'static str],
    /// The part of a token that its shape does not tell. Other parameters are [`Coded::AsWritten`].
    pub coded: Coded,
    /// The parameters of the target that may follow a dot. A chain exists only where a guide demands it, and leads only into a
    /// shared type or to the member.
    pub chains: &'static [&'static str],
    /// Who defines it.
    pub definition: Definition,
}

/// Where a token parameter finds the system of a code (R4 search, "Token").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// Beside the code, or nowhere: a `CodeableConcept`, a Coding, a `ContactPoint`, a string.
    AsWritten,
    /// In the definition: the element is a `code` or a boolean, and its value set takes its codes from this system.
    Implied(&'static str),
    /// Beside the value of an Identifier, which a search may also name by its type (`:of-type`).
    Identifier,
}

/// Who defines a parameter, and under which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definition {
    /// R4, under the names of the type and the parameter: `Observation-category`.
    R4,
    /// R4, under another id, mostly one that several types share: `clinical-code`.
    R4As(&'static str),
    /// US Core.
    UsCore(&'static str),
    /// CARIN Blue Button.
    CarinBb(&'static str),
    /// Da Vinci Payer Data Exchange.
    Pdex(&'static str),
    /// Da Vinci Health Record Exchange.
    Hrex(&'static str),
    /// Da Vinci Plan-Net, the public directory.
    PlanNet(&'static str),
    /// Da Vinci US Drug Formulary.
    Formulary(&'static str),
    /// This server: clients use the parameter, and nobody else defines it.
    Ours,
}

impl SearchParameter {
    /// The canonical URL of the definition. Our own definitions stand under `base`, the server's own FHIR base.
    pub fn url(&self, base: &str) -> String {
        let (publisher, id) = match self.definition {
            Definition::R4 => {
                return format!("http://hl7.org/fhir/SearchParameter/{}-{}", self.on, self.code);
            }
            Definition::Ours => return format!("{base}/SearchParameter/{}-{}", self.on, self.code),
            Definition::R4As(id) => ("fhir", id),
            Definition::UsCore(id) => ("fhir/us/core", id),
            Definition::CarinBb(id) => ("fhir/us/carin-bb", id),
            Definition::Pdex(id) => ("fhir/us/davinci-pdex", id),
            Definition::Hrex(id) => ("fhir/us/davinci-hrex", id),
            Definition::PlanNet(id) => ("fhir/us/davinci-pdex-plan-net", id),
            Definition::Formulary(id) => ("fhir/us/davinci-drug-formulary", id),
        };
        format!("http://hl7.org/{publisher}/SearchParameter/{id}")
    }

    /// The same row, with these parameters of the target allowed after a dot.
    const fn chaining(self, chains: &'static [&'static str]) -> Self {
        Self { chains, ..self }
    }

    const fn coded(self, coded: Coded) -> Self {
        Self { coded, ..self }
    }
}

/// The target of a reference that may name a resource of any type.
pub const ANY: &[&str] = &["*"];

/// Who provides care, as a person, in a role or as an organization.
const PROVIDERS: &[&str] = &["Organization", "Practitioner", "PractitionerRole"];

/// A professional, as a person or in a role.
const PRACTITIONERS: &[&str] = &["Practitioner", "PractitionerRole"];

/// A natural person, in any part.
const PERSONS: &[&str] = &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

/// Anyone who can act, and devices.
const ACTORS: &[&str] = &["Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

type Str = &'static str;

const fn token(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::Token, on, code, path, definition, &[])
}

/// An element of FHIR's type `code`; its codes are of `system`.
const fn code(on: Str, code: Str, path: Str, definition: Definition, system: Str) -> SearchParameter {
    token(on, code, path, definition).coded(Coded::Implied(system))
}

/// R4 gives booleans a system, too, and remarks that nobody uses it.
const fn boolean(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    token(on, code, path, definition).coded(Coded::Implied("http://terminology.hl7.org/CodeSystem/special-values"))
}

const fn identifier(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    token(on, code, path, definition).coded(Coded::Identifier)
}

const fn date(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::Date, on, code, path, definition, &[])
}

const fn text(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::String, on, code, path, definition, &[])
}

const fn quantity(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::Quantity, on, code, path, definition, &[])
}

const fn uri(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::Uri, on, code, path, definition, &[])
}

const fn reference(on: Str, code: Str, path: Str, definition: Definition, targets: &'static [Str]) -> SearchParameter {
    row(SearchParamType::Reference, on, code, path, definition, targets)
}

const fn row(
    param_type: SearchParamType,
    on: Str,
    code: Str,
    path: Str,
    definition: Definition,
    targets: &'static [Str],
) -> SearchParameter {
    SearchParameter { on, code, param_type, path, targets, coded: Coded::AsWritten, chains: &[], definition }
}
