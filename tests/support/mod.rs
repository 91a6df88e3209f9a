//! What several tests share, named by what it is.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod canary;
pub mod checker;
pub mod client;
pub mod contract;
pub mod corpus;
pub mod library;
pub mod loop_disk;
pub mod sidecar;
pub mod sns;
pub mod summary;
