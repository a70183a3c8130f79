//! `patient-access`: runs a stack on one machine, loads data, registers apps and members, looks after keys.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use patient_access::audit::operator::Ended;
use patient_access::call::WrongCall;
use patient_access::load::{Settings, Stop, Totals};
use patient_access::stack::Stack;
use patient_access::target::Target;
use patient_access::terminal::{print, tell};
use patient_access::{
    app, audit, delegation, identity_provider, keys, load, local, member, prove, record, report, sample,
};
use shared::store::Patience;

/// The Patient Access API: run it on this machine, load members' data, register apps and members.
#[derive(Parser)]
#[command(
    version,
    after_help = "Without a command it runs `local`: the whole API on this machine, with sample members."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    local: local::LocalArguments,
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole API on this machine: the real functions behind a local gateway, DynamoDB, S3 and KMS
    Local(local::LocalArguments),
    /// Load FHIR resources: Bundles, NDJSON and folders of them
    Load(LoadArguments),
    /// Write made-up members as NDJSON: any number of them, the same for the same seed
    Sample(sample::SampleArguments),
    /// Register apps, and change or stop them
    #[command(subcommand)]
    App(app::AppCommand),
    /// Set up the identity providers with which members sign in
    #[command(subcommand)]
    IdentityProvider(identity_provider::IdentityProviderCommand),
    /// Look after the keys that sign tokens
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Merge a member's record into another, or remove it
    #[command(subcommand)]
    Record(record::RecordCommand),
    /// Register members who can sign in, change their passwords, stop them
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Let persons act for members, and end that
    #[command(subcommand)]
    Delegation(delegation::DelegationCommand),
    /// Show who saw what, and verify that nobody changed the record of it
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Report to CMS, and to the plan itself, what apps were given
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Ask a running stack from outside whether it does what the rules demand, and write the evidence
    Prove(prove::ProveArguments),
}

#[derive(Args)]
struct TargetArguments {
    /// The URL of the stack to work on; without it, the newest local stack of this checkout that is running
    #[arg(long, value_name = "URL", env = "PATIENT_ACCESS_STACK", global = true, help_heading = "Which stack")]
    stack: Option<String>,
    /// A stack in an AWS account, by its CloudFormation name
    #[arg(long, value_name = "NAME", global = true, help_heading = "Which stack", conflicts_with = "stack")]
    stack_name: Option<String>,
    /// The profile of your AWS configuration to use (default stack name: patient-access)
    #[arg(long, value_name = "NAME", global = true, help_heading = "Which stack", conflicts_with = "stack")]
    profile: Option<String>,
}

