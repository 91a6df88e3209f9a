use super::*;

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

/// Seats that ask again whenever they were told to, and what each was given, as messages by class. Time is
/// made up.
struct Office {
    start: Instant,
    seats: Vec<(Seat, Class, Instant)>,
    given: Vec<u64>,
}

impl Office {
    fn new(quota: u32, classes: &[Class]) -> Self {
        let start = Instant::now();
        let gate = Gate::new(Some(quota), start);
        let seats = classes.iter().map(|class| (gate.seat(), *class, start)).collect();
        Self { start, seats, given: vec![0; classes.len()] }
    }

    /// Lets made-up time pass, a millisecond at a time.
    fn run(&mut self, millis: std::ops::Range<u64>) {
        for milli in millis {
            let now = at(self.start, milli);
            for (n, (seat, class, again)) in self.seats.iter_mut().enumerate() {
                while *again <= now {
                    match seat.ask(*class, now) {
                        Turn::Now => self.given[n] += MAX_ENTRIES as u64,
                        Turn::At(then) => *again = then,
                    }
                }
            }
        }
    }
}

#[test]
fn the_regions_have_their_quotas_and_a_share_is_rounded_down() {
    let of = |region| Quota::of_region(region).share(80);
    assert_eq!(of("eu-west-2"), Quota { standard: Some(240), fifo: Some(2_400) });
    assert_eq!(of("us-east-1"), Quota { standard: Some(24_000), fifo: Some(24_000) });
    assert_eq!(of("eu-central-1"), Quota { standard: Some(1_200), fifo: Some(2_400) });
    assert_eq!(Quota { standard: Some(1), fifo: None }.share(1), Quota { standard: Some(1), fifo: None });
    assert_eq!(Quota::NONE.share(80), Quota::NONE);
}

#[test]
fn what_goes_is_the_quota_and_never_a_storm() {
    for quota in [240, 2_400, 24_000] {
        let mut office = Office::new(quota, &[Class::Live; 3]);
        office.run(0..10_000);
        let given: u64 = office.given.iter().sum();
        let whole = u64::from(quota) * 10;
        assert!(given >= whole * 97 / 100, "{given} of {whole}");
        assert!(given <= whole * 103 / 100, "{given} of {whole}");
    }
}

#[test]
fn topics_share_evenly() {
    let mut office = Office::new(300, &[Class::Live; 4]);
    office.run(0..20_000);
    for given in &office.given {
        assert!((1_400..=1_600).contains(given), "{:?}", office.given);
    }
}

#[test]
fn live_goes_before_bulk_and_gets_four_of_five_while_both_wait() {
    let mut office = Office::new(300, &[Class::Bulk, Class::Bulk, Class::Live, Class::Bulk]);
    office.run(0..20_000);
    let live = office.given[2];
    let all: u64 = office.given.iter().sum();
    assert!((78..=82).contains(&(live * 100 / all)), "{:?}", office.given);
    let mut alone = Office::new(300, &[Class::Bulk; 2]);
    alone.run(0..20_000);
    assert!(alone.given.iter().sum::<u64>() > 5_800, "bulk alone has all of it: {:?}", alone.given);
}

#[test]
fn one_that_has_something_live_now_goes_to_the_row_of_live() {
    let start = Instant::now();
    let gate = Gate::new(Some(100), start);
    let (first, second) = (gate.seat(), gate.seat());
    assert_eq!(first.ask(Class::Bulk, start), Turn::Now);
    assert!(matches!(first.ask(Class::Bulk, start), Turn::At(_)));
    assert!(matches!(second.ask(Class::Bulk, start), Turn::At(_)));
    assert!(matches!(second.ask(Class::Live, start), Turn::At(_)));
    let later = at(start, 100);
    assert!(matches!(first.ask(Class::Bulk, later), Turn::At(_)));
    assert_eq!(second.ask(Class::Live, later), Turn::Now);
}

#[test]
fn a_turn_that_nobody_takes_is_not_lost() {
    let start = Instant::now();
    let gate = Gate::new(Some(100), start);
    let (first, second, third) = (gate.seat(), gate.seat(), gate.seat());
    assert_eq!(first.ask(Class::Live, start), Turn::Now);
    assert!(matches!(first.ask(Class::Live, start), Turn::At(_)));
    assert!(matches!(second.ask(Class::Live, start), Turn::At(_)));
    // The turn is the first's, whoever looks.
    assert!(matches!(second.ask(Class::Live, at(start, 100)), Turn::At(_)));
    first.leave();
    assert_eq!(second.ask(Class::Live, at(start, 100)), Turn::Now);
    second.unused(9);
    second.unused(1);
    assert_eq!(third.ask(Class::Live, at(start, 100)), Turn::Now);
}

