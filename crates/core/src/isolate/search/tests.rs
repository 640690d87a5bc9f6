//! The search against exhaustive search: what it claims is so, and it asks for no more than it says.

use proptest::prelude::*;

use super::*;

/// What each set of parts comes to, by its bits; no parts are good, all are bad.
#[derive(Debug, Clone)]
struct Lattice {
    above: Vec<Option<usize>>,
    verdicts: Vec<Verdict>,
}

fn bits(set: &Parts) -> usize {
    set.iter().map(|part| 1 << part).sum()
}

fn skip() -> Verdict {
    Verdict::Skip("broken".to_owned())
}

impl Lattice {
    fn parts(&self) -> usize {
        self.above.len()
    }

    fn verdict(&self, set: &Parts) -> &Verdict {
        &self.verdicts[bits(set)]
    }

    fn is_bad(&self, set: usize) -> bool {
        self.verdicts[set] == Verdict::Bad
    }

    /// All bad sets that are good or broken without any one of their parts: exhaustive search.
    fn one_minimal(&self) -> Vec<usize> {
        let without =
            |set: usize| (0..self.parts()).filter(move |at| set >> at & 1 == 1).map(move |at| set & !(1 << at));
        (0..self.verdicts.len())
            .filter(|set| self.is_bad(*set) && without(*set).all(|less| !self.is_bad(less)))
            .collect()
    }

    fn search(&self, likely: Parts, extent: Extent) -> (Finding, Vec<Parts>) {
        let mut search = Search::new(self.above.clone(), likely, extent);
        let mut asked = Vec::new();
        loop {
            match search.next() {
                Step::Done(finding) => return (finding, asked),
                Step::Probe(set) => {
                    assert!(!asked.contains(&set), "{set:?} again");
                    assert!(asked.len() < 1 << self.parts().min(12), "there is no end");
                    search.record(set.clone(), self.verdict(&set).clone());
                    asked.push(set);
                }
            }
        }
    }
}

/// Parts below each other: each below an earlier one, or at the top.
fn above() -> impl Strategy<Value = Vec<Option<usize>>> {
    prop::collection::vec(prop::option::weighted(0.4, any::<prop::sample::Index>()), 1..=5).prop_map(|above| {
        above.iter().enumerate().map(|(at, above)| above.filter(|_| at > 0).map(|above| above.index(at))).collect()
    })
}

/// Anything: more parts can make a bad set good, and sets can be broken.
fn any_lattice() -> impl Strategy<Value = Lattice> {
    above().prop_flat_map(|above| {
        let verdict = prop_oneof![3 => Just(Verdict::Good), 3 => Just(Verdict::Bad), 2 => Just(skip())];
        prop::collection::vec(verdict, 1 << above.len()).prop_map(move |mut verdicts| {
            let last = verdicts.len() - 1;
            (verdicts[0], verdicts[last]) = (Verdict::Good, Verdict::Bad);
            Lattice { above: above.clone(), verdicts }
        })
    })
}

/// Bad is what has all of one of some sets, as with inputs that fail alone or only together.
fn monotone_lattice() -> impl Strategy<Value = Lattice> {
    above().prop_flat_map(|above| {
        let sets = prop::collection::vec(1..1_usize << above.len(), 1..=3);
        sets.prop_map(move |sets| {
            let verdict =
                |set: usize| if sets.iter().any(|bad| bad & set == *bad) { Verdict::Bad } else { Verdict::Good };
            Lattice { above: above.clone(), verdicts: (0..1 << above.len()).map(verdict).collect() }
        })
    })
}

fn claims_hold(lattice: &Lattice, finding: &Finding, extent: Extent) {
    let all = (1 << lattice.parts()) - 1;
    let Finding::Sets { sets, without } = finding else {
        let Finding::Needed(part) = finding else { unreachable!("there are two") };
        assert_eq!((extent, &lattice.verdicts[all & !(1 << part)]), (Extent::Enough, &Verdict::Good));
        return;
    };
    let minimal = lattice.one_minimal();
    let mut seen = 0;
    for set in sets {
        let own = bits(&set.parts());
        assert!(minimal.contains(&own), "{set:?} is not one of {minimal:?}");
        assert_eq!(own & seen, 0, "they have a part in common");
        seen |= own;
        for member in &set.members {
            assert_eq!(member.without.as_ref(), Some(&lattice.verdicts[own & !(1 << member.part)]));
        }
    }
    if let Some(without) = without {
        let culprits: Vec<usize> = sets[0].culprits().collect();
        assert_eq!(culprits.len(), 1);
        assert_eq!(without, &lattice.verdicts[all & !(1 << culprits[0])]);
    }
    match extent {
        Extent::All => assert!(!lattice.is_bad(all & !seen), "what is left is bad by itself"),
        Extent::Enough | Extent::One => assert_eq!(sets.len(), 1),
    }
}

