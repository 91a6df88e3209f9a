//! The captured events.
