//! `patient-access delegation list`.

use anyhow::Result;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use shared::access::delegation::{self, Delegation};
use shared::clock::Clock;

use super::terms::member_id;
use super::{in_a_line, told_json};
use crate::member::Named;
use crate::stack::Stack;

/// The delegations that are looked up at once.
const AT_ONCE: usize = 16;

/// The arguments of `delegation list`.
#[derive(Args)]
pub struct List {
    /// Only those who act for this member
    #[arg(long = "for", value_name = "PATIENT", allow_hyphen_values = true, conflicts_with = "username")]
    patient: Option<String>,
    /// Only those under which this person acts
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, now) = (stack.auth(), Clock::System.now());
        let mut found: Vec<Delegation> = match (&self.patient, &self.username) {
            (Some(patient), _) => delegation::of_member(&auth, member_id(patient)?).await?,
            (None, Some(name)) => {
                let named = Named { username: Some(name.clone()), ..Named::default() };
                let person = named.find(&auth).await?.record.id;
                auth.list::<Delegation>(&person).await?.into_iter().map(|stored| stored.record).collect()
            }
            (None, None) => auth.scan::<Delegation>().await?.into_iter().map(|stored| stored.record).collect(),
        };
        found.retain(|delegation| self.all || delegation.state(now) != "ended");
        found.sort_by(|one, other| (&one.patient, one.created_at).cmp(&(&other.patient, other.created_at)));
        let told = stream::iter(&found).map(|delegation| told_json(&auth, delegation, now)).buffered(AT_ONCE);
        let told: Vec<_> = told.try_collect().await?;
        Ok(match self.json {
            true => format!("{}\n", json!({"delegations": told})),
            false => found.iter().zip(&told).map(|(delegation, told)| in_a_line(delegation, told)).collect(),
        })
    }
}
