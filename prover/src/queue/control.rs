//! The two ends of one job: what the worker holds and what the client holds.

use super::JobError;
use crate::{Observer, ProofStage, Stopped};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::{oneshot, watch};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It waits.
    Queued {
        /// Jobs that are served before it.
        ahead: usize,
    },
    /// A worker took it.
    Started,
    /// One of its stages began.
    Stage(ProofStage),
}

/// The worker's end of a job: says where it stands and whether to go on.
pub struct Control {
    cancelled: Arc<AtomicBool>,
    deadline: Instant,
    status: watch::Sender<Status>,
}

impl Control {
    pub(super) fn new(deadline: Instant, status: watch::Sender<Status>) -> Self {
        Self {
            cancelled: Arc::new(AtomicBool::new(false)),
            deadline,
            status,
        }
    }

    pub(super) fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    pub(super) fn publish(&self, status: Status) {
        self.status.send_replace(status);
    }

    pub(super) fn begin(&self) -> Result<(), Stopped> {
        self.check()?;
        self.publish(Status::Started);
        Ok(())
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Stopped`] when the job was cancelled or its deadline passed.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancelled.load(Ordering::Acquire) {
            Err(Stopped::Cancelled)
        } else if Instant::now() >= self.deadline {
            Err(Stopped::Deadline)
        } else {
            Ok(())
        }
    }
}

impl Observer for Control {
    fn enter(&self, stage: ProofStage) -> Result<(), Stopped> {
        self.check()?;
        self.publish(Status::Stage(stage));
        Ok(())
    }
}

/// The client's end of a job. Dropping it cancels the job.
pub struct Ticket<T> {
    status: watch::Receiver<Status>,
    result: oneshot::Receiver<Result<T, JobError>>,
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
    leave: Option<Box<dyn FnOnce() + Send>>,
}

/// What a client hears next.
#[derive(Debug)]
pub enum Event<T> {
    /// The job's place or stage changed.
    Status(Status),
    /// The job ended.
    Done(Result<T, JobError>),
}

impl<T> Ticket<T> {
    pub(super) fn new(
        status: watch::Receiver<Status>,
        result: oneshot::Receiver<Result<T, JobError>>,
        deadline: Instant,
        cancelled: Arc<AtomicBool>,
        leave: Box<dyn FnOnce() + Send>,
    ) -> Self {
        let mut status = status;
        // The place is known from the beginning and is the first thing to tell.
        status.mark_changed();
        Self {
            status,
            result,
            deadline,
            cancelled,
            leave: Some(leave),
        }
    }

    /// Where the job stands.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Waits for the next change; ends the wait at the job's deadline.
    pub async fn next(&mut self) -> Event<T> {
        let deadline = tokio::time::sleep_until(self.deadline.into());
        tokio::select! {
            biased;
            result = &mut self.result => Event::Done(result.unwrap_or(Err(JobError::Closed))),
            changed = self.status.changed() => match changed {
                Ok(()) => Event::Status(*self.status.borrow_and_update()),
                // The worker has let go of the job: its result is there or on its way.
                Err(_) => Event::Done((&mut self.result).await.unwrap_or(Err(JobError::Closed))),
            },
            () = deadline => Event::Done(Err(Stopped::Deadline.into())),
        }
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// [`JobError`] when there is none.
    pub async fn finish(mut self) -> Result<T, JobError> {
        loop {
            if let Event::Done(result) = self.next().await {
                return result;
            }
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(leave) = self.leave.take() {
            leave();
        }
    }
}
