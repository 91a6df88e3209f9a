//! Behaviour through the public interface, one module a stage. One binary, so that the SDK is linked once.
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

mod cli;
mod contract;
mod contract_new;
mod journey;
mod operate;
mod plugin;
mod publish;
mod receive;
mod rules;
mod spool;
mod upgrade;
