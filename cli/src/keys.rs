//! `patient-access keys …`: the keys that sign tokens. `shared::keys` says which key does what at which time. Here are
//! the operator's commands, which use the operator's own rights in KMS.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::bounds::KEYS_FRESH_SECONDS;
use shared::clock::{Clock, Time};
use shared::keys::{KeyState, Rotation, SigningKey, SigningKeys};
use shared::store::auth::{Auth, Commit, CommitError, Stored};
use shared::store::signer::Signer;

use crate::stack::Stack;
use crate::terminal::tell;

/// The commands on signing keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// List the keys with the state of each, and when it changes
    List(Listing),
    /// Make a new key: it is published now and signs some minutes later; the old one is accepted until its last token
    /// is over
    Rotate(RotateKeys),
    /// Give every key the policy of the template's key; needed after a deployment that added a function
    Sync(Listing),
    /// Have KMS delete, in 30 days, the keys that are over
    Retire(Listing),
}

/// The form in which a command lists the keys.
#[derive(Args)]
pub struct Listing {
    /// Print the keys as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `keys rotate`.
#[derive(Args)]
pub struct RotateKeys {
    /// Let the new key sign at once, or the one that is waiting; an app that verifies tokens itself may have to fetch
    /// the keys again
    #[arg(long, conflicts_with = "compromised")]
    at_once: bool,
    /// Somebody else may have signed: a new key signs at once, every other key is refused within two minutes, and all
    /// earlier access tokens end. Apps refresh; no member has to sign in again
    #[arg(long)]
    compromised: bool,
    /// Print the keys as JSON
    #[arg(long)]
    json: bool,
}

/// The keys of a stack, as they were read.
struct Keys<'a> {
    stack: &'a Stack,
    auth: Auth,
    signer: Signer,
    stored: Option<Stored<SigningKeys>>,
    all: SigningKeys,
    now: Time,
}

impl KeysCommand {
    /// Runs the command. Returns the list of keys.
    ///
    /// # Errors
    /// KMS or the stack does not answer, or the state of the keys does not allow the command.
    pub async fn run(self, stack: &Stack) -> Result<String> {
        let mut keys = Keys::of(stack).await?;
        let json = match self {
            KeysCommand::List(Listing { json }) => json,
            KeysCommand::Rotate(rotate) => {
                keys.rotate(&rotate).await?;
                rotate.json
            }
            KeysCommand::Sync(Listing { json }) => {
                keys.sync().await?;
                json
            }
            KeysCommand::Retire(Listing { json }) => {
                keys.retire().await?;
                json
            }
        };
        keys.tell(json).await
    }
}

