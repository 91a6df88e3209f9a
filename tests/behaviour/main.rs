//! Behaviour through the public interface, one module a stage. One binary, so that the SDK is linked once.

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod contract;
mod journey;
mod operate;
mod publish;
mod receive;
mod spool;
