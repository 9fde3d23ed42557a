//! Parts of a task that are seldom heard of are asked only after they have rung: a message on the wire does not pay for a look at
//! every channel there is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Stands between a task and what wakes it seldom.
pub(super) struct Doorbell {
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// The task as the bell knows it.
    owner: Option<Waker>,
}

struct Bell {
    rung: AtomicBool,
    owner: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        owner.iter().for_each(Waker::wake_by_ref);
    }
}

impl Doorbell {
    /// Rung already: whatever happened before anybody listened is not missed.
    pub fn new() -> Doorbell {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), owner: Mutex::new(None) });
        Doorbell { waker: Waker::from(Arc::clone(&bell)), bell, owner: None }
    }

    /// Asks if it has rung since the last time, and goes on asking at the next turn for as long as there is an answer.
    pub fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        ask: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.owner.as_ref().is_some_and(|owner| owner.will_wake(cx.waker())) {
            self.owner = Some(cx.waker().clone());
            *self.bell.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        }
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let answer = ask(&mut Context::from_waker(&self.waker));
        if answer.is_ready() {
            self.bell.rung.store(true, Ordering::Release);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn it_asks_only_after_it_has_rung() {
        let mut cx = Context::from_waker(Waker::noop());
        let (sender, mut channel) = unbounded_channel();
        let (mut bell, mut asked) = (Doorbell::new(), 0);
        let mut poll = |bell: &mut Doorbell, channel: &mut tokio::sync::mpsc::UnboundedReceiver<u8>| {
            bell.poll(&mut cx, |cx| {
                asked += 1;
                channel.poll_recv(cx)
            })
        };
        assert!(poll(&mut bell, &mut channel).is_pending());
        assert!(poll(&mut bell, &mut channel).is_pending());
        sender.send(1).expect("it is heard");
        sender.send(2).expect("it is heard");
        assert_eq!(poll(&mut bell, &mut channel), Poll::Ready(Some(1)));
        assert_eq!(poll(&mut bell, &mut channel), Poll::Ready(Some(2)));
        assert!(poll(&mut bell, &mut channel).is_pending());
        assert!(poll(&mut bell, &mut channel).is_pending());
        assert_eq!(asked, 4);
    }

    #[test]
    fn a_ring_from_another_thread_wakes_the_task() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (sender, mut channel) = unbounded_channel();
        let thread = std::thread::spawn(move || {
            (0..1000u32).for_each(|number| sender.send(number).expect("it is heard"));
        });
        let mut bell = Doorbell::new();
        for number in 0..1000 {
            let next = poll_fn(|cx| bell.poll(cx, |cx| channel.poll_recv(cx)));
            assert_eq!(runtime.block_on(next), Some(number));
        }
        thread.join().expect("a thread that ends");
    }
}
