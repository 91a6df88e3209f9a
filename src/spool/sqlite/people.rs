//! Who stands in an event, in one column: eight bytes a person, and nothing where there is nobody.

/// As it is written.
pub(super) fn column(people: &[i64]) -> Option<Vec<u8>> {
    (!people.is_empty()).then(|| people.iter().flat_map(|id| id.to_le_bytes()).collect())
}
