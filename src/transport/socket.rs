//! A TCP connection of which one may ask whether it has ended while hyper reads from it and writes to it.
//!
//! hyper's task learns that the server has closed an idle connection when the runtime gets round to telling it, and a busy one may
//! send the next request before. Here the kernel is asked: what it knows already costs no request.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The stream, for whom it is read and written.
#[derive(Debug)]
pub(super) struct Socket(Arc<TcpStream>);

/// Whether the stream has ended, for whom it waits for a request. It keeps no descriptor open.
#[derive(Debug, Clone)]
pub(super) struct Lookout(Weak<TcpStream>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    pub(super) fn lookout(&self) -> Lookout {
        Lookout(Arc::downgrade(&self.0))
    }
}

impl Lookout {
    /// Whether an idle connection cannot take a request: it has ended, or something came unasked.
    pub(super) fn has_ended(&self) -> bool {
        let Some(stream) = self.0.upgrade() else { return true };
        let waiting = recv(&*stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        waiting.map(|_| ()) != Err(Errno::AGAIN)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            let mut has_read = false;
            // What fills only a part of the buffer was all that there was: as tokio's own streams do, that is taken for the end of
            // readiness, or every answer would cost one more call that finds nothing.
            let result = self.0.try_io(Interest::READABLE, || {
                let count = self.0.try_read_buf(buffer)?;
                has_read = true;
                if count > 0 && buffer.remaining() > 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !has_read => {}
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&*self.0, Shutdown::Write).map_err(io::Error::from))
    }
}
