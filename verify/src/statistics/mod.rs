//! The statistics that findings rest on, each with its source. Pure functions of numbers; they know no history.
//!
//! - [`binomial`]: tails, exact intervals for a ratio, what a zero of n can show
//! - [`quantile`]: quantiles of a sample with distribution-free intervals
//! - [`durations`]: samples of nanoseconds in bounded memory
//! - [`burn_rate`]: multi-window burn rates of an error budget

pub mod binomial;
pub mod burn_rate;
pub mod durations;
pub mod quantile;
