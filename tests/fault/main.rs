//! Faults: real ones, on real processes. Each random test prints its seed and the command that repeats it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test fails by panicking, and what it prints is for the person who reads the failure"
)]

#[path = "../support/mod.rs"]
mod support;

mod aim;
mod checkpoint;
mod clock;
mod disk;
mod errors;
mod harness;
mod kill9;
mod load;
mod log;
mod posts;
mod power;
mod room;
mod rot;
mod sigterm;
mod start;
mod sweep;
mod volume;
