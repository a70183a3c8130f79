//! The named members of the demo and their stories. The first name is also the user name and the Patient's id.

mod ada;
mod ben;
mod family;
mod george;
mod robin;
mod stays;

use serde_json::Value;

use crate::SampleMember;

/// The stories, in the order in which members are listed. A record without a member is of somebody who does not sign
/// in.
pub(crate) fn stories() -> Vec<(Option<SampleMember>, Vec<Value>)> {
    vec![
        (Some(member("ben", "Ben Okoye", true, "Healthy: check-ups, a sore throat, the dentist")), ben::ben()),
        (
            Some(member(
                "maria",
                "Maria Santos",
                true,
                "A parent: asthma, glasses, a bridge; holds the policy of her son Leo",
            )),
            family::maria(),
        ),
        (
            Some(member(
                "leo",
                "Leo Santos",
                true,
                "A child of seven: growth, vaccines, an ear infection; insured through Maria",
            )),
            family::leo(),
        ),
        (
            Some(member(
                "george",
                "George Littlefeather",
                true,
                "Ten years of illness: about 10,000 records, weekly measurements",
            )),
            george::george(),
        ),
        (Some(member("nora", "Nora Whitfield", true, "New on the plan: a coverage, but no claims yet")), ben::nora()),
        (
            Some(member(
                "sam",
                "Sam Lindgren",
                false,
                "A delegate: helps George, and until yesterday his mother Ada; has no record of his own",
            )),
            Vec::new(),
        ),
        (
            Some(member(
                "robin",
                "Robin Castillo",
                true,
                "Sensitive records: mental health, substance use, HIV, reproductive health",
            )),
            robin::robin(),
        ),
        (
            Some(member(
                "ada",
                "Ada Lindgren",
                true,
                "An older member with everything: hospital, implant, prior authorizations, documents",
            )),
            ada::ada(),
        ),
        (None, ben::harold()),
    ]
}

/// A member, with a password that follows from the user name, so that nobody has to look it up.
fn member(username: &str, name: &str, patient: bool, story: &'static str) -> SampleMember {
    SampleMember {
        username: username.into(),
        password: format!("{username}-demo-2026"),
        name: name.into(),
        patient: patient.then(|| username.to_string()),
        story,
    }
}
