//! The libraries that apps are written with, run with their own code: `tests/libraries` has a short program for each. A
//! program prints `open <link>`, reads the address to which the member was sent back, and prints what it got.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::{App, REDIRECT_URI, checkout, missing_tool, path_of};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::clients::pair::Pair;
use crate::clients::{inline, register};

/// A program, and the lines that it prints after `open`.
struct Program {
    file: &'static str,
    settings: Vec<(&'static str, String)>,
    printed: [&'static str; 2],
}

#[tokio::test(flavor = "multi_thread")]
async fn the_libraries_of_apps_get_from_discovery_to_a_record_a_new_token_and_a_revocation() {
    let test = "the_libraries_of_apps_get_from_discovery_to_a_record_a_new_token_and_a_revocation";
    if let Some(tool) = ["node", "npm", "python3"].iter().find(|tool| path_of(tool).is_none()) {
        return missing_tool(test, tool);
    }
    let folder = tempfile::tempdir().expect("there is room");
    for file in std::fs::read_dir(checkout().join("tests/libraries")).expect("the programs are there") {
        let file = file.expect("the folder can be read");
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("there is room");
    }
    let (installed, app) = tokio::join!(install(folder.path()), App::with_samples(&["ada"]));
    if let Err(told) = installed {
        return missing_tool(test, &format!("registries with the libraries: {told}"));
    }
    let pair = Pair::ec();
    register(&app, "keyed", inline(&[pair.jwk("k1")])).await;
    let Pair::Ec(key) = &pair else { unreachable!("it was made as one") };
    let key = key.to_pkcs8v1().expect("a key has this form");
    let (public, secret) = (|| ("CLIENT_ID", "app".to_owned()), app.client_secret.clone());
    let confidential = || vec![("CLIENT_ID", "server-app".to_owned()), ("CLIENT_SECRET", secret.clone())];
    let keyed =
        vec![("CLIENT_ID", "keyed".to_owned()), ("KEY", STANDARD.encode(key.as_ref())), ("KEY_ID", "k1".to_owned())];
    let ends = ["record of Ada Lindgren", "after revocation 401"];
    let programs = [
        // It has no call that revokes a token.
        ("fhirclient.py", confidential(), ["record of Ada Karin Lindgren", "coverages 2"]),
        ("authlib.py", confidential(), ends),
        ("openid_client.mjs", confidential(), ends),
        ("openid_client.mjs", keyed, ends),
        ("oidc_client_ts.mjs", vec![public()], ends),
        ("simple_oauth2.mjs", confidential(), ends),
    ]
    .map(|(file, settings, printed)| Program { file, settings, printed });
    let runs = programs.iter().map(|program| program.run(&app, folder.path()));
    futures_util::future::join_all(runs).await;
    app.finish().await;
}

/// Installs the libraries in a folder, or tells what a registry answered.
async fn install(folder: &Path) -> Result<(), String> {
    let run = async |program: &Path, arguments: &[&str]| -> Result<(), String> {
        let output: Output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .output()
            .await
            .map_err(|error| format!("{}: {error}", program.display()))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let python = async {
        run(Path::new("python3"), &["-m", "venv", "venv"]).await?;
        let pip = ["install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt"];
        run(&folder.join("venv/bin/pip"), &pip).await
    };
    let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    tokio::try_join!(python, run(Path::new("npm"), &npm)).map(|_| ())
}

impl Program {
    /// Runs it. The member opens its link, signs in as ada and allows everything.
    async fn run(&self, app: &App, folder: &Path) {
        let is_python = Path::new(self.file).extension().is_some_and(|extension| extension == "py");
        let interpreter = match is_python {
            true => folder.join("venv/bin/python"),
            false => path_of("node").expect("it was there before"),
        };
        let settings: BTreeMap<_, _> = self.settings.iter().cloned().collect();
        let mut child = Command::new(interpreter)
            .arg(self.file)
            .current_dir(folder)
            .env("BASE", app.url())
            .env("REDIRECT_URI", REDIRECT_URI)
            // Authlib refuses http, even on a loopback address.
            .env("AUTHLIB_INSECURE_TRANSPORT", "1")
            .env("PYTHONUNBUFFERED", "1")
            .envs(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut errors = child.stderr.take().expect("it is piped");
        let walk = async {
            let mut printed = Vec::new();
            while let Some(line) = output.next_line().await.expect("it prints text") {
                match line.strip_prefix("open ") {
                    None => printed.push(line),
                    Some(link) => {
                        let address = app.allow_at(link, "ada", "ada-demo-2026").await;
                        input.write_all(format!("{address}\n").as_bytes()).await.expect("it reads");
                    }
                }
            }
            printed
        };
        let complain = async {
            let mut complaints = String::new();
            errors.read_to_string(&mut complaints).await.expect("it complains in text");
            complaints
        };
        let ended = tokio::time::timeout(Duration::from_mins(1), async { tokio::join!(walk, complain) }).await;
        let (printed, complaints) = ended.unwrap_or_else(|_| panic!("{} does not end", self.file));
        assert_eq!(printed, self.printed, "{}: {complaints}", self.file);
        assert!(child.wait().await.expect("it ends").success(), "{}: {complaints}", self.file);
    }
}
