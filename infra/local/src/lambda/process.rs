//! The process of an instance, from its start to its end.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::lambda::function::Function;
use crate::lambda::logs::Logs;

/// The time between two checks of an instance's deadline.
const TICK: Duration = Duration::from_millis(100);

/// The longest wait for the output of an ended process: a child of the process may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The settings with which a function's processes are started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// The binary.
    pub(crate) binary: PathBuf,
    /// Its environment without `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    /// The URL of the Runtime API, under which each instance has a path of its own.
    pub(crate) runtime_api: String,
    /// The thread that starts processes.
    pub(crate) spawner: Spawner,
    /// The logs that keep its output.
    pub(crate) logs: Arc<Logs>,
}

/// Runs the process of one instance until it ends by itself or is killed.
pub(crate) async fn run(function: Arc<Function>, launch: Launch, number: u32, kill: Arc<Notify>) {
    let name = &function.definition.name;
    match live(&function, &launch, number, &kill).await {
        Ok(_) if function.is_stopping() => {}
        Ok(status) => launch.logs.push(name, format!("Runtime exited: {status}")),
        Err(error) => {
            let binary = launch.binary.display();
            launch.logs.push(name, format!("Runtime failed to start: {binary}: {error}"));
        }
    }
    function.exited(number);
}

async fn live(function: &Arc<Function>, launch: &Launch, number: u32, kill: &Notify) -> io::Result<ExitStatus> {
    let name = &function.definition.name;
    let mut child = launch.spawner.spawn(command(launch, name, number)).await?;
    function.begun(number, child.id());
    let mut output = JoinSet::new();
    if let Some(stdout) = child.stdout.take() {
        output.spawn(Arc::clone(&launch.logs).drain(name.clone(), stdout));
    }
    if let Some(stderr) = child.stderr.take() {
        output.spawn(Arc::clone(&launch.logs).drain(name.clone(), stderr));
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = kill.notified() => child.start_kill()?,
            _ = ticks.tick() => if function.expire(number) {
                let seconds = function.definition.timeout.as_secs_f32();
                launch.logs.push(name, format!("Task timed out after {seconds:.2} seconds"));
                child.start_kill()?;
            },
        }
    };
    let drained = async { while output.join_next().await.is_some() {} };
    let complete = timeout(LAST_WORDS, drained).await.is_ok();
    tracing::debug!(name, number, %status, complete, "instance ended");
    Ok(status)
}

fn command(launch: &Launch, name: &str, number: u32) -> Command {
    let mut command = Command::new(&launch.binary);
    command
        .env_clear()
        .envs(&*launch.environment)
        .env("AWS_LAMBDA_RUNTIME_API", format!("{}/{name}/{number}", launch.runtime_api))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C in the terminal must reach this process only, which then ends the functions in order.
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(target_os = "linux")]
    die_with_parent(&mut command);
    command
}

/// Makes the kernel kill the process when the thread that started it ends, for whatever reason.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no other way to run code between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let hook = move || {
        // SAFETY: both are plain system calls, which are allowed between fork and exec.
        let (set, now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
        match u32::try_from(now) {
            _ if set != 0 => Err(io::Error::last_os_error()),
            Ok(now) if now == parent => Ok(()),
            // The parent died before the kernel was asked.
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // SAFETY: the hook makes system calls only and allocates nothing.
    unsafe { command.pre_exec(hook) };
}

type SpawnRequest = (Command, oneshot::Sender<io::Result<Child>>);

/// A thread that starts processes and outlives them.
///
/// With `PR_SET_PDEATHSIG`, Linux ties a process to the thread that started it, and the threads of an async runtime
/// come and go.
#[derive(Debug, Clone)]
pub(crate) struct Spawner(mpsc::Sender<SpawnRequest>);

impl Spawner {
    /// Starts the thread. It ends with the last clone of this.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, requests) = mpsc::channel::<SpawnRequest>();
        let runtime = Handle::current();
        std::thread::Builder::new().name("local-stack-spawner".to_owned()).spawn(move || {
            let _context = runtime.enter();
            for (mut command, reply) in requests {
                // If nobody waits any more, the child is dropped here, which kills it.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Self(sender))
    }

    async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, child) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes is gone");
        self.0.send((command, reply)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}
