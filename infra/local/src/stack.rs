//! The stack as a whole: starting and stopping everything in order, and its interface for clients.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use tokio::net::TcpListener;

use crate::cfn::intrinsics::Resolver;
use crate::cfn::resources::StackResources;
use crate::cfn::template::Template;
use crate::gateway::Gateway;
use crate::gateway::pages::Page;
use crate::gateway::routes::Routes;
use crate::lambda::Lambda;
use crate::lambda::function::Function;
use crate::lambda::logs::{LogLine, Logs};
use crate::lambda::process::Spawner;
use crate::lambda::runtime_api::RuntimeApi;
use crate::lambda::streams;
use crate::server::{self, Running};
use crate::services::Services;

/// The template parameter that is set to the gateway's URL.
const ISSUER: &str = "Issuer";

/// The options with which a stack is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The SAM template, `template.yaml`.
    pub template: PathBuf,
    /// The folder with the functions' binaries, for example `target/debug`.
    pub binaries: PathBuf,
    /// The gateway's port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// The folder that keeps tables, objects and keys. With `None` they are gone when the stack ends.
    pub data: Option<PathBuf>,
    /// Only DynamoDB, S3 and KMS: no gateway and no functions.
    pub services_only: bool,
    /// Whether functions are handed what changes in tables, where the template gives them a table's stream, and run by their
    /// schedule. Without it, such a function runs only by [`LocalStack::invoke`].
    pub streams: bool,
    /// Values for the template's `Parameters`.
    pub parameters: BTreeMap<String, String>,
    /// Pages that the gateway serves beside the template's routes.
    pub pages: Vec<Page>,
    /// Variables for the functions, which replace the stack's own. With `AWS_ENDPOINT_URL_*`, a test can put itself
    /// between the functions and a service.
    pub environment: BTreeMap<String, String>,
}

/// A running stack. Dropping it ends everything, functions included. [`LocalStack::shutdown`] also waits until all has
/// ended.
#[derive(Debug)]
pub struct LocalStack {
    url: String,
    environment: BTreeMap<String, String>,
    functions: BTreeMap<String, Arc<Function>>,
    logs: Arc<Logs>,
    gateway: Option<Running>,
    services: Option<Services>,
    streams: Vec<Running>,
    _runtime_api: Option<Running>,
}

impl LocalStack {
    /// Starts everything that the template declares. Functions start with their first request, or with
    /// [`LocalStack::warm`].
    ///
    /// # Errors
    /// The template cannot be read or resolved, the port is taken, a binary is missing, or the data folder cannot be
    /// used. The message is for the user.
    pub async fn start(options: Options) -> Result<Self> {
        let template = Template::read(&options.template)?;
        let listener = match options.services_only {
            true => None,
            false => Some(bind(options.port)?),
        };
        let url = match &listener {
            Some(listener) => server::url(listener)?,
            None if options.port == 0 => String::new(),
            // Another program will serve the functions there.
            None => format!("http://127.0.0.1:{}", options.port),
        };
        let mut parameters = options.parameters;
        if template.parameters.contains_key(ISSUER) {
            parameters.entry(ISSUER.to_owned()).or_insert_with(|| url.clone());
        }
        let resources = StackResources::new(&Resolver::new(&template, &parameters)?)
            .with_context(|| format!("template {}", options.template.display()))?;

        let services = Services::start(options.data.as_deref(), &resources).await?;
        let mut environment = services.environment();
        let logs = Arc::new(Logs::default());
        let mut functions = BTreeMap::new();
        let (mut gateway, mut runtime_api) = (None, None);
        let mut pumps = Vec::new();
        if let Some(listener) = listener {
            let api_listener = server::listen(0)?;
            let mut of_functions = environment.clone();
            of_functions.extend(options.environment);
            let lambda = Lambda {
                binaries: &options.binaries,
                environment: &of_functions,
                runtime_api: server::url(&api_listener)?,
                spawner: Spawner::start()?,
                logs: &logs,
            };
            functions = lambda.functions(&resources.functions)?;
            let api = RuntimeApi { functions: functions.clone(), logs: Arc::clone(&logs) };
            runtime_api = Some(api.start(api_listener));
            let front = Gateway {
                domain_name: listener.local_addr()?.to_string(),
                routes: Routes::new(resources.routes)?,
                pages: options.pages,
                functions: functions.clone(),
            };
            gateway = Some(front.start(listener));
            for function in functions.values().filter(|_| options.streams) {
                if function.definition.is_scheduled {
                    pumps.push(streams::hourly(Arc::clone(function)));
                }
                for source in &function.definition.streams {
                    let database = services.database().clone();
                    pumps.push(streams::run(database, source.clone(), Arc::clone(function)));
                }
            }
        }
        for function in resources.functions {
            for (name, value) in function.environment {
                environment.entry(name).or_insert(value);
            }
        }
        environment.extend(resources.outputs);
        Ok(Self {
            url,
            environment,
            functions,
            logs,
            gateway,
            services: Some(services),
            streams: pumps,
            _runtime_api: runtime_api,
        })
    }