#[derive(Args)]
struct LoadArguments {
    /// Files (.json with a Bundle or a resource, .ndjson; plain or packed by gzip) and folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Store nothing: tell what a load would find, here and on a page of its own (check-<time>.html)
    #[arg(long)]
    check: bool,
    /// Control totals to compare with: a Bulk Data manifest, or {"Patient": 20, "claims.ndjson": 5000}
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// At most so many writes in a second [default: as many as the store takes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// A base URL that the plan calls its own: references under it are this server's; repeat for each
    #[arg(long = "base", value_name = "URL")]
    bases: Vec<String>,
    /// A Patient who is the same person, though birth date and family name differ from what is stored; repeat for each
    #[arg(long, value_name = "ID")]
    same_person: Vec<String>,
    /// Refuse what breaks this rule of R4 (docs/loading.md, "Rules"); repeat for each
    #[arg(long, value_name = "RULE")]
    refuse: Vec<String>,
    /// Keep, with a warning, what breaks this rule of R4; repeat for each
    #[arg(long, value_name = "RULE")]
    accept: Vec<String>,
    /// Merge a Patient whose `link` says `replaced-by` into that other one, where birth date and family name agree
    #[arg(long)]
    merges: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// The file for rejected resources and their reasons [default: rejected-<time>.ndjson here, only if there are any]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            if error.is::<WrongCall>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

impl LoadArguments {
    /// Loads. The exit code says whether everything is in.
    async fn run(self, stack: Stack) -> anyhow::Result<ExitCode> {
        let stack = stack.with_patience(Patience::at_most(self.rate));
        let mut rules = stack.rules().clone();
        self.refuse.iter().try_for_each(|rule| rules.refuse(rule))?;
        self.accept.iter().try_for_each(|rule| rules.accept(rule))?;
        let settings = Settings {
            rules: Some(rules),
            rejected: self.rejected.unwrap_or_default(),
            expect: self.expect.as_deref().map(Totals::read).transpose()?,
            bases: self.bases,
            stop: Stop::at_interrupt(),
            same_person: self.same_person.into_iter().collect(),
            merges: self.merges,
        };
        if self.check {
            let (found, page) = load::inspect_paths(&stack, &self.paths, &settings)?;
            print(&if self.json { format!("{}\n", found.to_json()) } else { found.to_string() })?;
            tell(&format!("the same as a page: {}", page.display()));
            return Ok(ExitCode::from(if found.is_clean() { 0 } else { 3 }));
        }
        let (report, ended) = load::run(&stack, &self.paths, settings).await?;
        print(&if self.json { format!("{}\n", report.to_json()) } else { report.to_string() })?;
        if let Err(error) = ended {
            tell(&format!("error: {error:#}"));
        }
        Ok(ExitCode::from(report.exit_code()))
    }
}

impl Command {
    /// Runs a command on a stack. Those with a fixed form name it on standard error.
    async fn run_on(self, stack: Stack) -> anyhow::Result<ExitCode> {
        if !matches!(self, Command::Load(_) | Command::App(_) | Command::Keys(_)) {
            tell(&format!("stack: {}", stack.issuer()));
        }
        let done = |text: String| (text, ExitCode::SUCCESS);
        let (text, code) = match self {
            Command::Local(_) | Command::Sample(_) => unreachable!("they work on no stack"),
            Command::Load(arguments) => return arguments.run(stack).await,
            Command::App(app) => done(app.run(&stack).await?),
            Command::IdentityProvider(provider) => done(provider.run(&stack).await?),
            Command::Keys(keys) => done(keys.run(&stack).await?),
            Command::Record(record) => done(record.run(&stack).await?),
            Command::Audit(audit) => audit.run(&stack).await?,
            Command::Report(report) => report.run(&stack).await?,
            Command::Prove(prove) => prove.run(&stack).await?,
            Command::Member(member) => {
                let told = member.run(&stack).await?;
                (told.text.clone(), told.exit_code())
            }
            Command::Delegation(delegation) => {
                let told = delegation.run(&stack).await?;
                (told.text.clone(), told.exit_code())
            }
        };
        print(&text)?;
        Ok(code)
    }
}

/// Runs a command on the stack that the arguments name, between two records of it in the audit.
async fn operate(command: Command, target: &Target) -> anyhow::Result<ExitCode> {
    let stack = target.find().await?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let act = audit::operator::record(&stack, &arguments).await?;
    let result = command.run_on(stack).await;
    let ended = match &result {
        Ok(code) if *code == ExitCode::SUCCESS => Ended::Done,
        Ok(code) if *code == ExitCode::from(3) => Ended::Findings,
        _ => Ended::NotDone,
    };
    if let Err(error) = act.ended(ended).await {
        tell(&format!("warning: {error:#}"));
    }
    result
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let TargetArguments { stack, stack_name, profile } = cli.target;
    let target = Target { url: stack, stack_name, profile };
    match cli.command.unwrap_or(Command::Local(cli.local)) {
        Command::Local(local) => local.run().await?,
        Command::Sample(sample) => tell(&sample.run()?),
        command => return operate(command, &target).await,
    }
    Ok(ExitCode::SUCCESS)
}
