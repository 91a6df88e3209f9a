//! Who stands in an event, in one column: eight bytes a person, and nothing where there is nobody.

/// As it is written.
pub(super) fn column(people: &[i64]) -> Option<Vec<u8>> {
    (!people.is_empty()).then(|| people.iter().flat_map(|id| id.to_le_bytes()).collect())
}

/// Whether a person stands there. SQLite's `instr` finds the bytes across two neighbours as well.
pub(super) fn has(column: &[u8], person: i64) -> bool {
    column.chunks_exact(size_of::<i64>()).any(|id| id == person.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_found_and_no_neighbours_bytes_are_taken_for_one() {
        assert_eq!(column(&[]), None);
        let there = column(&[2, 513, i64::MAX]).unwrap();
        for (person, found) in [(2, true), (513, true), (i64::MAX, true), (1, false), (2 << 8, false)] {
            assert_eq!(has(&there, person), found, "{person}");
        }
    }
}