    /// The gateway's URL, for example `http://127.0.0.1:9000`.
    ///
    /// With `services_only`, it is the URL at which another program is expected to serve the functions; empty if no
    /// port was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The variables by which an AWS SDK finds the services, and all variables that the template gives its functions.
    /// If two functions have different values for a name, the first function's value counts.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The last 100,000 lines that the functions wrote, oldest first.
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lines()
    }

    /// Calls `listener` for every line that a function writes from now on. It replaces an earlier listener. It must be
    /// quick, and must not call the stack.
    pub fn on_log(&self, listener: impl Fn(&LogLine) + Send + 'static) {
        self.logs.listen(Box::new(listener));
    }

    /// The ids of the processes that run now, by the function's logical id in the template. The operating system tells
    /// what they use.
    pub fn processes(&self) -> BTreeMap<String, Vec<u32>> {
        self.functions.iter().map(|(name, function)| (name.clone(), function.processes())).collect()
    }

    /// Starts one instance of each function, and waits until they are ready. A function that cannot start says so in
    /// the logs.
    pub async fn warm(&self) {
        for function in self.functions.values() {
            function.warm().await;
        }
    }

    /// Hands an event to the function with this binary, as Lambda's `Invoke` does. Returns the function's response,
    /// which no gateway has turned into HTTP.
    ///
    /// # Errors
    /// There is no such function, or it failed; its log says why.
    pub async fn invoke(&self, binary: &str, event: &str) -> Result<String> {
        let function = self.functions.values().find(|function| function.definition.binary == binary);
        let function = function.with_context(|| format!("no function has the binary {binary}"))?;
        let answer = function.invoke(event.to_owned().into()).await.map_err(|error| anyhow!("{binary}: {error}"))?;
        Ok(String::from_utf8(answer.into())?)
    }

    /// Ends the functions and the services, and waits until they have ended.
    pub async fn shutdown(mut self) {
        // The gateway ends first, so that functions get no new requests. Their errors about the ending Runtime API are
        // not shown.
        self.gateway = None;
        self.streams.clear();
        self.logs.listen(Box::new(|_| {}));
        let stopping: Vec<_> = self
            .functions
            .values()
            .cloned()
            .map(|function| tokio::spawn(async move { function.stop().await }))
            .collect();
        for stopped in stopping {
            let stopped = stopped.await;
            tracing::trace!(?stopped, "function");
        }
        if let Some(services) = self.services.take() {
            services.shutdown().await;
        }
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        self.functions.values().for_each(|function| function.abort());
    }
}

fn bind(port: u16) -> Result<TcpListener> {
    match server::listen(port) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!("port {port} is already in use; choose another with --port")
        }
        other => other.with_context(|| format!("cannot listen on port {port}")),
    }
}
