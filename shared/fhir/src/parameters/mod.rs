//! The search parameters, one row each.
//!
//! A row says how a query names a value and where the value stands in the resource. The query parser, the index
//! that is written when a resource is loaded, the `CapabilityStatement` and the documentation all read these rows, so
//! they cannot disagree. What every type has (`_id`, `_lastUpdated`, `_profile` and so on) is no row: it does not
//! depend on the type.
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
//! A path ends on the whole element. What the element means follows from its shape and the parameter's kind: a
//! token may be a `CodeableConcept`, a Coding, an Identifier, a `ContactPoint`, a bare code or string, or a boolean; a
//! date may be a Period or a Timing; and so on. What the shape of a token does not tell is a column of its own
//! ([`Coded`]). `where(resolve() is Patient)` of `FHIRPath` is here a row whose only target is Patient.
//!
//! # Where the rows come from
//!
//! Every parameter that R4 (4.0.1) defines for the elements of these types is here, except composite ones, `near`,
//! `phonetic` (which asks for an algorithm, not a path) and `Patient.deceased` (which asks whether an element
//! exists). Those that R4 defines for its optional extensions (genetics, a mother's maiden name) are not. US Core,
//! CARIN Blue Button (C4BB), PDex, HRex, Plan-Net and the formulary guide add what R4 lacks. Where a guide restates
//! a parameter of R4, R4's definition is cited: the guide only says how much of it a server must support. Targets
//! are those that R4 gives the parameter and also allows in the element.

mod administrative;
mod clinical;
mod common;
mod diagnostics;
mod documents;
mod financial;
mod medications;
#[cfg(test)]
mod tests;

/// What kind of values a search parameter has (R4 search, "Search Parameter Types").
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
    /// What kind of values it has.
    pub param_type: SearchParamType,
    /// Where its values stand in the resource, in the path grammar above.
    pub path: &'static str,
    /// Types that a reference may name, [`ANY`] for all of them; empty for other kinds.
    pub targets: &'static [&'static str],
    /// What a token's shape does not tell; [`Coded::AsWritten`] for other kinds.
    pub coded: Coded,
    /// Parameters of the target that may follow a dot: only where a guide demands the chain, only into a shared type or to the
    /// member.
    pub chains: &'static [&'static str],
    /// Who defines it.
    pub definition: Definition,
}

/// Where the system of a token parameter's elements is found, and what else they may be asked for by (R4 search, "Token").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// It stands beside the code, or there is none: a `CodeableConcept`, a Coding, a `ContactPoint`, a string.
    AsWritten,
    /// It is the one of the code system that the element's value set takes its codes from: a `code`, a boolean.
    Implied(&'static str),
    /// It stands beside the value of an Identifier, which may be asked for by its type, too (`:of-type`).
    Identifier,
}

/// Who defines a parameter, and under which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definition {
    /// R4, under the names of the type and the parameter: `Observation-category`.
    R4,
    /// R4, under an id that several types share: `clinical-code`.
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
    /// This server, because clients use it and nobody else defines it.
    Ours,
}

/// All rows, by subject. Within a subject they are sorted by type, then by code.
pub const PARAMETERS: &[&[SearchParameter]] =
    &[administrative::ROWS, clinical::ROWS, diagnostics::ROWS, documents::ROWS, financial::ROWS, medications::ROWS];

/// The parameters that only this type has, sorted by code.
fn own(on: &str) -> impl Iterator<Item = &'static SearchParameter> {
    PARAMETERS.iter().copied().flatten().filter(move |row| row.on == on)
}

/// The parameters of one type with the positions by which an index knows them: the common ones, then the type's own.
pub fn of(on: &str) -> impl Iterator<Item = (u16, &'static SearchParameter)> {
    (0u16..).zip(common::ROWS.iter().chain(own(on)))
}

impl SearchParameter {
    /// The canonical URL of the definition. What is ours is published under `base`, the server's own FHIR base.
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

/// A natural person, in whatever part.
const PERSONS: &[&str] = &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

/// Whoever can act or speak for themselves, and devices.
const ACTORS: &[&str] = &["Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

type Str = &'static str;

const fn token(on: Str, code: Str, path: Str, definition: Definition) -> SearchParameter {
    row(SearchParamType::Token, on, code, path, definition, &[])
}

/// Elements of FHIR's type `code`, whose codes are of `system`.
const fn code(on: Str, code: Str, path: Str, definition: Definition, system: Str) -> SearchParameter {
    token(on, code, path, definition).coded(Coded::Implied(system))
}

/// R4 gives booleans a system, too, and says that nobody uses it.
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
