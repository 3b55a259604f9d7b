//! A real Redis of a test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(30);

/// A server on a port of its own, without a disk; it ends with this value.
pub(super) struct LocalRedis {
    server: Child,
    port: u16,
}

impl LocalRedis {
    /// Waits until it answers. `./setup` installs the program.
    pub(super) fn start() -> Self {
        // Between looking for a free port and listening on it somebody else may take it.
        (0..5).find_map(|_| Self::try_start()).expect("a redis-server that answers")
    }

    fn try_start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
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
            let connection = redis.client().get_connection();
            if connection.is_ok_and(|mut connection| redis::cmd("PING").query::<String>(&mut connection).is_ok()) {
                return Some(redis);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).expect("a URL")
    }

    /// What the identity provider does with a token that is taken back.
    pub(super) fn revoke_token(&self, jti: &str, expiry: u64) {
        let mut connection = self.client().get_connection().expect("connected");
        let () = redis::cmd("ZADD").arg("revoked").arg(expiry).arg(jti).query(&mut connection).expect("written");
    }

    /// What the identity provider does with all tokens of a client.
    pub(super) fn revoke_client(&self, client: &str, up_to: u64) {
        let mut connection = self.client().get_connection().expect("connected");
        let field = format!("client:{client}");
        let () =
            redis::cmd("HSET").arg("revoked-clients").arg(field).arg(up_to).query(&mut connection).expect("written");
    }

    /// Ends it, as a crash does.
    pub(super) fn stop(&mut self) {
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
