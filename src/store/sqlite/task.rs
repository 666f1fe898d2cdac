//! A write on its way through the queue: its work, and the caller that waits for its answer.

use tokio::sync::oneshot;

use super::act::{self, Effects, Execution};
use super::driver::{self, Sql};
use crate::store::StoreError;

/// A write with an outcome of any type.
pub(super) trait Task: Send {
    /// The verb, for logs.
    fn name(&self) -> &'static str;

    /// Does the work. Returns its effects, or `None` to undo it.
    fn run(&mut self, sql: Sql<'_>) -> driver::Result<Option<Effects>>;

    /// Makes an error the answer.
    fn fail(&mut self, error: StoreError);

    /// Sends the answer. A caller that has gone does not need it.
    fn answer(self: Box<Self>);
}

struct Write<T, W> {
    name: &'static str,
    work: Option<W>,
    answer: Result<T, StoreError>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

/// A task that does `work`, and the answer to come.
pub(super) fn task<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce(&mut Execution<'_>) -> driver::Result<T> + Send + 'static,
) -> (Box<dyn Task>, oneshot::Receiver<Result<T, StoreError>>) {
    let (caller, answer) = oneshot::channel();
    (Box::new(Write { name, work: Some(work), answer: Err(StoreError::Closed), caller }), answer)
}

impl<T: Send, W: FnOnce(&mut Execution<'_>) -> driver::Result<T> + Send> Task for Write<T, W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, sql: Sql<'_>) -> driver::Result<Option<Effects>> {
        // A task runs once.
        let Some(work) = self.work.take() else { return Ok(None) };
        let (answer, effects) = act::run(sql, work)?;
        self.answer = answer;
        Ok(effects)
    }

    fn fail(&mut self, error: StoreError) {
        self.answer = Err(error);
    }

    fn answer(self: Box<Self>) {
        drop(self.caller.send(self.answer));
    }
}
