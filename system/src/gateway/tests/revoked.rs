//! What the identity provider tells Redis.

use crate::testing::redis::LocalRedis;

/// What it does with a token that is taken back.
pub(super) fn token(redis: &LocalRedis, jti: &str, expiry: u64) {
    let command = redis::cmd("ZADD").arg("revoked").arg(expiry).arg(jti).to_owned();
    let () = command.query(&mut redis.connection()).expect("written");
}

/// What it does with all tokens of a client.
pub(super) fn client(redis: &LocalRedis, client: &str, up_to: u64) {
    let command = redis::cmd("HSET").arg("revoked-clients").arg(format!("client:{client}")).arg(up_to).to_owned();
    let () = command.query(&mut redis.connection()).expect("written");
}
