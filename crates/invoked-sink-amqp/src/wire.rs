//! A connection as `lapin` takes it, which whoever holds its switch can end.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// A connection, whatever it is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that breaks when its [`Switch`] is dropped. `lapin` reads whenever it waits, so that
/// is when it notices.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    switch: Option<oneshot::Receiver<()>>,
}

/// Keeps a [`Wire`] whole.
#[derive(Debug)]
pub(crate) struct Switch {
    #[expect(dead_code, reason = "being dropped is what it does")]
    sender: oneshot::Sender<()>,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>) -> (Self, Switch) {
        let (sender, receiver) = oneshot::channel();
        (Self { stream, switch: Some(receiver) }, Switch { sender })
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let is_off = match &mut self.switch {
            Some(switch) => Pin::new(switch).poll(context).is_ready(),
            None => true,
        };
        if is_off {
            self.switch = None;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl futures_io::AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl futures_io::AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A peer that hangs must not keep the thread that closes.
        if self.switch.is_none() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
