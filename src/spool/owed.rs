//! How much is owed of what, for those who change what there is.

use crate::delivery::{ContractId, TopicKey};

/// How many messages of one contract wait for one topic, held ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owing {
    /// To whom.
    pub topic: TopicKey,
    /// Of which contract.
    pub contract: ContractId,
    /// How many.
    pub n: u64,
}
