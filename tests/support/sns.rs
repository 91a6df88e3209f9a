//! The SNS double.
