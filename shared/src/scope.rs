//! SMART scopes, versions 1 and 2, as apps ask for them and grants hold them (SMART App Launch 2.2, "Scopes and Launch
//! Context"). This is text alone: [`crate::access`] decides what a scope reaches.

use std::fmt;
use std::str::FromStr;

/// Whose data a SMART scope is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// `patient/`: the patient in context.
    Patient,
    /// `user/`: what the person who signed in may see; here, the one person the token is for.
    User,
}

/// How a resource scope was written, so that it is answered in the same syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// `patient/Observation.read`
    V1,
    /// `patient/Observation.rs`
    V2,
}

/// A scope for resources: `patient/Observation.rs?category=laboratory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceScope {
    /// Whose data.
    pub context: Context,
    /// The resource type; `None` is the wildcard `*`.
    pub resource_type: Option<String>,
    /// Whether it allows read.
    pub read: bool,
    /// Whether it allows search.
    pub search: bool,
    /// The part after `?`, as it came: a search that resources must match.
    pub query: Option<String>,
    syntax: Syntax,
}

/// One scope that this server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `openid`: an `id_token`.
    OpenId,
    /// `fhirUser`: the `id_token` says which resource the person is.
    FhirUser,
    /// `offline_access`: a refresh token.
    OfflineAccess,
    /// `launch/patient`: a patient in context.
    LaunchPatient,
    /// Resources.
    Resource(ResourceScope),
}

impl Scope {
    /// Takes one scope out of a request. Known scopes that allow more than reading are narrowed to reading; scopes this
    /// server does not know or that would then allow nothing are `None` (RFC 6749 §3.3 lets a server ignore them).
    pub fn parse(text: &str) -> Option<Scope> {
        match text {
            "openid" => Some(Scope::OpenId),
            "fhirUser" => Some(Scope::FhirUser),
            "offline_access" => Some(Scope::OfflineAccess),
            "launch/patient" => Some(Scope::LaunchPatient),
            _ => ResourceScope::parse(text).map(Scope::Resource),
        }
    }
}

impl ResourceScope {
    /// The search that a granular scope names, decoded: the pairs that a resource must match. `None` for a scope that
    /// is not granular.
    pub fn granular(&self) -> Option<Vec<(String, String)>> {
        Some(form_urlencoded::parse(self.query.as_deref()?.as_bytes()).into_owned().collect())
    }

    fn parse(text: &str) -> Option<ResourceScope> {
        let (context, rest) = text.split_once('/')?;
        let context = match context {
            "patient" => Context::Patient,
            "user" => Context::User,
            _ => return None,
        };
        let (resource_type, rest) = rest.split_once('.')?;
        let (permissions, query) = match rest.split_once('?') {
            Some((permissions, query)) => (permissions, Some(query)),
            None => (rest, None),
        };
        let (read, search, syntax) = match permissions {
            "read" | "*" => (true, true, Syntax::V1),
            letters => (letters.contains('r'), letters.contains('s'), Syntax::V2),
        };
        if syntax == Syntax::V2 && !in_order(permissions, "cruds") {
            return None;
        }
        let known = resource_type == "*" || resource_type.starts_with(|c: char| c.is_ascii_uppercase());
        let well_formed = known && (resource_type == "*" || resource_type.chars().all(|c| c.is_ascii_alphanumeric()));
        let narrows = query.is_none_or(|query| syntax == Syntax::V2 && query.contains('='));
        (well_formed && narrows && (read || search)).then(|| ResourceScope {
            context,
            resource_type: (resource_type != "*").then(|| resource_type.to_owned()),
            read,
            search,
            query: query.map(str::to_owned),
            syntax,
        })
    }
}

/// Whether `letters` are some of `all`, each once, in that order (SMART 2.2: "permissions SHALL be in the order").
fn in_order(letters: &str, all: &str) -> bool {
    let mut rest = all.chars();
    !letters.is_empty() && letters.chars().all(|letter| rest.any(|next| next == letter))
}

