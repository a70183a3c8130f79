//! `patient-access report synthetic`: members whom the plan made up.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use shared::clock::Clock;
use shared::fhir::reference::is_id;
use shared::store::auth::{Commit, CommitError};
use shared::store::counts::Synthetic;

use crate::call::WrongCall;
use crate::stack::Stack;
use crate::terminal::visible;

/// The arguments of `report synthetic`.
#[derive(Args)]
pub struct SyntheticArguments {
    /// The id of the member's Patient resource
    #[arg(long, value_name = "PATIENT_ID", allow_hyphen_values = true)]
    patient: Option<String>,
    /// Take the mark back: the member is a real one
    #[arg(long, requires = "patient")]
    remove: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl SyntheticArguments {
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        if let Some(patient) = self.patient {
            if !is_id(&patient) {
                let wrong =
                    format!("--patient: `{patient}` is no resource id (letters, digits, `-` and `.`, at most 64)");
                return Err(WrongCall(wrong).into());
            }
            let mark = Synthetic { patient, stands: !self.remove, changed_at: Clock::System.now() };
            let commit = match auth.get::<Synthetic>(&mark.patient).await? {
                Some(there) => Commit::default().replace(&there, &mark),
                None => Commit::default().create(&mark),
            };
            match auth.commit(commit).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => {
                    bail!("somebody else changed this mark just now; look at it and try again")
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        let marks = auth.list::<Synthetic>(Synthetic::ALL).await?;
        let marked: Vec<String> =
            marks.into_iter().map(|stored| stored.record).filter(|mark| mark.stands).map(|mark| mark.patient).collect();
        if self.json {
            return Ok(format!("{}\n", json!({"synthetic": marked})));
        }
        let lines = marked.iter().map(|patient| format!("Patient/{}\n", visible(patient)));
        Ok(if marked.is_empty() { "no member is marked as made up\n".to_owned() } else { lines.collect() })
    }
}
