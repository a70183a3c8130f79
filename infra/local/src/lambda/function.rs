//! A function and its instances, among which it distributes invocations.
//!
//! As on Lambda, an instance handles one invocation at a time and stays warm. An invocation goes to an idle instance,
//! else to a new one; else it waits.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::{Notify, oneshot};

use crate::lambda::configuration::FunctionConfiguration;
use crate::lambda::instance::{Instance, Invocation, InvocationError, InvocationResult, Work};
use crate::lambda::process::{self, Launch};

/// The most instances of one function.
const MAX_INSTANCES: usize = 20;

#[derive(Default)]
struct Pool {
    instances: BTreeMap<u32, Instance>,
    /// The ids of idle instances; the last one is the warmest.
    idle: Vec<u32>,
    queue: VecDeque<Invocation>,
    last_number: u32,
    stopping: bool,
}

/// A function of the template.
pub(crate) struct Function {
    /// Its configuration in the template.
    pub(crate) definition: FunctionConfiguration,
    launch: Launch,
    state: Mutex<Pool>,
    /// Notified whenever an instance has ended or become idle.
    changed: Notify,
}

impl Function {
    /// A function without instances.
    pub(crate) fn new(definition: FunctionConfiguration, launch: Launch) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Notify::new());
        Arc::new(Self { definition, launch, state, changed })
    }

    /// Runs one invocation.
    ///
    /// # Errors
    /// The function failed, and its log says why; or it was stopped before it answered.
    pub(crate) async fn invoke(self: &Arc<Self>, payload: Bytes) -> InvocationResult {
        let (reply, outcome) = oneshot::channel();
        let invocation = Invocation::new(payload, reply);
        {
            let mut state = self.lock();
            state.queue.push_back(invocation);
            self.dispatch(&mut state);
        }
        outcome.await.unwrap_or(Err(InvocationError::Stopped))
    }

    /// Starts an instance if there is none, and waits until it is idle or has ended.
    pub(crate) async fn warm(self: &Arc<Self>) {
        {
            let mut state = self.lock();
            if state.instances.is_empty() {
                self.start_instance(&mut state);
            }
        }
        loop {
            let changed = self.changed.notified();
            if !self.lock().instances.values().any(Instance::is_starting) {
                return;
            }
            changed.await;
        }
    }

    /// An instance polls for its next invocation; `None` if the function is stopping or the instance is gone.
    pub(crate) fn next(self: &Arc<Self>, number: u32) -> Option<oneshot::Receiver<Work>> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let (sender, work) = oneshot::channel();
        let instance = state.instances.get_mut(&number)?;
        // An instance that polls again without having answered abandons its invocation.
        instance.finish(Err(InvocationError::Reported));
        if let Some(init) = instance.wait(sender) {
            let line = format!("INIT_REPORT Init Duration: {:.2} ms", init.as_secs_f64() * 1000.0);
            self.launch.logs.push(&self.definition.name, line);
        }
        state.idle.retain(|idle| *idle != number);
        state.idle.push(number);
        self.dispatch(&mut state);
        self.changed.notify_waiters();
        Some(work)
    }

    /// An instance answers the invocation with this id; false if it holds another or is gone.
    pub(crate) fn complete(&self, number: u32, id: &str, outcome: InvocationResult) -> bool {
        let mut state = self.lock();
        let Some(instance) = state.instances.get_mut(&number) else {
            return false;
        };
        instance.holds(id) && instance.finish(outcome)
    }

    /// The process of an instance has started.
    pub(crate) fn begun(&self, number: u32, process: Option<u32>) {
        if let Some(instance) = self.lock().instances.get_mut(&number) {
            instance.process = process;
        }
    }

    /// The process ids of its instances.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.lock().instances.values().filter_map(|instance| instance.process).collect()
    }

    /// Ends the process of an instance.
    pub(crate) fn kill(&self, number: u32) {
        if let Some(instance) = self.lock().instances.get(&number) {
            instance.kill();
        }
    }

    /// Fails the invocation of an instance if its time is over. Returns whether it did.
    pub(crate) fn expire(&self, number: u32) -> bool {
        let mut state = self.lock();
        let Some(instance) = state.instances.get_mut(&number) else {
            return false;
        };
        instance.is_overdue() && instance.finish(Err(InvocationError::TimedOut))
    }

    /// The process of an instance has ended, and with it the invocation that it held or was started for.
    pub(crate) fn exited(self: &Arc<Self>, number: u32) {
        let mut state = self.lock();
        let Some(mut instance) = state.instances.remove(&number) else {
            return;
        };
        state.idle.retain(|idle| *idle != number);
        if instance.is_starting() {
            // Each failed start fails one invocation: callers of a function that cannot start get an error at once, and it is
            // not started for ever.
            if let Some(invocation) = state.next_invocation() {
                invocation.fail(InvocationError::Exited);
            }
        }
        instance.finish(Err(InvocationError::Exited));
        self.dispatch(&mut state);
        self.changed.notify_waiters();
    }

    /// Drops waiting invocations, gives the instances a second to end by themselves, kills those that are left, and returns when all
    /// have ended.
    pub(crate) async fn stop(&self) {
        {
            let mut state = self.lock();
            state.stopping = true;
            state.queue.clear();
            // A poll that ends without an answer makes the runtime exit in its own way, with its exit handlers.
            for number in std::mem::take(&mut state.idle) {
                if let Some(instance) = state.instances.get_mut(&number) {
                    instance.hang_up();
                }
            }
        }
        let grace = Duration::from_secs(1);
        if tokio::time::timeout(grace, self.gone()).await.is_err() {
            for instance in self.lock().instances.values() {
                instance.kill();
            }
            self.gone().await;
        }
    }

    /// Kills all instances without waiting for them.
    pub(crate) fn abort(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.instances.values().for_each(Instance::kill);
    }

    /// Whether the function is stopping, so that instances are expected to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    async fn gone(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().instances.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Hands waiting invocations to idle instances, and starts instances for the rest.
    fn dispatch(self: &Arc<Self>, state: &mut Pool) {
        while let Some(number) = state.idle.pop() {
            let Some(invocation) = state.next_invocation() else {
                state.idle.push(number);
                return;
            };
            if let Some(instance) = state.instances.get_mut(&number)
                && let Err(invocation) = instance.assign(invocation, self.definition.timeout)
            {
                // The instance gave up its poll while it was idle, and is of no more use.
                instance.kill();
                state.queue.push_front(invocation);
            }
        }
        state.queue.retain(Invocation::is_awaited);
        let coming = state.instances.values().filter(|instance| instance.will_poll()).count();
        let room = MAX_INSTANCES.saturating_sub(state.instances.len());
        for _ in 0..state.queue.len().saturating_sub(coming).min(room) {
            self.start_instance(state);
        }
    }

    fn start_instance(self: &Arc<Self>, state: &mut Pool) {
        if state.stopping {
            return;
        }
        state.last_number += 1;
        let (number, kill) = (state.last_number, Arc::new(Notify::new()));
        state.instances.insert(number, Instance::starting(Arc::clone(&kill)));
        tokio::spawn(process::run(Arc::clone(self), self.launch.clone(), number, kill));
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// The first invocation that somebody still waits for.
    fn next_invocation(&mut self) -> Option<Invocation> {
        std::iter::from_fn(|| self.queue.pop_front()).find(Invocation::is_awaited)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("definition", &self.definition).finish_non_exhaustive()
    }
}
