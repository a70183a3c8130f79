//! A stack to work on: its parts, and the files in the checkout by which other commands find a local stack.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::config::{
    AssertionKeyId, AuditArchiveName, AuditKeyId, AuditTableName, AuthTableName, Config, DataKeyId,
    DocumentsBucketName, ResourcesTableName, SigningKeyId, from_lookup,
};
use shared::fhir::guides::Guides;
use shared::issuer::Issuer;
use shared::record::writer::Writer;
use shared::store::archive::Archive;
use shared::store::audit::AuditTable;
use shared::store::auth::Auth;
use shared::store::counts::Counts;
use shared::store::identifiers::Identifiers;
use shared::store::sealer::Sealer;
use shared::store::signer::Signer;
use shared::store::{Aws, Patience};

use crate::cloudformation::output_of;
use crate::delegation::Ages;
use crate::load::Rules;

/// A stack to work on.
pub struct Stack {
    aws: Aws,
    config: Config,
    issuer: Issuer,
    resources_table: ResourcesTableName,
    auth_table: AuthTableName,
    audit_table: AuditTableName,
    documents_bucket: DocumentsBucketName,
    contract_element: Option<String>,
    /// `None` where the stack does not name them: only commands on the audit need them.
    audit_archive: Option<AuditArchiveName>,
    audit_key: Option<AuditKeyId>,
    /// `None` where the stack does not name it: only commands about keys need it.
    signing_key: Option<SigningKeyId>,
    rules: Rules,
    ages: Ages,
    /// `None` where the stack does not name it: only loads and commands about identity providers need it.
    data_key: Option<DataKeyId>,
    /// `None` where the stack has none.
    assertion_key: Option<AssertionKeyId>,
}

/// The variable that tells which rules of R4 have another class than their own: `refuse:RULE accept:RULE`.
pub const RULES: &str = "LOAD_RULES";

/// A running local stack as other commands find it, in `.local/stacks/<pid>.json` of the checkout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Descriptor {
    /// The gateway's URL.
    pub url: String,
    /// The environment variables by which clients find its services.
    pub environment: BTreeMap<String, String>,
}

impl Stack {
    /// The local stack of a descriptor.
    ///
    /// # Errors
    /// A variable is missing in its environment.
    pub async fn local(descriptor: &Descriptor) -> Result<Stack> {
        let aws = Aws::local(&descriptor.environment).await;
        let value = |name: &str| descriptor.environment.get(name).cloned();
        // A value that no function has as a variable is an output of the template.
        Stack::new(aws, |name| value(name).or_else(|| value(output_of(name)?)))
    }

    /// A stack whose configuration variables `lookup` gives.
    ///
    /// # Errors
    /// A variable is missing.
    pub fn new(aws: Aws, lookup: impl Fn(&str) -> Option<String>) -> Result<Stack> {
        let (config, issuer, resources_table, auth_table, audit_table, documents_bucket) = from_lookup(&lookup)?;
        let contract_element = lookup("CONTRACT_ELEMENT").filter(|element| !element.is_empty());
        let rules = Rules::read(&lookup(RULES).unwrap_or_default()).context("the stack's parameter LoadRules")?;
        let ages = Ages::read(&lookup)?;
        Ok(Stack {
            aws,
            config,
            issuer,
            resources_table,
            auth_table,
            audit_table,
            documents_bucket,
            contract_element,
            audit_archive: from_lookup(&lookup).ok(),
            audit_key: from_lookup(&lookup).ok(),
            signing_key: from_lookup(&lookup).ok(),
            data_key: from_lookup(&lookup).ok(),
            assertion_key: from_lookup(&lookup).ok(),
            rules,
            ages,
        })
    }

    /// The issuer: the base URL of its API.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The plan's name, which receipts carry.
    pub fn plan_name(&self) -> &str {
        &self.config.plan.name
    }

    /// The versions of the guides whose profiles resources claim.
    pub fn guides(&self) -> Guides {
        self.config.guides
    }

    /// The classes of R4's rules: the stack's parameter `LoadRules`.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The plan's days, and the ages at which what a parent may do ends.
    pub fn ages(&self) -> &Ages {
        &self.ages
    }

    /// Whether resources with a sensitivity label may be stored. A deployed stack, which is any whose issuer is not
    /// `http` on a loopback host, refuses them: its members cannot yet choose at consent whether to share such data.
    pub fn takes_sensitive(&self) -> bool {
        !self.issuer.is_https()
    }

    /// Its clients, members and grants.
    pub fn auth(&self) -> Auth {
        Auth::new(&self.aws, &self.auth_table)
    }

    /// Its audit table.
    pub fn audit(&self) -> AuditTable {
        AuditTable::new(&self.aws, &self.audit_table)
    }

    /// The archive of its audit.
    ///
    /// # Errors
    /// The stack's outputs do not name it.
    pub fn archive(&self) -> Result<Archive> {
        let missing =
            "the stack does not name the archive of its audit: its output AuditArchiveName is missing; deploy it anew";
        Ok(Archive::new(&self.aws, self.audit_archive.as_ref().context(missing)?))
    }

    /// The key in KMS that signs the days of its audit.
    ///
    /// # Errors
    /// The stack's outputs do not name it.
    pub fn audit_key(&self) -> Result<&str> {
        let missing =
            "the stack does not say which key signs its audit: its output AuditKeyId is missing; deploy it anew";
        self.audit_key.as_deref().context(missing)
    }

