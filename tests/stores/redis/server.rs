//! A Redis server of a test's own, on a socket in a directory of its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use plimsoll::store::redis::{LeaseClock, RedisSettings};
use tempfile::TempDir;

/// A server that syncs every write, unless told otherwise. It ends with its value.
pub(crate) struct Server {
    dir: TempDir,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    /// Starts one; `None`, after saying so loudly, where Redis is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one whose configuration differs by `arguments`.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            let required = std::env::var_os("PLIMSOLL_REQUIRE_REDIS").is_some();
            assert!(!required, "PLIMSOLL_REQUIRE_REDIS is set, and redis-server is not installed");
            eprintln!("SKIPPED: redis-server is not installed (Debian: apt-get install redis-server); nothing was tested");
            return None;
        }
        let dir = TempDir::new().expect("a temporary directory");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = spawn(&dir, &arguments);
        let mut server = Self { dir, arguments, child };
        server.wait_until_it_answers();
        Some(server)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// A store on it, in the virtual time of its callers.
    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings { lease_clock: LeaseClock::Callers, ..self.live_settings() }
    }

    /// A store on it, as a service has it.
    pub(crate) fn live_settings(&self) -> RedisSettings {
        RedisSettings::new(format!("redis+unix://{}", self.socket().display()), "test")
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started here");
    }

    /// Starts it again on what it left.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.dir, &self.arguments);
        self.wait_until_it_answers();
    }

    /// Starts one in its place whose configuration differs by `arguments`, on what it left.
    pub(crate) fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.restart();
    }

    /// Ends it, and starts one in its place that differs by `arguments` and has nothing of what it held.
    pub(crate) fn replace_by_an_empty_one(&mut self, arguments: &[&str]) {
        self.kill();
        std::fs::remove_dir_all(self.dir.path().join("appendonlydir")).expect("what it wrote");
        self.restart_with(arguments);
    }

    /// Carries out commands by hand, one after the other, as an operator does; gives the last answer.
    pub(crate) async fn by_hand(&self, commands: &[&[&str]]) -> redis::Value {
        let client = redis::Client::open(self.settings().url.expose()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("it runs");
        let mut answer = redis::Value::Nil;
        for words in commands {
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]);
            answer = command.query_async(&mut connection).await.expect("a command that it knows");
        }
        answer
    }

    fn wait_until_it_answers(&mut self) {
        while !self.answers() {
            let ended = self.child.try_wait().expect("it was started here");
            assert!(ended.is_none(), "redis-server ended at its start: {ended:?}");
            std::thread::yield_now();
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else { return false };
        let mut answer = [0; 7];
        stream.write_all(b"PING\r\n").is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && matches!(&answer, b"+PONG\r\n" | b"-NOAUTH")
    }
}

fn spawn(dir: &TempDir, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .arg("--dir")
        .arg(dir.path())
        .args(arguments)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
