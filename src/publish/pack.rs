//! Into batches: at most ten messages and a topic's size limit each, in order, nothing lost. Pure.

use crate::contract::Message;
use crate::delivery::Group;

/// The most entries of one `PublishBatch` (Amazon SNS API reference).
pub(super) const MAX_ENTRIES: usize = 10;

/// What packing must know of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// Body and attributes, as SNS counts them.
    pub bytes: usize,
    /// Its group, on a FIFO topic: a batch holds one message of it at most.
    pub group: Option<Group>,
    /// Whether it must be sent in a batch of its own, so that a refusal says which one it means.
    pub company: Company,
}

/// Whether a message may share its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// With others.
    Any,
    /// By itself.
    Alone,
}

/// Messages in batches, and those that are larger than the topic takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<T> {
    /// Each within both limits; in the order given.
    pub batches: Vec<Vec<T>>,
    /// Over the limit by themselves.
    pub oversized: Vec<T>,
}

/// The size of a message as SNS counts it: the body, and of each attribute its name, type and value.
pub(super) fn bytes(message: &Message, more: &[(&str, &str)]) -> usize {
    let attribute = |name: &str, value: &str| name.len() + "String".len() + value.len();
    let own: usize = message.attributes.iter().map(|(name, value)| attribute(name, value)).sum();
    let more: usize = more.iter().map(|(name, value)| attribute(name, value)).sum();
    message.body.len() + own + more
}

/// Packs messages into batches of at most [`MAX_ENTRIES`] and `max_bytes`, keeping their order.
pub(super) fn pack<T>(items: Vec<T>, max_bytes: usize, measure: impl Fn(&T) -> Measure) -> Packed<T> {
    let mut packed = Packed { batches: Vec::new(), oversized: Vec::new() };
    let mut batch: Vec<T> = Vec::new();
    let mut filled = 0;
    for item in items {
        let size = measure(&item);
        if size.bytes > max_bytes {
            packed.oversized.push(item);
            continue;
        }
        let fits = |other: &T| {
            let other = measure(other);
            other.company == Company::Any && (size.group.is_none() || other.group != size.group)
        };
        let full = batch.len() == MAX_ENTRIES
            || filled + size.bytes > max_bytes
            || (size.company == Company::Alone && !batch.is_empty())
            || !batch.iter().all(fits);
        if full {
            packed.batches.push(std::mem::take(&mut batch));
            filled = 0;
        }
        filled += size.bytes;
        batch.push(item);
    }
    if !batch.is_empty() {
        packed.batches.push(batch);
    }
    packed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measure(bytes: usize) -> Measure {
        Measure { bytes, group: None, company: Company::Any }
    }

    fn sizes(packed: &Packed<Measure>) -> Vec<Vec<usize>> {
        packed.batches.iter().map(|b| b.iter().map(|m| m.bytes).collect()).collect()
    }

    #[test]
    fn the_limit_itself_fits_and_one_byte_more_is_oversized() {
        for (size, batches, oversized) in [(262_143, 1, 0), (262_144, 1, 0), (262_145, 0, 1)] {
            let packed = pack(vec![measure(size)], 262_144, |m| *m);
            assert_eq!((packed.batches.len(), packed.oversized.len()), (batches, oversized), "{size}");
        }
    }

    #[test]
    fn an_oversized_message_does_not_part_its_neighbours() {
        let packed = pack(vec![measure(1), measure(11), measure(2)], 10, |m| *m);
        assert_eq!(sizes(&packed), [vec![1, 2]]);
        assert_eq!(packed.oversized, [measure(11)]);
    }

    #[test]
    fn ten_of_the_largest_make_ten_batches() {
        let packed = pack(vec![measure(10); 10], 10, |m| *m);
        assert_eq!(packed.batches.len(), 10);
    }

    #[test]
    fn one_that_must_be_alone_is() {
        let alone = Measure { company: Company::Alone, ..measure(2) };
        let packed = pack(vec![measure(1), alone, measure(3), measure(4)], 100, |m| *m);
        assert_eq!(sizes(&packed), [vec![1], vec![2], vec![3, 4]]);
    }

    #[test]
    fn attributes_count_with_name_type_and_value() {
        let message = Message {
            id: String::new(),
            body: "é".repeat(5),
            attributes: vec![("type", "abc".into())],
            group: Group([0; 16]),
        };
        assert_eq!(bytes(&message, &[]), 10 + 4 + 6 + 3);
        assert_eq!(bytes(&message, &[("redrive", "1")]), 10 + 4 + 6 + 3 + 7 + 6 + 1);
    }

    fn items() -> impl Strategy<Value = Vec<(usize, Measure)>> {
        let one = (0usize..120, proptest::option::of(0u8..4), proptest::bool::weighted(0.1));
        proptest::collection::vec(one, 0..60).prop_map(|list| {
            let of = |(bytes, group, alone): (usize, Option<u8>, bool)| Measure {
                bytes,
                group: group.map(|g| Group([g; 16])),
                company: if alone { Company::Alone } else { Company::Any },
            };
            list.into_iter().map(of).enumerate().collect()
        })
    }

    proptest! {
        #[test]
        fn batches_keep_every_limit_and_the_order_and_lose_nothing(items in items()) {
            let packed = pack(items.clone(), 100, |(_, m)| *m);
            for batch in &packed.batches {
                prop_assert!((1..=MAX_ENTRIES).contains(&batch.len()));
                prop_assert!(batch.iter().map(|(_, m)| m.bytes).sum::<usize>() <= 100);
                prop_assert!(batch.len() == 1 || batch.iter().all(|(_, m)| m.company == Company::Any));
                let mut groups: Vec<_> = batch.iter().filter_map(|(_, m)| m.group).collect();
                let all = groups.len();
                groups.sort();
                groups.dedup();
                prop_assert_eq!(groups.len(), all);
            }
            let sent: Vec<_> = packed.batches.concat();
            prop_assert!(sent.iter().map(|(n, _)| n).is_sorted());
            prop_assert!(packed.oversized.iter().all(|(_, m)| m.bytes > 100));
            prop_assert_eq!(sent.len() + packed.oversized.len(), items.len());
        }
    }
}