#[test]
fn throttling_halves_the_pace_for_ten_seconds_and_then_it_climbs_back() {
    let start = Instant::now();
    let seat = Gate::new(Some(240), start).seat();
    let pace = |millis| seat.pace(at(start, millis)).unwrap();
    assert_eq!(pace(0), 240.0);
    seat.slow(start, at(start, 1_000));
    assert_eq!((pace(1_000), pace(11_000)), (120.0, 120.0));
    assert_eq!((pace(12_000), pace(41_000), pace(90_000)), (124.0, 240.0, 240.0));
    // One that was in flight with the first says nothing new; one that was sent after it does.
    seat.slow(at(start, 900), at(start, 1_500));
    assert_eq!(pace(1_500), 120.0);
    seat.slow(at(start, 1_200), at(start, 2_000));
    assert_eq!((pace(2_000), pace(12_000), pace(27_000)), (60.0, 60.0, 120.0));
    for second in 3..60 {
        seat.slow(at(start, second * 1_000), at(start, second * 1_000));
    }
    assert_eq!(pace(60_000), 12.0);
}

#[test]
fn after_a_pause_only_a_moments_worth_goes_at_once() {
    let mut office = Office::new(300, &[Class::Live]);
    office.run(600_000..600_001);
    assert!(office.given[0] <= 30, "{:?}", office.given);
    office.run(600_001..610_000);
    assert!(office.given[0] <= 3_300, "{:?}", office.given);
}

#[test]
fn without_a_quota_nobody_waits() {
    let now = Instant::now();
    let mut gates = Gates::default();
    let seat = gates.seat("arn:aws:sns:eu-west-2:111122223333:a", TopicKind::Standard, Quota::NONE, now);
    seat.slow(now, now);
    assert_eq!(seat.pace(now), None);
    for _ in 0..1_000 {
        assert_eq!(seat.ask(Class::Bulk, now), Turn::Now);
    }
}

#[test]
fn accounts_and_kinds_have_their_own() {
    let now = Instant::now();
    let quota = Quota { standard: Some(100), fifo: Some(100) };
    let mut gates = Gates::default();
    let mut seat =
        |account: &str, kind| gates.seat(&format!("arn:aws:sns:eu-west-2:{account}:a"), kind, quota, now);
    let seats = [
        seat("111122223333", TopicKind::Standard),
        seat("111122223333", TopicKind::Standard),
        seat("111122223333", TopicKind::Fifo),
        seat("444455556666", TopicKind::Standard),
    ];
    let turns = seats.each_ref().map(|seat| seat.ask(Class::Live, now) == Turn::Now);
    assert_eq!(turns, [true, false, true, true]);
}

/// SNS's own bucket, of one second's worth, that another publisher uses too.
struct Sns {
    quota: f64,
    others: f64,
    tokens: f64,
}

impl Sns {
    fn pass_a_millisecond(&mut self) {
        self.tokens = (self.tokens + (self.quota - self.others) / 1_000.0).min(self.quota);
    }

    fn takes(&mut self, messages: f64) -> bool {
        let enough = self.tokens >= messages;
        if enough {
            self.tokens -= messages;
        }
        enough
    }
}

#[test]
fn beside_others_who_use_the_quota_most_of_what_they_leave_is_used_and_little_is_throttled() {
    const LATENCY: u64 = 20;
    for others in [100.0, 150.0, 250.0] {
        let start = Instant::now();
        let seat = Gate::new(Some(300), start).seat();
        let mut sns = Sns { quota: 300.0, others, tokens: 300.0 };
        let mut in_flight: VecDeque<(u64, bool)> = VecDeque::new();
        let (mut again, mut taken, mut throttled) = (start, 0.0, 0.0);
        for milli in 0..600_000 {
            sns.pass_a_millisecond();
            let now = at(start, milli);
            while in_flight.front().is_some_and(|(sent, _)| sent + LATENCY <= milli) {
                if let Some((sent, false)) = in_flight.pop_front() {
                    seat.slow(at(start, sent), now);
                }
            }
            while again <= now && in_flight.len() < 8 {
                match seat.ask(Class::Live, now) {
                    Turn::Now => {
                        let well = sns.takes(10.0);
                        *(if well { &mut taken } else { &mut throttled }) += 10.0;
                        in_flight.push_back((milli, well));
                    }
                    Turn::At(then) => again = then,
                }
            }
        }
        let left = (300.0 - others) * 600.0;
        assert!(taken >= 0.75 * left, "{taken} of {left} beside {others}");
        assert!(throttled <= 0.02 * (taken + throttled), "{throttled} beside {taken}, others {others}");
    }
}
