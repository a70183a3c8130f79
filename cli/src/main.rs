//! `patient-access`: runs a stack on one machine, loads data, registers apps and members, looks after keys.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use patient_access::target::Target;
use patient_access::told::exit_code;
use patient_access::{app, keys, load, local, member, sample};

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
    /// Look after the keys that sign tokens
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Register members who can sign in, change their passwords, stop them
    #[command(subcommand)]
    Member(member::MemberCommand),
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
    /// Files (.json with a Bundle or a resource, .ndjson) and folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the counts as JSON
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
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let TargetArguments { stack, stack_name, profile } = cli.target;
    let target = Target { url: stack, stack_name, profile };
    match cli.command.unwrap_or(Command::Local(cli.local)) {
        Command::Local(local) => local.run().await?,
        Command::Load(arguments) => {
            let stack = target.find().await?;
            let report = load::run(&stack, &arguments.paths, arguments.rejected).await?;
            if arguments.json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
            return Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Sample(sample) => eprintln!("{}", sample.run()?),
        Command::App(app) => print!("{}", app.run(&target.find().await?).await?),
        Command::Keys(keys) => print!("{}", keys.run(&target.find().await?).await?),
        Command::Member(member) => {
            let stack = target.find().await?;
            eprintln!("stack: {}", stack.issuer());
            let told = member.run(&stack).await?;
            print!("{}", told.text);
            return Ok(told.exit_code());
        }
    }
    Ok(ExitCode::SUCCESS)
}
