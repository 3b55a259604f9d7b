//! Traffic against systems on loopback that behave in every way that matters.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its system has failed")]

mod credentials;
mod journeys;
mod outcomes;
mod runs;
mod support;
mod tls;
