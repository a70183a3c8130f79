//! A row of `member import`: CSV with a header, or NDJSON with the same names.

use shared::bounds::{SUBJECT_BYTES, USERNAME_BYTES};
use shared::fhir::reference::is_id;
use shared::oauth::member::Subject;
use shared::oauth::provider::settings::is_name;
use shared::oauth::sign_in::{Way, canonical};

use crate::rows::{Form, Reason, reason};

/// The columns, by their names.
pub(super) const COLUMNS: [&str; 5] = ["username", "provider", "subject", "patient", "state"];

/// A row that ties a way in to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub way: Way,
    pub patient: Option<String>,
    pub disabled: bool,
}

/// Whether a file can say whom it ties to which record; else what its header lacks.
pub(super) fn complete(form: &Form<5>) -> Result<(), String> {
    if form.has("patient") && (form.has("username") || form.has("subject")) {
        return Ok(());
    }
    Err(format!("the header must name patient, and username or provider,subject: {}", COLUMNS.join(",")))
}

/// Reads a row.
pub(super) fn row([username, provider, subject, patient, state]: [String; 5]) -> Result<Row, Reason> {
    let way = match (username.trim().is_empty(), provider.is_empty() && subject.is_empty()) {
        (true, true) => return reason("no-sign-in", "a row needs a username, or a provider and a subject"),
        (false, false) => return reason("two-sign-ins", "a row has either a username, or a provider and a subject"),
        (false, true) => {
            let name = canonical(&username);
            if name.len() > USERNAME_BYTES || name.contains(char::is_control) {
                return reason(
                    "username",
                    format!("a username has at most {USERNAME_BYTES} bytes, none of them control characters"),
                );
            }
            Way::Username(name)
        }
        (true, false) => {
            if !is_name(&provider) {
                return reason("provider", "a provider's name has 1 to 64 lower-case letters, digits and hyphens");
            }
            let is_subject =
                !subject.is_empty() && subject.len() <= SUBJECT_BYTES && !subject.contains(char::is_control);
            if !is_subject {
                return reason(
                    "subject",
                    format!("a subject has 1 to {SUBJECT_BYTES} bytes, none of them control characters"),
                );
            }
            Way::Subject(Subject { provider, subject })
        }
    };
    let patient = patient.strip_prefix("Patient/").unwrap_or(&patient).trim().to_owned();
    if !patient.is_empty() && !is_id(&patient) {
        return reason("patient", format!("`{patient}` is no resource id (letters, digits, `-` and `.`, at most 64)"));
    }
    let disabled = match state.trim() {
        "" | "active" => false,
        "disabled" => true,
        other => return reason("state", format!("`{other}` is no state: active or disabled")),
    };
    Ok(Row { way, patient: (!patient.is_empty()).then_some(patient), disabled })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_breaks_a_rule_is_refused_by_a_code() {
        let of = |first: &str| Form::of(&COLUMNS, first).and_then(|form| complete(&form).map(|()| form));
        let read = |form: &Form<5>, line: &str| form.values(line).and_then(row);
        let form = of("\u{feff}username,provider,subject,patient,state").unwrap();
        assert!(!form.begins_with_a_row());
        for (line, code) in [
            ("ada,,,p1", "malformed"),
            (",,,p1,active", "no-sign-in"),
            ("ada,plan,s1,p1,active", "two-sign-ins"),
            (",Plan,s1,p1,active", "provider"),
            (",plan,,p1,active", "subject"),
            (&format!(",plan,{},p1,active", "s".repeat(SUBJECT_BYTES + 1)), "subject"),
            ("ada,,,p 1,active", "patient"),
            ("ada,,,p1,gone", "state"),
        ] {
            assert_eq!(read(&form, line).unwrap_err().code, code, "{line}");
        }
        let ada = read(&form, "Ada,,,Patient/p1,").unwrap();
        assert_eq!(ada, Row { way: Way::Username("ada".into()), patient: Some("p1".into()), disabled: false });
        let form = of(r#"{"username":"ada"}"#).unwrap();
        assert!(form.begins_with_a_row());
        assert_eq!(read(&form, r#"{"username":"ADA","patient":"p1","state":null}"#).unwrap(), ada);
        for line in ["[]", "{", r#"{"username":1}"#, r#"{"user":"ada"}"#] {
            assert_eq!(read(&form, line).unwrap_err().code, "malformed", "{line}");
        }
        assert!(of("name,patient").is_err() && of("username").is_err() && of("username,username,patient").is_err());
    }
}
