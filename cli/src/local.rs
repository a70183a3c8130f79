//! `patient-access local`: the whole API on this machine, from the template that is deployed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use local_stack::{DemoProvider, LocalStack};
use tokio::process::Command;

use crate::stack::{self, Descriptor, Stack};
use crate::terminal::{print, tell};
use crate::{demo, demo_provider, samples};

/// The arguments of `patient-access local`.
#[derive(Args)]
pub struct LocalArguments {
    /// The port on 127.0.0.1 where the API answers
    #[arg(long, default_value_t = 9000, help_heading = "What to run")]
    port: u16,
    /// Keep data in this folder for the next start; without it, all data is gone at the end
    #[arg(long, value_name = "DIR", help_heading = "What to run")]
    data: Option<PathBuf>,
    /// Run DynamoDB, S3 and KMS only, for `cargo lambda watch`
    #[arg(long, help_heading = "What to run")]
    services_only: bool,
    /// Start without the sample members and their app; the demo app is registered all the same
    #[arg(long, help_heading = "What to run")]
    no_samples: bool,
}

impl LocalArguments {
    /// Builds the functions, starts everything, prints what to try, and runs until Ctrl-C.
    ///
    /// # Errors
    /// The functions do not build, the port is taken, or the sample members cannot be loaded.
    pub async fn run(self) -> Result<()> {
        let root = stack::checkout()?;
        let binaries = if self.services_only { root.clone() } else { build(&root).await? };
        let sample = (!self.no_samples).then(sample_members::household);
        tell(if self.services_only {
            "starting DynamoDB, S3, KMS"
        } else {
            "starting DynamoDB, S3, KMS and the gateway"
        });
        let stack = LocalStack::start(local_stack::Options {
            template: root.join("template.yaml"),
            streams: true,
            binaries,
            port: self.port,
            data: self.data.clone(),
            services_only: self.services_only,
            // On this machine a key costs nothing.
            parameters: [("PrivateKeyJwt".to_owned(), "yes".to_owned())].into(),
            pages: demo::pages(sample.as_ref().map_or(&[], |sample| &sample.members)),
            ..local_stack::Options::default()
        })
        .await?;
        // The functions' errors and warnings are shown; the line that they log for each request is not.
        stack.on_log(|log| {
            if ["ERROR", "WARN", "panicked", "Runtime"].iter().any(|mark| log.line.contains(mark)) {
                tell(&format!("{}: {}", log.function, log.line));
            }
        });
        let descriptor = Descriptor { url: stack.url().to_owned(), environment: stack.environment().clone() };
        let mut left_behind = vec![stack::announce(&root, &descriptor)?];
        if self.services_only {
            left_behind.push(stack::environment_file(&root));
            stack::write_environment(&stack::environment_file(&root), &descriptor.environment)?;
        }
        let started = async {
            let people = sample.as_ref().filter(|_| !self.services_only).map(demo_provider::People::of);
            let samples = match sample {
                Some(sample) => Some(samples::install(&descriptor, sample).await?),
                None => None,
            };
            let provider = match people {
                // The same port with each start: a provider is known by its issuer.
                Some(people) => {
                    let port = self.port.checked_add(1).filter(|_| self.port != 0).unwrap_or_default();
                    Some(demo_provider::start(&Stack::local(&descriptor).await?, people, port).await?)
                }
                None => None,
            };
            if !self.services_only {
                samples::register_demo(&descriptor).await?;
                answering(stack.url()).await?;
            }
            self.tell(&descriptor, samples.as_ref(), provider.as_ref())?;
            Ok::<_, anyhow::Error>(provider)
        };
        let ended = tokio::select! {
            started = started => match started {
                Ok(_provider) => tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C"),
                Err(error) => Err(error),
            },
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C"),
        };
        // A descriptor that cannot be removed does no harm: the next command sees that its stack is dead.
        for file in left_behind {
            let _ = std::fs::remove_file(file);
        }
        stack.shutdown().await;
        ended
    }

    /// Prints what to try.
    fn tell(
        &self,
        descriptor: &Descriptor,
        samples: Option<&samples::Installed>,
        provider: Option<&DemoProvider>,
    ) -> Result<()> {
        let url = &descriptor.url;
        let mut lines = if self.services_only {
            vec![
                format!(
                    "services ready; .local/functions.env tells the functions where to find them. Serve {url} with"
                ),
                format!("  cargo lambda watch -A 127.0.0.1 -P {}", self.port),
            ]
        } else {
            vec![
                format!("ready: {url}"),
                String::new(),
                format!("  start here      {url}/"),
                format!("  demo app        {url}/demo/"),
                format!("  FHIR base       {url}/fhir"),
                format!("  capabilities    {url}/fhir/metadata"),
                format!("  SMART discovery {url}/fhir/.well-known/smart-configuration"),
            ]
        };
        lines.extend(samples.map(|samples| format!("\n{samples}")));
        lines.extend(provider.map(|provider| {
            format!(
                "demo identity provider {}: the same people have an account there, without a password, and `stranger` has no record; \
                 choose {} on the sign-in page\n",
                provider.issuer,
                demo_provider::NAME
            )
        }));
        lines.push(match &self.data {
            Some(data) => format!("data is kept in {}", data.display()),
            None => "data is gone when this command ends; --data DIR keeps it".to_owned(),
        });
        lines.push("Ctrl-C ends everything\n".to_owned());
        Ok(print(&lines.join("\n"))?)
    }
}

/// Builds the functions with the profile of this binary. Returns the folder they are in.
async fn build(root: &Path) -> Result<PathBuf> {
    let executable = std::env::current_exe().context("cannot find this program's own file")?;
    let folder = executable.parent().context("this program's own file lies in no folder")?.to_owned();
    let release = folder.ends_with("release");
    tell("building the functions (the first time takes a few minutes)");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--workspace", "--bins"]).current_dir(root).stdin(Stdio::null()).kill_on_drop(true);
    if release {
        command.arg("--release");
    }
    let status = command.status().await.context("cargo cannot be started; it comes with Rust")?;
    if !status.success() {
        bail!("the functions do not build; cargo's words above say why");
    }
    Ok(folder)
}

/// Waits until the gateway answers `/fhir/metadata`, for 100 tries.
async fn answering(url: &str) -> Result<()> {
    let address = url.trim_start_matches("http://");
    let request = format!("GET /fhir/metadata HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    for _ in 0..100 {
        if answers(address, &request).await.is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the gateway at {url} does not answer")
}

async fn answers(address: &str, request: &str) -> Option<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.ok()?;
    (&status == b"HTTP/1.1 200").then_some(())
}
