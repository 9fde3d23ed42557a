//! What the loop hears beside the wire: the store, the administrator, name servers, contact databases and the clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Interval;

use super::closing::Stopping;
use super::control::Ask;
use super::look_up::LookUps;
use super::names::{Heard, Names};
use super::reload::Replacement;
use crate::gate::Input;
use crate::store::WriterEvent;

/// Waits for news of whether to stop; false if whoever could tell has gone.
pub(super) async fn told(mut stop: watch::Receiver<Stopping>) -> bool {
    stop.changed().await.is_ok()
}

/// What is heard of seldom, beside the wire.
pub(super) struct Others<'l> {
    pub written: &'l mut UnboundedReceiver<WriterEvent>,
    pub setups: &'l mut UnboundedReceiver<Replacement>,
    pub look_ups: &'l mut LookUps,
    pub names: &'l mut Names,
    pub asks: &'l mut UnboundedReceiver<Ask>,
}

/// Who has rung.
pub(super) enum Rung {
    Written(WriterEvent),
    Setup(Replacement),
    LookedUp(Box<Input>),
    Name(Heard),
    Ask(Ask),
    Observe,
    /// Whether to stop.
    Told(bool),
}

impl Others<'_> {
    /// The first that has something to say. Whoever has gone for good says nothing more.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        observe: &mut Interval,
        stop: Pin<&mut impl Future<Output = bool>>,
    ) -> Poll<Rung> {
        if let Poll::Ready(Some(event)) = self.written.poll_recv(cx) {
            return Poll::Ready(Rung::Written(event));
        }
        if let Poll::Ready(Some(replacement)) = self.setups.poll_recv(cx) {
            return Poll::Ready(Rung::Setup(replacement));
        }
        if let Poll::Ready(Some(heard)) = self.look_ups.answers.poll_recv(cx) {
            return Poll::Ready(Rung::LookedUp(Box::new(heard)));
        }
        if let Poll::Ready(Some(heard)) = self.names.poll_next(cx) {
            return Poll::Ready(Rung::Name(heard));
        }
        if let Poll::Ready(Some(ask)) = self.asks.poll_recv(cx) {
            return Poll::Ready(Rung::Ask(ask));
        }
        if observe.poll_tick(cx).is_ready() {
            return Poll::Ready(Rung::Observe);
        }
        stop.poll(cx).map(Rung::Told)
    }
}
