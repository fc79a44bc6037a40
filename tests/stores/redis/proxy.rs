//! Something between a store and its server that can lose an answer: the change was made, and nobody heard.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

pub(crate) struct Proxy {
    dir: TempDir,
    lose: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn to(server: &Path) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let listener = UnixListener::bind(dir.path().join("proxy.sock")).expect("a writable directory");
        let (lose, server) = (Arc::<AtomicBool>::default(), server.to_owned());
        tokio::spawn(serve(listener, server, Arc::clone(&lose)));
        Self { dir, lose }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}/proxy.sock", self.dir.path().display())
    }

    /// The next answer of the server is lost, and its connection with it.
    pub(crate) fn lose_the_next_answer(&self) {
        self.lose.store(true, Ordering::Release);
    }

    pub(crate) fn has_lost_it(&self) -> bool {
        !self.lose.load(Ordering::Acquire)
    }
}

async fn serve(listener: UnixListener, server: PathBuf, lose: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = UnixStream::connect(&server).await.expect("it runs");
        let lose = Arc::clone(&lose);
        tokio::spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            // Whichever ends first takes the other with it.
            tokio::select! {
                () = forward(from_client, to_server, None) => {}
                () = forward(from_server, to_client, Some(&lose)) => {}
            }
        });
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lose: Option<&AtomicBool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if lose.is_some_and(|lose| lose.swap(false, Ordering::AcqRel)) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
