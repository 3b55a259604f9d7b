//! The gateway as its clients see it: its router with a log of mock brokers, a real Redis, and an identity provider and
//! owners of state that listen on the loopback.

mod commands;
mod front_door;
mod identity;
mod readiness;
mod reads;
mod refusals;
mod revoked;
mod stop;
mod tokens;
mod traces;
mod world;
