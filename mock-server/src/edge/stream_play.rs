//! A script on a stream of HTTP/2.
//!
//! The stream's end is not the connection's: what is cut short resets the stream. Bytes that are not part of an answer do
//! not exist here, so in their place the connection is closed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Sleep, sleep};

use super::connection::{Connection, Fate, Serving};
use crate::exchange::Play;
use crate::wire::{End, Step};

/// What is left of a script when its head has been sent.
pub(super) struct StreamPlay {
    play: Play,
    connection: Arc<Connection>,
    _serving: Serving,
    pause: Option<(Pin<Box<Sleep>>, Duration)>,
    /// Something that does not come from this stream any more: it hangs, or its connection is about to end.
    is_silent: bool,
    /// A reset of the stream takes with it what is not written yet.
    before_cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// The stream is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("cut off by a fault")]
pub(super) struct Cut;

impl StreamPlay {
    /// The rest of a script whose head has been played.
    pub(super) fn new(play: Play, serving: Serving, connection: Arc<Connection>) -> Self {
        Self { play, connection, _serving: serving, pause: None, is_silent: false, before_cut: None }
    }

    /// The next piece of the body.
    pub(super) fn poll_piece(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if self.is_silent {
                return Poll::Pending;
            }
            if let Some((pause, _)) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                if let Some((_, pause)) = self.pause.take() {
                    self.play.played(&Step::Wait(pause));
                }
            }
            match self.play.next() {
                Some(Step::Wait(pause)) => self.pause = Some((Box::pin(sleep(pause)), pause)),
                Some(Step::Body(bytes)) => {
                    self.has_given(&bytes);
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(step @ (Step::Head | Step::Raw(_))) => {
                    self.play.played(&step);
                    self.end_connection(Fate::Close);
                }
                None => match self.play.end {
                    End::Close => {
                        self.play.over();
                        if self.play.is_complete() {
                            return Poll::Ready(None);
                        }
                        let written = self.connection.clone().written();
                        ready!(self.before_cut.get_or_insert_with(|| Box::pin(written)).as_mut().poll(cx));
                        return Poll::Ready(Some(Err(Cut)));
                    }
                    End::Reset => self.end_connection(Fate::Reset),
                    End::Hang => self.is_silent = true,
                },
            }
        }
    }

    fn has_given(&mut self, bytes: &Bytes) {
        self.play.played(&Step::Body(bytes.clone()));
        if self.play.is_last() && self.play.end != End::Hang {
            // Whoever has read the answer finds it in the ledger.
            self.play.over();
        }
    }

    fn end_connection(&mut self, fate: Fate) {
        self.play.over();
        self.connection.meet(fate);
        self.is_silent = true;
    }
}
