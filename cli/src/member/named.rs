//! One person, as a command names them, and what is told of them.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value as Json, json};
use shared::access::delegation::{self, Delegation, EndedBy};
use shared::access::grant::Grant;
use shared::clock::Clock;
use shared::oauth::member::{LastSignIn, Member, Subject};
use shared::oauth::sign_in::{SignIn, Way, canonical};
use shared::oauth::throttle;
use shared::store::auth::{Auth, Commit, Stored};

use super::{changed, committed, end_earlier, line};
use crate::stack::Stack;

/// The person that a command is about: by a name, by a subject of a provider, or by their id.
#[derive(Args, Clone, Default)]
#[group(required = true, multiple = true)]
pub struct Named {
    /// The name they sign in with
    #[arg(long, value_name = "NAME", conflicts_with_all = ["provider", "subject", "id"])]
    pub username: Option<String>,
    /// The identity provider they sign in with; with --subject
    #[arg(long, value_name = "NAME", requires = "subject", conflicts_with = "id")]
    pub provider: Option<String>,
    /// The provider's `sub` for them
    #[arg(long, value_name = "SUB", requires = "provider")]
    pub subject: Option<String>,
    /// Their id, as `member list` shows it
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

/// The arguments of a command on one person.
#[derive(Args, Clone, Default)]
pub struct OneMember {
    /// The person
    #[command(flatten)]
    pub named: Named,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

impl Named {
    /// The way in that the arguments name; `None` where they name the person by their id.
    pub fn way(&self) -> Option<Way> {
        match (&self.username, &self.provider, &self.subject) {
            (Some(name), _, _) => Some(Way::Username(canonical(name))),
            (None, Some(provider), Some(subject)) => {
                Some(Way::Subject(Subject { provider: provider.clone(), subject: subject.clone() }))
            }
            _ => None,
        }
    }

    /// Finds the person.
    ///
    /// # Errors
    /// There is none, or the stack does not answer.
    pub async fn find(&self, auth: &Auth) -> Result<Stored<Member>> {
        let id = match self.way() {
            Some(way) => auth.get::<SignIn>(&way.key()).await?.map(|found| found.record.member),
            None => self.id.clone(),
        };
        let found = match id {
            Some(id) => auth.get::<Member>(&id).await?,
            None => None,
        };
        match found {
            Some(found) => Ok(found),
            None => bail!("there is no such member: {self}"),
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.way(), &self.id) {
            (Some(Way::Username(name)), _) => write!(f, "`{name}`"),
            (Some(Way::Subject(Subject { provider, subject })), _) => write!(f, "`{subject}` of {provider}"),
            (None, id) => write!(f, "{}", id.as_deref().unwrap_or_default()),
        }
    }
}

impl OneMember {
    pub(super) async fn show(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        let found = self.named.find(&auth).await?.record;
        told(&auth, &found, self.json, json!({})).await
    }

    /// Stops the person, or lets them in again. Their apps are stopped and have to ask them again.
    pub(super) async fn switch(self, stack: &Stack, disabled: bool) -> Result<String> {
        let auth = stack.auth();
        let found = self.named.find(&auth).await?;
        let ended = changed(&auth, &found, |member| Member { disabled, ..member }, |commit| commit).await?;
        if self.json {
            let found = self.named.find(&auth).await?.record;
            return told(&auth, &found, true, json!({"grants_ended": ended})).await;
        }
        let (who, can) = (&self.named, if disabled { "can no longer sign in" } else { "can sign in again" });
        Ok(format!("{who} {can}; apps stopped: {ended}\n"))
    }

    pub(super) async fn unlock(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        let found = self.named.find(&auth).await?.record;
        if let Some(name) = &found.username {
            throttle::unlock(&auth, name, Clock::System.now()).await?;
        }
        told(&auth, &found, self.json, json!({})).await
    }

