//! A real Redis of a test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection};
use rustix::process::{Pid, Signal, kill_process};

/// How long a start may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(30);

/// A server on a port of its own, without a disk; it ends with this value.
pub(crate) struct LocalRedis {
    server: Child,
    port: u16,
}

/// A way to the Redis server of this port, whether there is one or not.
pub(crate) fn way_to(port: u16) -> Client {
    Client::open(url(port)).expect("a URL")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port()
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

impl LocalRedis {
    /// Waits until it answers. `./setup` installs the program.
    pub(crate) fn start() -> Self {
        // Between looking for a free port and listening on it somebody else may take it.
        (0..5).find_map(|_| Self::start_on(free_port())).expect("a redis-server that answers")
    }

    /// The same on this port; none where it does not come to answer.
    pub(crate) fn start_on(port: u16) -> Option<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.current_dir(std::env::temp_dir()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().expect("redis-server is installed (./setup)");
        let mut redis = Self { server, port };
        let started = Instant::now();
        while started.elapsed() < BOUND {
            let ended = redis.server.try_wait().expect("a child").is_some();
            if ended {
                return None;
            }
            let connection = way_to(port).get_connection();
            if connection.is_ok_and(|mut connection| redis::cmd("PING").query::<String>(&mut connection).is_ok()) {
                return Some(redis);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    pub(crate) fn connection(&self) -> Connection {
        way_to(self.port).get_connection().expect("connected")
    }

    /// From now on it takes what it is sent and does not answer, until it goes on and does all of it.
    pub(crate) fn hang(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.server), signal).expect("a child");
    }

    /// Ends it, as a crash does.
    pub(crate) fn stop(&mut self) {
        self.server.kill().expect("it can be killed");
        self.server.wait().expect("it ends");
    }
}

impl Drop for LocalRedis {
    fn drop(&mut self) {
        // It may have been stopped by the test.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
