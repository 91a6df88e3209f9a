//! One known bug, in test builds only: the fault tests must fail on it, or they prove nothing.

/// Whether messages are concluded as settled before SNS has answered.
#[cfg(feature = "planted-bugs")]
pub(super) fn settle_before_answer() -> bool {
    std::env::var("MSP_PLANTED_BUG").is_ok_and(|bug| bug == "settle-before-answer")
}

/// Never, in a release.
#[cfg(not(feature = "planted-bugs"))]
pub(super) const fn settle_before_answer() -> bool {
    false
}
