//! `patient-access delegation add`: lets a person act for a member.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::access::delegation::Delegation;
use shared::clock::Clock;

use super::ages::day;
use super::terms::{Terms, create, full_name, member_id, relation, standing_one, text};
use super::{related, told};
use crate::load::patients;
use crate::member::Named;
use crate::stack::Stack;

/// The arguments of `delegation add`.
#[derive(Args)]
pub struct Add {
    /// The member for whom they act: the id of a Patient that is loaded
    #[arg(long = "for", value_name = "PATIENT", allow_hyphen_values = true)]
    patient: String,
    /// The person who acts, who can sign in already
    #[command(flatten)]
    person: Named,
    /// The relation: parent, guardian, representative or proxy
    #[arg(long = "as", value_name = "RELATION")]
    relation: String,
    /// The ground on which they may, such as a paper that the plan has seen
    #[arg(long, value_name = "TEXT")]
    ground: String,
    /// The one who said so
    #[arg(long, value_name = "TEXT")]
    said_by: String,
    /// The first day, in the plan's time zone [default: today]
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day; a parent's delegation ends on the birthday at the latest
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Their full name, as the member sees it [default: as their own record has it, else their sign-in name]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The `RelatedPerson` of your feed that stands for them [default: one is made]
    #[arg(long, value_name = "ID")]
    related_person: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Add {
    /// A delegation of the sample members.
    pub fn made_up(person: &str, patient: &str, relation: &str, (from, until): (String, Option<String>)) -> Add {
        Add {
            patient: patient.to_owned(),
            person: Named { username: Some(person.to_owned()), ..Named::default() },
            relation: relation.to_owned(),
            ground: "a paper that the sample made up".to_owned(),
            said_by: "the sample".to_owned(),
            from: Some(from),
            until,
            name: None,
            related_person: None,
            json: true,
        }
    }

    /// Adds it, unless there is one, or was, of the same person for the same member.
    ///
    /// # Errors
    /// As the command.
    pub async fn keep(self, stack: &Stack) -> Result<()> {
        let auth = stack.auth();
        let person = self.person.find(&auth).await?.record.id;
        let known = auth.list::<Delegation>(&person).await?;
        if known.iter().all(|known| known.record.patient != self.patient) {
            self.run(stack).await?;
        }
        Ok(())
    }

    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now) = (stack.auth(), Clock::System.now());
        let days = |option: &str, text: Option<&String>| text.map(|text| day(option, text)).transpose();
        let terms = Terms {
            patient: member_id(&self.patient)?.to_owned(),
            relation: relation(&self.relation)?,
            ground: text("--ground", &self.ground)?,
            said_by: text("--said-by", &self.said_by)?,
            days: (days("--from", self.from.as_ref())?, days("--until", self.until.as_ref())?),
            name: self.name.as_deref().map(full_name).transpose()?,
            related_person: self.related_person.clone(),
        };
        let person = self.person.find(&auth).await?.record;
        let [patient] = patients(stack, [terms.patient.as_str()]).await?;
        let own = match &person.patient {
            Some(own) => patients(stack, [own.as_str()]).await.ok().map(|[own]| own),
            None => None,
        };
        if let Some(standing) = standing_one(&auth, &person.id, &terms.patient, now).await? {
            bail!(
                "{} acts for Patient/{} already: {}. Change its days with `delegation change`, or end it first",
                self.person,
                terms.patient,
                standing.id
            );
        }
        if let Some(id) = &terms.related_person {
            related::is_in_record(stack, id, &terms.patient).await?;
        }
        let new = terms.delegation(stack, &person, (&patient, own.as_ref()), None, now)?;
        related::write(stack, &[&new]).await?;
        create(&auth, &new, &patient, own.as_ref()).await?;
        told(&auth, &new, self.json, json!({})).await
    }
}