fn extents() -> impl Strategy<Value = Extent> {
    prop_oneof![Just(Extent::Enough), Just(Extent::One), Just(Extent::All)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_found_is_one_of_what_exhaustive_search_finds(lattice in any_lattice(), likely in any::<u8>(), extent in extents()) {
        let likely = (0..lattice.parts()).filter(|at| likely >> at & 1 == 1).collect();
        let (finding, _) = lattice.search(likely, extent);
        claims_hold(&lattice, &finding, extent);
    }

    #[test]
    fn where_more_never_helps_few_probes_are_enough(lattice in monotone_lattice(), likely in any::<u8>(), extent in extents()) {
        let likely = (0..lattice.parts()).filter(|at| likely >> at & 1 == 1).collect();
        let (finding, asked) = lattice.search(likely, extent);
        claims_hold(&lattice, &finding, extent);
        if let (Finding::Sets { sets, .. }, true) = (&finding, extent <= Extent::One) {
            let most = most_probes(lattice.parts(), sets[0].members.len());
            prop_assert!(asked.len() <= most, "{} probes, and not {most}: {asked:?}", asked.len());
        }
    }

    #[test]
    fn the_order_in_which_verdicts_come_does_not_matter(lattice in any_lattice(), order in any::<prop::sample::Selector>()) {
        let (finding, mut asked) = lattice.search(Parts::new(), Extent::All);
        let mut search = Search::new(lattice.above.clone(), Parts::new(), Extent::All);
        while !asked.is_empty() {
            let next = order.select(&asked).clone();
            asked.retain(|set| *set != next);
            search.record(next.clone(), lattice.verdict(&next).clone());
        }
        prop_assert_eq!(search.next(), Step::Done(finding));
    }
}

/// Asks for parts of a wide lock, of which some sets are bad, and returns what was found and how many probes it took.
fn wide(parts: usize, sets: &[&[usize]], likely: &[usize], extent: Extent) -> (Finding, usize) {
    let mut search = Search::new(vec![None; parts], likely.iter().copied().collect(), extent);
    let mut count = 0;
    loop {
        match search.next() {
            Step::Done(finding) => return (finding, count),
            Step::Probe(set) => {
                let bad = sets.iter().any(|bad| bad.iter().all(|part| set.contains(part)));
                search.record(set, if bad { Verdict::Bad } else { Verdict::Good });
                count += 1;
            }
        }
    }
}

fn members(finding: &Finding) -> Vec<Vec<usize>> {
    match finding {
        Finding::Needed(part) => vec![vec![*part]],
        Finding::Sets { sets, .. } => sets.iter().map(|set| set.parts().into_iter().collect()).collect(),
    }
}

#[test]
fn the_usual_cases_take_few_probes() {
    // One change: nothing to ask.
    assert_eq!(wide(1, &[&[0]], &[], Extent::One).1, 0);
    // A hint that is right: one probe is enough to go on, and one more proves that nothing else matters.
    assert_eq!(wide(9, &[&[6]], &[6], Extent::Enough), (Finding::Needed(6), 1));
    assert_eq!(wide(9, &[&[6]], &[6], Extent::One).1, 2);
    // The first of the suspected.
    assert_eq!(wide(3, &[&[0]], &[], Extent::One).1, 2);
    for (parts, part, most) in [(2, 1, 2), (3, 2, 3), (9, 6, 6), (400, 399, 11)] {
        let (finding, count) = wide(parts, &[&[part]], &[], Extent::One);
        assert_eq!(members(&finding), [[part]]);
        assert!(count <= most, "{count} probes for one of {parts}");
        assert!(most <= most_probes(parts, 1));
    }
    let (finding, count) = wide(400, &[&[17, 300]], &[], Extent::One);
    assert_eq!(members(&finding), [[17, 300]]);
    assert!(count <= most_probes(400, 2), "{count}");
    let (finding, _) = wide(12, &[&[3], &[5, 7], &[7, 9]], &[], Extent::All);
    assert!(members(&finding).len() == 2 && members(&finding).contains(&vec![3]), "{finding:?}");
}

#[test]
fn a_part_that_only_makes_another_one_evaluate_is_no_culprit() {
    // 0 is bad, but breaks without 1 or 2.
    let verdict = |set: &Parts| match (set.contains(&0), set.contains(&1) || set.contains(&2)) {
        (true, true) => Verdict::Bad,
        (true, false) => skip(),
        (false, _) => Verdict::Good,
    };
    let mut search = Search::new(vec![None; 4], Parts::new(), Extent::One);
    let (sets, without) = loop {
        match search.next() {
            Step::Probe(set) => search.record(set.clone(), verdict(&set)),
            Step::Done(Finding::Sets { sets, without }) => break (sets, without),
            Step::Done(Finding::Needed(_)) => unreachable!("nothing was likely"),
        }
    };
    assert_eq!(sets[0].culprits().collect::<Vec<_>>(), [0]);
    assert_eq!((sets[0].members.len(), without), (2, Some(Verdict::Good)));
}

#[test]
fn where_nothing_can_be_told_it_ends_and_says_so() {
    let mut search = Search::new(vec![None; 300], Parts::new(), Extent::All);
    let mut count = 0;
    let finding = loop {
        match search.next() {
            Step::Probe(set) => search.record(set, skip()),
            Step::Done(finding) => break finding,
        }
        count += 1;
    };
    assert_eq!(count, most_skips(300));
    let Finding::Sets { sets, .. } = finding else { panic!("{finding:?}") };
    assert!(!sets[0].is_proven() && sets[0].members.len() == 300);
}
