//! The out-tray before the writing thread: statements wait here a moment for a question to take them along, so that a busy gate
//! pays one commit and one wake-up for a call, not two.

use std::mem;
use std::time::Duration;

use crate::base::Moment;
use crate::ledger::Command;

use super::writer::{BATCH_MAX, Stopped, WriterHandle};

/// How long a statement may wait. Until it is written, a crash leaves its call as one that was still in progress, and the next
/// start expires it (R91); so the span is a few times what a commit takes anyway.
pub const STATEMENT_PATIENCE: Duration = Duration::from_millis(20);

/// Commands on their way to the writer, in their order. Questions leave at once and take everything before them along.
#[derive(Debug)]
pub struct Tray {
    writer: WriterHandle,
    waiting: Vec<Command>,
    /// When what waits must leave, question or not.
    deadline: Option<Moment>,
}

impl Tray {
    pub fn new(writer: WriterHandle) -> Tray {
        Tray { writer, waiting: Vec::new(), deadline: None }
    }

    /// Takes a command; never waits.
    ///
    /// # Errors
    /// `Stopped`: the writing thread has ended, and nothing in the tray is taken any more.
    pub fn put(&mut self, now: Moment, command: Command) -> Result<(), Stopped> {
        let leaves = command.is_question() || self.waiting.len() + 1 >= BATCH_MAX;
        self.waiting.push(command);
        if leaves {
            return self.hand_over();
        }
        self.deadline = self.deadline.or(Some(now + STATEMENT_PATIENCE));
        Ok(())
    }

    /// When `advance` must be called.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// Hands over what has waited long enough.
    ///
    /// # Errors
    /// As `put`.
    pub fn advance(&mut self, now: Moment) -> Result<(), Stopped> {
        if self.deadline.is_some_and(|deadline| deadline <= now) { self.hand_over() } else { Ok(()) }
    }

    /// Writes everything and ends the writing thread.
    pub fn stop(mut self) {
        // A thread that has ended has said so; there is nobody left to tell.
        let _ = self.hand_over();
        self.writer.stop();
    }

    fn hand_over(&mut self) -> Result<(), Stopped> {
        self.deadline = None;
        if self.waiting.is_empty() { Ok(()) } else { self.writer.send_all(mem::take(&mut self.waiting)) }
    }
}
