//! What stays of a stored event when a contract that took it is withdrawn: what the others take.

use std::collections::{BTreeSet, HashMap};

use super::catalogue::Catalogue;
use super::cut::{Cut, EventData, cut};
use super::wanted::{Row, Taken, rows_of_moodle};
use crate::delivery::ContractId;
use crate::event::{Event, SourceKey};
use crate::spool::Kept;

/// The rows of all contracts that may have taken stored events.
#[derive(Debug)]
pub struct Remaining {
    withdrawn: BTreeSet<ContractId>,
    /// As the contracts are now.
    present: Vec<Row>,
    /// As events may have been cut, by source.
    kept: HashMap<SourceKey, Vec<Row>>,
}

impl Remaining {
    /// With the rows of the wanted lists that the spool still keeps.
    #[must_use]
    pub fn new(
        catalogue: &Catalogue,
        withdrawn: &BTreeSet<ContractId>,
        kept: HashMap<SourceKey, Vec<Row>>,
    ) -> Self {
        Self { withdrawn: withdrawn.clone(), present: rows_of_moodle(catalogue.iter()).collect(), kept }
    }

    /// The names of the events that withdrawn contracts speak of.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        let rows = self.present.iter().chain(self.kept.values().flatten());
        let names: BTreeSet<&String> = rows.filter(|row| self.is_out(row)).map(|row| &row.event).collect();
        names.into_iter().cloned().collect()
    }

    /// What stays of an event of which messages of `others` are owed or were sent. A value that only
    /// withdrawn contracts read does not.
    #[must_use]
    pub fn of(&self, event: &Event, others: &[ContractId]) -> Kept {
        let Ok(data) = EventData::parse(&event.data) else { return Kept::Nothing };
        let kept = self.kept.get(&event.source);
        let named = |row: &&Row| *row.event == *event.name;
        // What a condition asks for may have been cut away: only a clear no is one.
        let may_take = |row: &&Row| row.may_take(&data);
        let rows = || self.present.iter().chain(kept.into_iter().flatten()).filter(named);
        if !rows().any(|row| self.is_out(row) && row.may_take(&data)) {
            return Kept::Whole;
        }
        let owed = |row: &&Row| others.iter().any(|other| other.as_str() == row.contract);
        let of_lists = kept.into_iter().flatten().filter(named).filter(may_take);
        let of_others = self.present.iter().filter(named).filter(owed);
        let rows: Vec<&Row> = of_lists.chain(of_others).filter(|row| !self.is_out(row)).collect();
        if rows.is_empty() {
            return Kept::Nothing;
        }
        let Cut { data, people, .. } = cut(&Taken { rows, when_unknown: 0 }, &data);
        if data == event.data { Kept::Whole } else { Kept::Part { data, people } }
    }

    fn is_out(&self, row: &Row) -> bool {
        is_among(&self.withdrawn, row)
    }
}

/// Whether a row is of one of these contracts.
pub(super) fn is_among(contracts: &BTreeSet<ContractId>, row: &Row) -> bool {
    contracts.iter().any(|contract| contract.as_str() == row.contract)
}
