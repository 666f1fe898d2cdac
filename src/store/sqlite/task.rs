//! A write on its way through the queue: its work, and the caller that waits for its answer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::act::{self, Effects, Execution};
use super::driver::{self, Sql};
use super::host_count::HostCount;
use crate::ledger::Draft;
use crate::store::StoreError;

/// A write with an outcome of any type.
pub(super) trait Task: Send {
    /// The verb, for logs.
    fn name(&self) -> &'static str;

    /// Does the work. Returns its effects, or `None` to undo it.
    fn run(&mut self, sql: Sql<'_>, hosts: HostCount) -> driver::Result<Option<Effects>>;

    /// Makes an error the answer.
    fn fail(&mut self, error: StoreError);

    /// Sends the answer. If the caller has gone, it only logs the acts.
    fn answer(self: Box<Self>);
}

/// The outcome of a write, and the entries that were committed with it.
pub(super) struct Answer<T> {
    outcome: Result<T, StoreError>,
    entered: Vec<Arc<Draft>>,
}

impl<T> Answer<T> {
    const fn failed(error: StoreError) -> Self {
        Self { outcome: Err(error), entered: Vec::new() }
    }

    /// Logs the committed acts, and returns the outcome. The caller's thread does it: all others wait for the writer's.
    pub(super) fn logged(self) -> Result<T, StoreError> {
        self.entered.iter().for_each(|entry| entry.log());
        self.outcome
    }
}

struct Write<T, W> {
    name: &'static str,
    work: Option<W>,
    answer: Answer<T>,
    caller: oneshot::Sender<Answer<T>>,
}

/// A task that does `work`, and the answer to come.
pub(super) fn task<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce(&mut Execution<'_>) -> driver::Result<T> + Send + 'static,
) -> (Box<dyn Task>, oneshot::Receiver<Answer<T>>) {
    let (caller, answer) = oneshot::channel();
    let write = Write { name, work: Some(work), answer: Answer::failed(StoreError::Closed), caller };
    (Box::new(write), answer)
}

impl<T: Send, W: FnOnce(&mut Execution<'_>) -> driver::Result<T> + Send> Task for Write<T, W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, sql: Sql<'_>, hosts: HostCount) -> driver::Result<Option<Effects>> {
        // A task runs once.
        let Some(work) = self.work.take() else { return Ok(None) };
        let (outcome, effects) = act::run(sql, hosts, work)?;
        let entered = effects.as_ref().map_or_else(Vec::new, |effects| effects.drafts.clone());
        self.answer = Answer { outcome, entered };
        Ok(effects)
    }

    fn fail(&mut self, error: StoreError) {
        self.answer = Answer::failed(error);
    }

    fn answer(self: Box<Self>) {
        if let Err(unheard) = self.caller.send(self.answer) {
            drop(unheard.logged());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ledger::Action;

    #[test]
    fn an_act_that_is_not_committed_has_no_line() {
        let entry = Draft::done(Action::HostEnrolled, Timestamp::from_secs(1), "user:admin");
        let (caller, _answer) = oneshot::channel();
        let work = None::<fn(&mut Execution<'_>) -> driver::Result<()>>;
        let answer = Answer { outcome: Ok(()), entered: vec![Arc::new(entry)] };
        let mut write = Write { name: "redeem", work, answer, caller };
        write.fail(StoreError::Closed);
        assert!(write.answer.entered.is_empty(), "the commit failed");
    }
}