impl fmt::Display for ResourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = match self.context {
            Context::Patient => "patient",
            Context::User => "user",
        };
        let permissions = match (self.syntax, self.read, self.search) {
            (Syntax::V1, ..) => "read",
            (Syntax::V2, true, true) => "rs",
            (Syntax::V2, true, false) => "r",
            (Syntax::V2, false, _) => "s",
        };
        write!(f, "{context}/{}.{permissions}", self.resource_type.as_deref().unwrap_or("*"))?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::OpenId => f.write_str("openid"),
            Scope::FhirUser => f.write_str("fhirUser"),
            Scope::OfflineAccess => f.write_str("offline_access"),
            Scope::LaunchPatient => f.write_str("launch/patient"),
            Scope::Resource(scope) => scope.fmt(f),
        }
    }
}

/// A list of scopes, each once, in the order they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// A scope string that breaks RFC 6749's grammar (§3.3).
#[derive(Debug, thiserror::Error)]
#[error("scope must be names separated by one space each, without quotation marks, backslashes or control characters")]
pub struct MalformedScope;

impl FromStr for Scopes {
    type Err = MalformedScope;

    fn from_str(text: &str) -> Result<Scopes, MalformedScope> {
        let legal = |c: char| matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        if !text.split(' ').all(|token| !token.is_empty() && token.chars().all(legal)) {
            return Err(MalformedScope);
        }
        Ok(text.split(' ').filter_map(Scope::parse).collect())
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Scopes {
        let mut list = Vec::new();
        for scope in scopes {
            if !list.contains(&scope) {
                list.push(scope);
            }
        }
        Scopes(list)
    }
}

impl Scopes {
    /// The scopes.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The resource scopes among them.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceScope> {
        self.0.iter().filter_map(|scope| match scope {
            Scope::Resource(resource) => Some(resource),
            _ => None,
        })
    }

    /// Whether `scope` is among them.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes among these that `other` covers.
    pub fn within(&self, other: &Scopes) -> Scopes {
        self.0.iter().filter(|scope| other.0.iter().any(|kept| covers(kept, scope))).cloned().collect()
    }
}

/// Whether a client that is registered for `allowed` may ask for `asked`: the same scope, in either syntax and with any
/// narrowing query, or one of its types under a wildcard.
fn covers(allowed: &Scope, asked: &Scope) -> bool {
    match (allowed, asked) {
        (Scope::Resource(allowed), Scope::Resource(asked)) => {
            allowed.context == asked.context
                && (allowed.resource_type.is_none() || allowed.resource_type == asked.resource_type)
                && (allowed.read || !asked.read)
                && (allowed.search || !asked.search)
                && (allowed.query.is_none() || allowed.query == asked.query)
        }
        _ => allowed == asked,
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if position == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(text: &str) -> String {
        text.parse::<Scopes>().unwrap().to_string()
    }

    #[test]
    fn scopes_come_back_in_the_syntax_they_were_asked_in() {
        let asked = "patient/Coverage.read user/*.rs openid patient/Observation.rs?category=laboratory";
        assert_eq!(granted(asked), asked);
    }

    #[test]
    fn write_scopes_are_narrowed_to_reading() {
        assert_eq!(granted("patient/*.cruds user/*.*"), "patient/*.rs user/*.read");
        assert_eq!(granted("patient/Claim.write patient/Claim.cud openid"), "openid");
    }

    #[test]
    fn unknown_scopes_and_system_scopes_are_left_out() {
        assert_eq!(
            granted("system/*.rs email patient/patient.read patient/Claim.sr patient/Claim.dus openid"),
            "openid"
        );
    }

    #[test]
    fn a_scope_string_that_breaks_the_grammar_is_refused() {
        for text in ["", " openid", "openid  fhirUser", "open\"id", "open\\id", "openid\n"] {
            assert!(text.parse::<Scopes>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_client_may_ask_for_less_than_it_is_registered_for_but_not_for_more() {
        let registered: Scopes = "patient/*.rs openid".parse().unwrap();
        let asked: Scopes = "patient/Claim.read user/Claim.read openid fhirUser".parse().unwrap();
        assert_eq!(asked.within(&registered).to_string(), "patient/Claim.read openid");
    }
}
