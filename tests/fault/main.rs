//! Faults: real ones, on real processes.