impl<'a> Keys<'a> {
    async fn of(stack: &'a Stack) -> Result<Keys<'a>> {
        let (auth, signer, first) = (stack.auth(), stack.signer(), stack.signing_key()?);
        let stored = auth.get::<SigningKeys>(SigningKeys::ID).await?;
        let all = match &stored {
            Some(stored) => stored.record.clone(),
            None => SigningKeys::of_first(first, &signer.public_key(first).await?.kid),
        };
        Ok(Keys { stack, auth, signer, stored, all, now: Clock::System.now() })
    }

    async fn rotate(&mut self, how: &RotateKeys) -> Result<()> {
        let waiting = self.all.waiting(self.now);
        let next = match (waiting, how) {
            (Some(_), RotateKeys { at_once: true, .. }) => self.all.hastened(self.now),
            (Some(waiting), RotateKeys { compromised: false, .. }) => {
                bail!("a new key waits already and signs from {}; --at-once lets it sign now", waiting.signs_from)
            }
            (_, how) => {
                let rotation = match (how.at_once, how.compromised) {
                    (_, true) => Rotation::Compromised,
                    (true, false) => Rotation::AtOnce,
                    (false, false) => Rotation::Announced,
                };
                let (kms, kid) = self.create().await?;
                // The new key counts from the time at which it exists, or it would sign before everybody has seen it.
                self.now = Clock::System.now();
                self.all.rotated(&kms, &kid, rotation, self.now)
            }
        };
        self.save(next).await
    }

    /// Makes a key in KMS. It has the policy of the template's key, which CloudFormation keeps up to date.
    async fn create(&self) -> Result<(String, String)> {
        let policy = self.signer.policy(self.stack.signing_key()?).await.context("the policy of the template's key")?;
        let description = format!("Signs tokens of {}, made {}", self.stack.issuer(), self.now);
        let kms = self.signer.create(&description, &policy).await.context("KMS did not make a new key")?;
        // KMS is eventually consistent: a key may be unknown for a moment after it was made.
        let mut kid = self.signer.public_key(&kms).await;
        for _ in 0..10 {
            if kid.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            kid = self.signer.public_key(&kms).await;
        }
        let kid = kid.with_context(|| {
            format!("the new KMS key {kms} cannot be used; nothing was changed, and it may be deleted")
        })?;
        Ok((kms, kid.kid))
    }

    async fn save(&mut self, next: SigningKeys) -> Result<()> {
        let commit = match &self.stored {
            Some(before) => Commit::default().replace(before, &next),
            None => Commit::default().create(&next),
        };
        match self.auth.commit(commit).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => {
                let unused = next.keys.iter().filter(|key| !self.all.keys.iter().any(|known| known.kms == key.kms));
                let unused: Vec<&str> = unused.map(|key| key.kms.as_str()).collect();
                bail!("somebody else changed the keys just now, so nothing was done; KMS keys to delete: {unused:?}")
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        self.all = next;
        Ok(())
    }

    async fn sync(&self) -> Result<()> {
        let pattern = self.signer.policy(self.stack.signing_key()?).await?;
        for key in self.all.accepted(self.now) {
            self.signer.set_policy(&key.kms, &pattern).await.with_context(|| format!("the KMS key {}", key.kms))?;
        }
        Ok(())
    }

    /// Whether a key may be deleted. The template's key may not: CloudFormation owns it, and its policy is the pattern
    /// of the others.
    fn may_be_deleted(&self, key: &SigningKey) -> bool {
        self.all.state(key, self.now) == KeyState::Over && self.stack.signing_key().is_ok_and(|first| key.kms != first)
    }

    async fn retire(&mut self) -> Result<()> {
        let (gone, left): (Vec<SigningKey>, Vec<SigningKey>) =
            self.all.keys.iter().cloned().partition(|key| self.may_be_deleted(key));
        if gone.is_empty() {
            bail!("no key is over, so there is none to delete; the template's own key stays with the stack");
        }
        // The list comes first: functions that still know a key would log an error if KMS no longer let them use it.
        self.save(SigningKeys { keys: left }).await?;
        for key in gone {
            let deletion = self.signer.schedule_deletion(&key.kms).await;
            let deletion = deletion.with_context(|| format!("KMS does not delete {}; delete it by hand", key.kms))?;
            tell(&format!("KMS deletes {} on {deletion}; until then `aws kms cancel-key-deletion` saves it", key.kms));
        }
        Ok(())
    }

    async fn tell(&self, as_json: bool) -> Result<String> {
        let pattern = self.signer.policy(self.stack.signing_key()?).await?;
        let mut rows = Vec::new();
        for key in &self.all.keys {
            let state = self.all.state(key, self.now);
            let outdated = state != KeyState::Over && self.signer.policy(&key.kms).await? != pattern;
            rows.push((key, state, outdated));
        }
        if as_json {
            let told = |(key, state, outdated): &(&SigningKey, KeyState, bool)| {
                json!({"kid": key.kid, "kms_key": key.kms, "state": word(*state), "signs_from": key.signs_from.to_string(),
                    "accepted_until": key.until.map(|until| until.to_string()), "outdated_policy": outdated,
                    "may_be_deleted": self.may_be_deleted(key)})
            };
            return Ok(format!("{}\n", json!({"keys": rows.iter().map(told).collect::<Vec<_>>()})));
        }
        let mut text = String::new();
        for (key, state, outdated) in rows {
            text += &format!("{}  {:<8}  KMS key {}\n  {}\n", key.kid, word(state), key.kms, self.next(key, state));
            if outdated {
                text += "  its policy is not the template's: `patient-access keys sync` gives it the rights that functions need\n";
            }
        }
        Ok(text)
    }

    /// The next change of a key, and when it comes.
    fn next(&self, key: &SigningKey, state: KeyState) -> String {
        let until = key.until.map(|until| until.to_string()).unwrap_or_default();
        match state {
            KeyState::Waiting => format!("published; signs from {}", key.signs_from),
            KeyState::Signing if key.until.is_some() => {
                format!("signs until the next one does; accepted until {until}")
            }
            KeyState::Signing => "signs all new tokens".to_owned(),
            KeyState::Leaving => format!("signs no more; its tokens are accepted until {until}"),
            KeyState::Over if self.may_be_deleted(key) => {
                format!(
                    "refused since {until} (by every function within {KEYS_FRESH_SECONDS} seconds); `patient-access keys retire` deletes it"
                )
            }
            KeyState::Over => format!("refused since {until}; it stays as the pattern for new keys"),
        }
    }
}

fn word(state: KeyState) -> &'static str {
    match state {
        KeyState::Waiting => "waiting",
        KeyState::Signing => "signing",
        KeyState::Leaving => "leaving",
        KeyState::Over => "over",
    }
}
