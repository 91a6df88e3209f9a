//! publish
mod backoff;
mod pack;
mod planted;
mod queue;
mod slab;
mod verdict;
