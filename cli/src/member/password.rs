//! Passwords of the plan's own directory: how a command gets one, and `patient-access member password`.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use shared::clock::{Clock, Time};
use shared::oauth::member::Member;
use shared::oauth::password::acceptable;
use shared::oauth::sign_in::{SignIn, Way, canonical};
use shared::secret::{Random, Secret};

use super::named::{Named, told_json, with};
use super::{changed, line};
use crate::call::WrongCall;
use crate::stack::Stack;

/// The ways in which a command gets a password. Without one it asks at the terminal.
#[derive(Args, Clone, Default)]
#[group(multiple = false)]
pub struct PasswordArguments {
    /// The password, on a stack of this machine only: other processes see a command line, and the shell keeps it
    #[arg(long, value_name = "WORD")]
    password: Option<String>,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
    /// Print a code instead, with which the person sets their own password once, within 7 days
    #[arg(long)]
    code: bool,
}

impl PasswordArguments {
    /// The password; `None` where the person gets a code.
    ///
    /// # Errors
    /// [`WrongCall`] where there is none that may be set.
    pub fn read(&self, stack: &Stack) -> Result<Option<Secret>> {
        let password = match &self.password {
            _ if self.code => return Ok(None),
            Some(_) if !stack.issuer().is_loopback() => bail!(WrongCall(
                "--password: a command line is no place for a password of a real member: other processes see it, and the \
                 shell keeps it. Leave it out to be asked, or use --password-stdin or --code"
                    .to_owned()
            )),
            Some(word) => word.clone(),
            None if self.password_stdin => {
                let mut text = String::new();
                stdin().lock().read_line(&mut text).context("--password-stdin: standard input cannot be read")?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            None if stdin().is_terminal() => {
                let asked = console::Term::stderr();
                asked.write_str("password: ").and_then(|()| asked.read_secure_line()).context("the terminal cannot be read")?
            }
            None => bail!(WrongCall("a password is needed: --password-stdin, or --code".to_owned())),
        };
        let password = Secret::from_client(&password);
        acceptable(&password).map_err(|error| WrongCall(format!("--password: {error}")))?;
        Ok(Some(password))
    }
}

/// A way in with this password; without one, with a code, which comes back.
pub(super) fn with_either(
    way: SignIn,
    password: Option<&Secret>,
    random: &Random,
    now: Time,
) -> Result<(SignIn, Option<Secret>)> {
    if let Some(password) = password {
        return Ok((way.with_password(password, random)?, None));
    }
    let (way, code) = way.with_code(random, now);
    Ok((way, Some(code)))
}

/// The arguments of `member password`.
#[derive(Args)]
pub struct ChangePassword {
    /// The name they sign in with
    #[arg(long)]
    username: String,
    #[command(flatten)]
    password: PasswordArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl ChangePassword {
    /// Changes the password. All sessions end and all apps are stopped, so that somebody who knew the old password
    /// loses everything.
    pub(super) async fn run(self, stack: &Stack) -> Result<String> {
        let (auth, random) = (stack.auth(), Random::system());
        let password = self.password.read(stack)?;
        let named = Named { username: Some(self.username.clone()), ..Named::default() };
        let member = named.find(&auth).await?;
        let way = Way::Username(canonical(&self.username)).key();
        let Some(before) = auth.get::<SignIn>(&way).await? else { bail!("there is no such member: {named}") };
        let (after, code) = with_either(before.record.clone(), password.as_ref(), &random, Clock::System.now())?;
        let same = |member: Member| member;
        let ended = changed(&auth, &member, same, |commit| commit.replace(&before, &after)).await?;
        let code = code.as_ref().map(Secret::reveal);
        if self.json {
            let mut more = json!({"grants_ended": ended});
            if let Some(code) = code {
                more["code"] = code.into();
            }
            return Ok(line(&with(told_json(&auth, &named.find(&auth).await?.record).await?, more)));
        }
        Ok(match code {
            None => format!("{named} has a new password; apps stopped: {ended}\n"),
            Some(code) => {
                format!("{named} sets a password with this code, within 7 days: {code}; apps stopped: {ended}\n")
            }
        })
    }
}