    /// Who works on it: the caller's ARN in an AWS account, the user's name on one machine.
    ///
    /// # Errors
    /// AWS does not tell.
    pub async fn operator(&self) -> Result<String> {
        if self.aws.is_local() {
            let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
            return Ok(user.filter(|user| !user.is_empty()).unwrap_or_else(|| "local".to_owned()));
        }
        let answer = aws_sdk_sts::Client::new(self.aws.config()).get_caller_identity().send().await;
        let arn = answer.context("AWS does not tell who works on this stack")?.arn;
        arn.context("AWS does not tell who works on this stack")
    }

    /// The counted answers.
    pub fn counts(&self) -> Counts {
        Counts::new(&self.aws, &self.auth_table)
    }

    /// The element of a Coverage that is the contract, by the stack's setting.
    pub fn contract_element(&self) -> Option<&str> {
        self.contract_element.as_deref()
    }

    /// The signer, which is KMS.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.aws)
    }

    /// The template's own signing key in KMS.
    ///
    /// # Errors
    /// The stack's outputs do not name it.
    pub fn signing_key(&self) -> Result<&str> {
        let missing = "the stack does not say which key signs: its output SigningKeyId is missing; deploy it anew";
        self.signing_key.as_deref().context(missing)
    }

    /// The key in KMS that seals what only sign-in and the operator may open.
    fn data_key(&self) -> Result<&str> {
        let missing =
            "the stack does not say which key seals its secrets: its output DataKeyArn is missing; deploy it anew";
        self.data_key.as_deref().context(missing)
    }

    /// The sealer of identity providers' secrets, which is KMS.
    ///
    /// # Errors
    /// The stack's outputs do not name its key.
    pub fn sealer(&self) -> Result<Sealer> {
        Ok(Sealer::new(&self.aws, self.data_key()?))
    }

    /// Whether it has a key that signs assertions at identity providers.
    pub fn signs_assertions(&self) -> bool {
        self.assertion_key.is_some()
    }

    /// The look-up of members by their identifiers.
    ///
    /// # Errors
    /// The stack's outputs do not name the key that seals the key of identifiers.
    pub fn identifiers(&self) -> Result<Identifiers> {
        Ok(Identifiers::new(&self.aws, &self.auth_table, self.data_key()?))
    }

    /// The same stack for a load that does not give up: its calls have patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Stack {
        Stack { aws: self.aws.with_patience(patience), ..self }
    }

    /// The writer of its resources.
    ///
    /// # Errors
    /// As [`Stack::identifiers`].
    pub fn writer(&self) -> Result<Writer> {
        let identifiers = self.identifiers()?;
        Ok(Writer::new(&self.aws, &self.resources_table, &self.documents_bucket, identifiers))
    }
}

/// The root of the checkout that this binary was built in; else of the one that the current folder is in.
///
/// # Errors
/// Neither is there.
pub fn checkout() -> Result<PathBuf> {
    let is_root = |path: &&Path| path.join("template.yaml").is_file() && path.join("functions").is_dir();
    let (executable, current) = (std::env::current_exe(), std::env::current_dir());
    let above = |path: &Path| path.ancestors().find(is_root).map(Path::to_owned);
    let built = executable.ok().and_then(|path| above(&path));
    built
        .or_else(|| current.ok().and_then(|path| above(&path)))
        .context("this is not a checkout of Patient Access: there is no template.yaml here or above")
}

/// The file in which `cargo lambda watch` finds the functions' variables, as `CargoLambda.toml` says.
pub fn environment_file(root: &Path) -> PathBuf {
    root.join(".local").join("functions.env")
}

/// Writes variables as `cargo lambda watch` reads them, one per line. Only this user may read the file.
///
/// # Errors
/// The file cannot be written.
pub fn write_environment(file: &Path, environment: &BTreeMap<String, String>) -> Result<()> {
    let plain = |value: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/+=".contains(c));
    let line = |(name, value): (&String, &String)| match plain(value) {
        true => format!("{name}={value}"),
        false => format!("{name}=\"{value}\""),
    };
    let lines: Vec<String> = environment.iter().map(line).collect();
    private_file(file)
        .and_then(|mut open| writeln!(open, "{}", lines.join("\n")))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn folder(root: &Path) -> PathBuf {
    root.join(".local").join("stacks")
}

/// Writes the descriptor to a file, by which other commands find the stack until it is removed. Only this user may read
/// it. Returns its path.
///
/// # Errors
/// The folder cannot be written.
pub fn announce(root: &Path, descriptor: &Descriptor) -> Result<PathBuf> {
    let folder = folder(root);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join(format!("{}.json", std::process::id()));
    let write = || private_file(&file)?.write_all(&serde_json::to_vec(descriptor)?);
    write().with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Creates a file, or empties an existing one, that only this user may read.
///
/// # Errors
/// It cannot be written.
pub fn private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // An existing file keeps its mode when it is opened.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// The descriptors of local stacks whose services answer, the newest first. Descriptors of dead stacks are removed.
pub(crate) fn live_descriptors(root: &Path) -> Vec<Descriptor> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(root)).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).and_then(|data| data.modified()).ok()));
    files
        .into_iter()
        .filter_map(|file| {
            let descriptor: Descriptor = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
            let address = descriptor.environment.get("AWS_ENDPOINT_URL_DYNAMODB")?.strip_prefix("http://")?;
            if TcpStream::connect(address.trim_end_matches('/')).is_err() {
                // A descriptor that cannot be removed is no reason to fail.
                let _ = fs::remove_file(&file);
                return None;
            }
            Some(descriptor)
        })
        .collect()
}
