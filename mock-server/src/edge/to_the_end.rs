//! Work that runs to its end even when its caller stops waiting.
//!
//! A vendor does not stop in the middle because its client has hung up. So neither does a request that has been handed to
//! it: what it changes is in the ledger, whether the client has waited for the answer or not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// A future that goes on by itself where it is dropped before its end. As long as it is waited for, it costs no task.
pub(super) struct ToTheEnd<T: Send + 'static>(Option<BoxFuture<'static, T>>);

impl<T: Send + 'static> ToTheEnd<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let future = self.0.as_mut().expect("a future is not polled when it has ended");
        let output = ready!(future.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime the program is ending, and everything with it.
        if let (Some(rest), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_dropped_goes_on() {
        let (sender, done) = oneshot::channel();
        let work = ToTheEnd::new(async move {
            sleep(Duration::from_secs(10)).await;
            sender.send(()).unwrap();
        });
        assert!(timeout(Duration::from_secs(1), work).await.is_err());
        done.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_gives_its_output() {
        assert_eq!(ToTheEnd::new(async { 7 }).await, 7);
    }
}