    /// Removes the person and their ways in. They are stopped first, so that a removal that is cut short may be repeated.
    pub(super) async fn remove(self, stack: &Stack) -> Result<String> {
        let auth = stack.auth();
        let found = self.named.find(&auth).await?;
        let ended = changed(&auth, &found, |member| Member { disabled: true, ..member }, |commit| commit).await?;
        let Some(stopped) = auth.get::<Member>(&found.record.id).await? else { bail!("somebody else removed them") };
        let last = told_json(&auth, &stopped.record).await?;
        let mut commit = Commit::default().delete(&stopped);
        for way in ways(&stopped.record) {
            if let Some(way) = auth.get::<SignIn>(&way.key()).await? {
                commit = commit.delete(&way);
            }
        }
        if let Some(seen) = auth.get::<LastSignIn>(&stopped.record.id).await? {
            commit = commit.delete(&seen);
        }
        for acts in auth.list::<Delegation>(&stopped.record.id).await? {
            delegation::end(&auth, &acts.record.id, Clock::System.now(), EndedBy::Plan).await?;
        }
        committed(&auth, commit).await?;
        end_earlier(&auth, &stopped.record.id).await?;
        match self.json {
            true => Ok(line(&with(last, json!({"grants_ended": ended})))),
            false => Ok(format!("{} is removed; apps stopped: {ended}\n", self.named)),
        }
    }
}

/// The ways in of a person.
pub(super) fn ways(member: &Member) -> Vec<Way> {
    let name = member.username.clone().map(Way::Username);
    name.into_iter().chain(member.sign_ins.iter().cloned().map(Way::Subject)).collect()
}

/// The facts about a person that a help desk needs.
pub(super) async fn told_json(auth: &Auth, member: &Member) -> Result<Json> {
    let now = Clock::System.now();
    let locked = async {
        match &member.username {
            Some(name) => throttle::locked_until(auth, name, now).await,
            None => Ok(None),
        }
    };
    let acted_for_by = async {
        match &member.patient {
            Some(patient) => delegation::of_member(auth, patient).await,
            None => Ok(Vec::new()),
        }
    };
    let (grants, last, locked, acts_for, acted_for_by) = tokio::try_join!(
        auth.list::<Grant>(&member.id),
        auth.get::<LastSignIn>(&member.id),
        locked,
        auth.list::<Delegation>(&member.id),
        acted_for_by
    )?;
    let acts_for: Vec<Delegation> = acts_for.into_iter().map(|stored| stored.record).collect();
    let active = |all: &[Delegation]| all.iter().filter(|delegation| delegation.is_active(now)).count();
    let state = match (member.disabled, locked) {
        (true, _) => "disabled",
        (false, Some(_)) => "locked",
        (false, None) => "active",
    };
    let live = grants.iter().filter(|grant| grant.record.is_live(now)).count();
    Ok(json!({
        "id": member.id, "username": member.username, "sign_ins": member.sign_ins, "patient": member.patient,
        "state": state, "locked_until": locked.map(|time| time.to_string()), "created_at": member.created_at.to_string(),
        "last_sign_in": last.map(|last| last.record.at.to_string()), "grants": live,
        "acts_for": active(&acts_for), "acted_for_by": active(&acted_for_by),
    }))
}

/// The same with more properties.
pub(super) fn with(mut told: Json, more: Json) -> Json {
    if let (Some(told), Json::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

/// A person as JSON, or as lines for people.
pub(super) async fn told(auth: &Auth, member: &Member, json: bool, more: Json) -> Result<String> {
    let told = with(told_json(auth, member).await?, more);
    match json {
        true => Ok(line(&told)),
        false => Ok(lines(&told)),
    }
}

/// The properties that have a value, each on a line.
fn lines(told: &Json) -> String {
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(list) if list.is_empty() => None,
        other => Some(other.to_string()),
    };
    let line = |(name, value): (&String, &Json)| Some(format!("{:<14} {}\n", name.replace('_', " "), text(value)?));
    told.as_object().into_iter().flatten().filter_map(line).collect()
}
