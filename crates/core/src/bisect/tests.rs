//! The search against a slow and obvious model, over random histories.

use std::fmt;

use proptest::prelude::*;

use super::*;
use crate::ids::CommitId;
use crate::outcome::Verdict;

/// The commit of this number; the hash scatters, so that no order of ids agrees with the history.
pub(super) fn commit(number: u32) -> CommitId {
    format!("{:08x}{number:032x}", number.wrapping_mul(0x9e37_79b9)).parse().unwrap()
}

fn number(id: &CommitId) -> usize {
    usize::from_str_radix(&id.as_str()[8..], 16).unwrap()
}

pub(super) fn graph_of(commits: &[(u32, Vec<u32>)]) -> Graph {
    let named = commits.iter().map(|(id, parents)| (commit(*id), parents.iter().map(|&p| commit(p)).collect()));
    Graph::new(named).unwrap()
}

/// The model: parents by number, and who is an ancestor of whom by plain closure.
#[derive(Clone)]
struct Model {
    parents: Vec<Vec<u32>>,
    /// `reach[a][b]`: a is b or an ancestor of b.
    reach: Vec<Vec<bool>>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.parents)
    }
}

impl Model {
    fn new(parents: Vec<Vec<u32>>) -> Self {
        let count = parents.len();
        let mut reach = vec![vec![false; count]; count];
        for b in 0..count {
            reach[b][b] = true;
            for &parent in &parents[b] {
                for row in &mut reach {
                    row[b] = row[b] || row[parent as usize];
                }
            }
        }
        Self { parents, reach }
    }

    fn linear(count: u32) -> Self {
        Self::new((0..count).map(|n| n.checked_sub(1).into_iter().collect()).collect())
    }

    fn tip(&self) -> usize {
        self.parents.len() - 1
    }

    /// Whom the search can find: the tip's history without the root.
    fn range(&self) -> Vec<usize> {
        (1..self.parents.len()).filter(|&n| self.reach[n][self.tip()]).collect()
    }

    fn search(&self, settings: Settings) -> Search {
        let mut listed: Vec<_> = (0..).zip(self.parents.iter().cloned()).collect();
        listed.reverse();
        let (old, new) = (vec![commit(0)], commit(u32::try_from(self.tip()).unwrap()));
        Search::new(graph_of(&listed), Ends { old, new }, settings).unwrap()
    }

    /// All commits that can have made the change, given verdicts on monotone history.
    fn possible(&self, verdicts: &[(usize, Verdict)]) -> Vec<usize> {
        let fits = |c: usize| {
            verdicts.iter().all(|(at, verdict)| match verdict {
                Verdict::Good => !self.reach[c][*at],
                Verdict::Bad => self.reach[c][*at],
                Verdict::Skip(_) => true,
            })
        };
        self.range().into_iter().filter(|&c| fits(c)).collect()
    }

    fn monotone(&self, culprit: usize) -> impl Fn(usize) -> Verdict {
        move |at| if self.reach[culprit][at] { Verdict::Bad } else { Verdict::Good }
    }

    /// The bound of docs/search.md on the probes without skips.
    fn bound(&self) -> usize {
        let most = self.parents.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let (mut left, mut steps) = (self.range().len(), 0);
        while left > 1 {
            left = ((left * most * most + most + 1) / (most * (most + 1))).min(left - 1);
            steps += 1;
        }
        steps
    }
}

/// Runs a search to its end; every probe is asked for once.
fn run(search: &mut Search, judge: impl Fn(usize) -> Verdict) -> (Finding, Vec<(usize, Verdict)>) {
    let mut asked = Vec::new();
    loop {
        match search.next() {
            Step::Done(finding) => {
                assert_eq!(search.remaining().steps, 0);
                return (finding, asked);
            }
            Step::Probe(id) => {
                let at = number(&id);
                assert!(asked.iter().all(|(other, _)| *other != at), "{at} is asked for twice");
                assert!(search.remaining().steps > 0);
                let verdict = judge(at);
                search.record(&id, &verdict).unwrap();
                asked.push((at, verdict));
            }
        }
    }
}

fn found(finding: &Finding) -> Vec<usize> {
    let mut found = match &finding.culprit {
        Culprit::Commit { commit, .. } => vec![number(commit)],
        Culprit::OneOf { commits, .. } => commits.iter().map(number).collect(),
    };
    found.sort_unstable();
    found
}

/// Histories with one root and one tip: straight runs, side branches, merges of up to four parents.
fn history() -> impl Strategy<Value = Model> {
    let commit = (1..=10usize, prop::collection::vec(1..=12usize, 4));
    prop::collection::vec(commit, 2..60).prop_map(|shape| {
        let mut parents = vec![vec![]];
        for (nth, (kind, steps)) in shape.iter().enumerate() {
            let count = match kind {
                1..=6 => 1,
                7..=8 => 2,
                9 => 3,
                _ => 4,
            };
            let mut chosen: Vec<u32> = Vec::new();
            for step in &steps[..count] {
                let parent = u32::try_from((nth + 1).saturating_sub(*step)).unwrap();
                if !chosen.contains(&parent) {
                    chosen.push(parent);
                }
            }
            parents.push(chosen);
        }
        Model::new(parents)
    })
}

fn settings(mode: Mode, skips: SkipPolicy) -> Settings {
    Settings { mode, skips, ..Settings::default() }
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Full), Just(Mode::FirstParent)]
}

fn log2_up(count: usize) -> usize {
    count.next_power_of_two().ilog2() as usize
}

fn id(number: usize) -> CommitId {
    commit(u32::try_from(number).unwrap())
}

fn any_reasons() -> impl Strategy<Value = Vec<Reason>> {
    prop::sample::subsequence(vec![Reason::Evaluated, Reason::Failure, Reason::Line], 1..=3)
}

proptest! {
    #[test]
    fn the_first_bad_commit_is_found_within_the_bound(model in history(), pick: prop::sample::Index, mode in any_mode()) {
        let culprit = *pick.get(&model.range());
        let mut search = model.search(settings(mode, SkipPolicy::Regions));
        let (finding, asked) = run(&mut search, model.monotone(culprit));
        prop_assert_eq!(&finding.contradictions, &[]);
        let Culprit::Commit { commit: ref first, ref parents, ref arrived_by } = finding.culprit else { panic!("{finding:?}") };
        prop_assert_eq!(number(first), culprit);
        let named: Vec<_> = parents.iter().map(|parent| number(&parent.commit)).collect();
        let expected: Vec<_> = model.parents[culprit].iter().map(|&parent| parent as usize).collect();
        prop_assert_eq!(named, expected);
        for parent in parents {
            match &parent.basis {
                Basis::Seen => prop_assert!(number(&parent.commit) == 0 || asked.contains(&(number(&parent.commit), Verdict::Good))),
                Basis::AncestorOf(by) => prop_assert!(model.reach[number(&parent.commit)][number(by)]),
                Basis::OutsideRange => prop_assert!(false, "the whole history was given"),
            }
        }
        // The chain of first parents, oldest first: the first one that has the culprit brought it in.
        let mut chain: Vec<_> = std::iter::successors(Some(model.tip()), |&at| model.parents[at].first().map(|&p| p as usize)).collect();
        chain.reverse();
        prop_assert_eq!(arrived_by.as_ref().map(number), chain.into_iter().find(|&at| model.reach[culprit][at]));
        if mode == Mode::Full {
            prop_assert!(asked.len() <= model.bound(), "{} probes, bound {}", asked.len(), model.bound());
        }
    }

    #[test]
    fn a_linear_history_needs_the_logarithm_of_its_length(count in 2..400u32, pick: prop::sample::Index, mode in any_mode()) {
        let model = Model::linear(count);
        let culprit = *pick.get(&model.range());
        let (finding, asked) = run(&mut model.search(settings(mode, SkipPolicy::Regions)), model.monotone(culprit));
        prop_assert_eq!(found(&finding), vec![culprit]);
        prop_assert!(asked.len() <= log2_up(model.range().len()));
    }

    #[test]
    fn with_skips_the_result_is_all_that_no_probe_can_tell_apart(
        model in history(),
        pick: prop::sample::Index,
        mode in any_mode(),
        skipped in prop::collection::vec(prop::bool::weighted(0.4), 60),
    ) {
        let culprit = *pick.get(&model.range());
        let truth = model.monotone(culprit);
        let tip = model.tip();
        let judge = |at: usize| if skipped[at] && at != tip { Verdict::Skip("broken".to_owned()) } else { truth(at) };
        let (finding, _) = run(&mut model.search(settings(mode, SkipPolicy::Exhaustive)), judge);
        let all: Vec<_> = model.range().into_iter().map(|at| (at, judge(at))).collect();
        prop_assert_eq!(found(&finding), model.possible(&all));
        if let Culprit::OneOf { skipped, untested, .. } = &finding.culprit {
            prop_assert!(untested.is_empty());
            prop_assert!(!skipped.is_empty());
        }

        // Regions of one reason: fewer probes, and a result that is right for those that were made.
        let (finding, asked) = run(&mut model.search(settings(mode, SkipPolicy::Regions)), judge);
        prop_assert!(found(&finding).contains(&culprit));
        prop_assert_eq!(found(&finding), model.possible(&asked));
    }

    #[test]
    fn wrong_hints_cost_at_most_three_probes(
        count in 2..300u32,
        pick: prop::sample::Index,
        mut exponents in prop::collection::vec(-300..300i32, 300),
        sorted in any::<bool>(),
        reasons in any_reasons(),
    ) {
        if sorted {
            // The worst for a search that believes it: a line on which each commit outweighs all before.
            exponents.sort_unstable();
        }
        let model = Model::linear(count);
        let culprit = *pick.get(&model.range());
        let mut search = model.search(Settings::default());
        let weigh = |reason| Hint::new(reason, model.range().into_iter().map(|at| (id(at), 2f64.powi(exponents[at]))));
        search.set_hints(&reasons.into_iter().map(weigh).collect::<Vec<_>>());
        let (finding, asked) = run(&mut search, model.monotone(culprit));
        prop_assert_eq!(found(&finding), vec![culprit]);
        prop_assert!(asked.len() <= log2_up(model.range().len()) + 3, "{} probes", asked.len());
    }

    #[test]
    fn ever_new_wrong_hints_cost_at_most_three_probes(
        count in 2..300u32,
        pick: prop::sample::Index,
        lies in prop::collection::vec(prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 1..4), 20),
        reasons in any_reasons(),
    ) {
        let model = Model::linear(count);
        let culprit = *pick.get(&model.range());
        let judge = model.monotone(culprit);
        let mut search = model.search(Settings::default());
        let mut asked = 0;
        for lie in lies {
            // The worst are the neighbours of the ends and of the culprit, and what is not the culprit at all.
            let suspects: Vec<usize> = search.suspects().map(number).collect();
            let at = suspects.iter().position(|at| *at == culprit).unwrap();
            let liked = lie.iter().map(|(kind, pick)| suspects[match kind {
                0 => 0,
                1 => suspects.len() - 1,
                2 => at.saturating_sub(1),
                _ => pick.index(suspects.len()),
            }]);
            let liked: Vec<_> = liked.filter(|at| *at != culprit).map(id).collect();
            let hint = |reason| Hint::all(reason, liked.clone());
            search.set_hints(&reasons.iter().copied().map(hint).collect::<Vec<_>>());
            let Step::Probe(next) = search.next() else { break };
            asked += 1;
            search.record(&next, &judge(number(&next))).unwrap();
        }
        prop_assert_eq!(found(&run(&mut search, judge).0), vec![culprit]);
        prop_assert!(asked <= log2_up(model.range().len()) + 3, "{} probes", asked);
    }

    #[test]
    fn among_few_likely_commits_a_right_hint_needs_few_probes(
        count in 2..300u32,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        reason in prop::sample::select(vec![Reason::Evaluated, Reason::Failure, Reason::Line]),
    ) {
        let model = Model::linear(count);
        let likely: std::collections::BTreeSet<usize> = picks.iter().map(|pick| *pick.get(&model.range())).collect();
        let mut search = model.search(Settings::default());
        search.set_hints(&[Hint::all(reason, likely.iter().copied().map(id))]);
        for &culprit in &likely {
            let (finding, asked) = run(&mut search.clone(), model.monotone(culprit));
            prop_assert_eq!(found(&finding), vec![culprit]);
            prop_assert!(asked.len() <= log2_up(likely.len()) + 3, "{} probes for {} commits", asked.len(), likely.len());
        }
    }

    #[test]
    fn where_one_commit_weighs_most_and_rightly_so_it_and_its_parents_are_all_that_is_probed(
        model in history(),
        pick: prop::sample::Index,
        others in prop::collection::vec(0.0..1.0f64, 60),
    ) {
        let culprit = *pick.get(&model.range());
        let mut search = model.search(Settings::default());
        let all = Hint::new(Reason::Failure, model.range().into_iter().map(|at| (id(at), others[at])));
        search.set_hints(&[Hint::all(Reason::Line, [id(culprit)]), all]);
        let (finding, asked) = run(&mut search, model.monotone(culprit));
        prop_assert_eq!(found(&finding), vec![culprit]);
        let is_it_or_parent = |at: usize| at == culprit || model.parents[culprit].iter().any(|&up| up as usize == at);
        prop_assert!(asked.iter().all(|(at, _)| is_it_or_parent(*at)), "{:?}", asked);
    }

    #[test]
    fn a_hint_never_changes_the_result(
        model in history(),
        pick: prop::sample::Index,
        mode in any_mode(),
        weights in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), Just(1e300)], 60),
        reasons in any_reasons(),
    ) {
        let culprit = *pick.get(&model.range());
        let mut search = model.search(settings(mode, SkipPolicy::Regions));
        let weigh = |reason| Hint::new(reason, model.range().into_iter().map(|at| (id(at), weights[at])));
        search.set_hints(&reasons.into_iter().map(weigh).collect::<Vec<_>>());
        prop_assert_eq!(found(&run(&mut search, model.monotone(culprit)).0), vec![culprit]);
    }

    #[test]
    fn whatever_the_verdicts_the_culprit_is_bad_and_its_parents_are_good(
        model in history(),
        mode in any_mode(),
        bad in prop::collection::vec(any::<bool>(), 60),
    ) {
        let tip = model.tip();
        let judge = |at: usize| if at == tip || bad[at] { Verdict::Bad } else { Verdict::Good };
        let (finding, asked) = run(&mut model.search(settings(mode, SkipPolicy::Regions)), judge);
        let Culprit::Commit { commit, parents, .. } = finding.culprit else { panic!("nothing was skipped") };
        prop_assert_eq!(judge(number(&commit)), Verdict::Bad);
        for parent in parents {
            let at = number(&parent.commit);
            let later_good = asked.iter().any(|(good, verdict)| *verdict == Verdict::Good && model.reach[at][*good]);
            prop_assert!(at == 0 || later_good);
        }
    }

    #[test]
    fn bugs_that_came_twice_still_end_in_a_commit_whose_parents_are_good(
        model in history(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2..4),
        unasked in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let culprits: Vec<_> = picks.iter().map(|pick| *pick.get(&model.range())).collect();
        let bad = |at: usize| culprits.iter().any(|&c| model.reach[c][at]);
        let judge = |at: usize| if bad(at) { Verdict::Bad } else { Verdict::Good };
        let mut search = model.search(Settings::default());
        for pick in unasked {
            let at = *pick.get(&model.range());
            search.record(&commit(u32::try_from(at).unwrap()), &judge(at)).unwrap();
        }
        loop {
            match search.next() {
                Step::Probe(id) => {
                    search.record(&id, &judge(number(&id))).unwrap();
                }
                Step::Done(finding) => {
                    let Culprit::Commit { commit, .. } = finding.culprit else { panic!("nothing was skipped") };
                    prop_assert!(bad(number(&commit)));
                    prop_assert!(model.parents[number(&commit)].iter().all(|&parent| !bad(parent as usize)));
                    break;
                }
            }
        }
    }

    #[test]
    fn verdicts_may_come_in_any_order_and_unasked(
        model in history(),
        pick: prop::sample::Index,
        mode in any_mode(),
        early in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        skipped in prop::collection::vec(prop::bool::weighted(0.2), 60),
        seed in any::<u64>(),
    ) {
        let culprit = *pick.get(&model.range());
        let truth = model.monotone(culprit);
        let judge = |at: usize| if skipped[at] && at != model.tip() { Verdict::Skip("broken".to_owned()) } else { truth(at) };
        let mut search = model.search(settings(mode, SkipPolicy::Regions));
        let early: Vec<_> = early.iter().map(|pick| *pick.get(&model.range())).collect();
        for &at in &early {
            search.record(&commit(u32::try_from(at).unwrap()), &judge(at)).unwrap();
        }
        let mut asked = Vec::new();
        let finding = loop {
            match search.next() {
                Step::Done(finding) => break finding,
                Step::Probe(id) => {
                    prop_assert!(!early.contains(&number(&id)), "asked for what was known");
                    asked.push(id.clone());
                    search.record(&id, &judge(number(&id))).unwrap();
                }
            }
        };
        prop_assert!(found(&finding).contains(&culprit));
        prop_assert_eq!(&finding.contradictions, &[]);

        let mut again: Vec<_> = search.recorded().map(|(id, verdict)| (id.clone(), verdict.clone())).collect();
        let turn = usize::try_from(seed % again.len().max(1) as u64).unwrap();
        again.rotate_left(turn);
        let mut replayed = model.search(settings(mode, SkipPolicy::Regions));
        for (id, verdict) in &again {
            replayed.record(id, verdict).unwrap();
        }
        prop_assert_eq!(replayed.next(), Step::Done(finding));
    }

    #[test]
    fn speculation_names_the_next_step_and_the_one_after_either_verdict(model in history(), pick: prop::sample::Index) {
        let culprit = *pick.get(&model.range());
        let truth = model.monotone(culprit);
        let mut search = model.search(Settings::default());
        while let Step::Probe(id) = search.next() {
            let candidates = search.candidates(usize::MAX);
            prop_assert_eq!(&candidates[0], &id);
            prop_assert!(candidates.starts_with(&search.candidates(3)));
            search.record(&id, &truth(number(&id))).unwrap();
            if let Step::Probe(next) = search.next() {
                prop_assert!(candidates.contains(&next));
            }
        }
        prop_assert_eq!(search.candidates(3), Vec::<CommitId>::new());
    }

    #[test]
    fn the_fix_is_found_with_the_verdicts_turned(model in history(), pick: prop::sample::Index) {
        let culprit = *pick.get(&model.range());
        let mut search = model.search(Settings { goal: Goal::FirstGood, ..Settings::default() });
        let judge = |at: usize| if model.reach[culprit][at] { Verdict::Good } else { Verdict::Bad };
        let (finding, _) = run(&mut search, judge);
        prop_assert_eq!(found(&finding), vec![culprit]);
        prop_assert_eq!(finding.goal, Goal::FirstGood);
    }
}

#[test]
fn a_region_that_cannot_be_probed_is_not_probed_commit_by_commit() {
    let model = Model::linear(2001);
    for (region, culprit) in
        [(700..1300, 1000), (700..1300, 300), (700..1300, 1700), (10..1900, 900), (990..1010, 1000)]
    {
        let truth = model.monotone(culprit);
        let judge =
            |at: usize| if region.contains(&at) { Verdict::Skip("no such attribute".to_owned()) } else { truth(at) };
        let (finding, asked) = run(&mut model.search(Settings::default()), judge);
        let expected: Vec<_> =
            if region.contains(&culprit) { (region.start..=region.end).collect() } else { vec![culprit] };
        assert_eq!(found(&finding), expected);
        assert!(asked.len() <= 30, "{} probes for {region:?}, {culprit}", asked.len());
    }
}

#[test]
fn single_commits_that_cannot_be_probed_cost_little() {
    let model = Model::linear(2001);
    let mut total = 0;
    for culprit in (1..2001).step_by(37) {
        let truth = model.monotone(culprit);
        let judge = |at: usize| if at % 7 == 3 { Verdict::Skip(format!("reason {at}")) } else { truth(at) };
        let (finding, asked) = run(&mut model.search(Settings::default()), judge);
        assert!(found(&finding).contains(&culprit));
        total += asked.len();
    }
    assert!(total / 55 <= 18, "{} probes on average", total / 55);
}

#[test]
fn a_merge_of_good_sides_is_the_culprit_itself() {
    // 0 - 1 - 3, 0 - 2 - 3, 3 - 4
    let model = Model::new(vec![vec![], vec![0], vec![0], vec![1, 2], vec![3]]);
    for mode in [Mode::Full, Mode::FirstParent] {
        let (finding, _) = run(&mut model.search(settings(mode, SkipPolicy::Regions)), model.monotone(3));
        let Culprit::Commit { commit: found, parents, arrived_by } = finding.culprit else { panic!() };
        assert_eq!(found, commit(3));
        assert_eq!(parents.len(), 2);
        assert_eq!(arrived_by, Some(commit(3)));
    }
}

#[test]
fn first_parent_asks_for_the_chain_before_the_side_branch() {
    // The chain 0 1 2 … 20; a side branch 21 … 120 from 5, merged by 15.
    let mut parents: Vec<Vec<u32>> = (0..21u32).map(|n| n.checked_sub(1).into_iter().collect()).collect();
    parents.extend((21..121u32).map(|n| vec![if n == 21 { 5 } else { n - 1 }]));
    parents[15].push(120);
    let listed: Vec<_> = (0..).zip(parents.clone()).collect();
    for culprit in 1..121usize {
        let ends = Ends { old: vec![commit(0)], new: commit(20) };
        let mut search =
            Search::new(graph_of(&listed), ends, settings(Mode::FirstParent, SkipPolicy::Regions)).unwrap();
        let bad = |at: usize| match culprit {
            0..=5 => at >= culprit,
            6..=20 => (culprit..=20).contains(&at),
            _ => (15..=20).contains(&at) || at >= culprit,
        };
        let (finding, asked) = run(&mut search, |at| if bad(at) { Verdict::Bad } else { Verdict::Good });
        let aside = asked.iter().filter(|(at, _)| *at > 20).count();
        assert!(asked[..asked.len() - aside].iter().all(|(at, _)| *at <= 20), "{asked:?}");
        assert_eq!(
            aside > 0,
            culprit >= 15 && bad(15) && !bad(14),
            "only the culprit merge is worth a descent: {asked:?}"
        );
        let Culprit::Commit { commit: found, arrived_by, .. } = finding.culprit else { panic!() };
        let merge = if culprit > 20 { 15 } else { u32::try_from(culprit).unwrap() };
        assert_eq!((number(&found), arrived_by), (culprit, Some(commit(merge))));
    }
}

#[test]
fn verdicts_that_do_not_fit_are_reported() {
    let model = Model::linear(101);
    let mut search = model.search(Settings::default());
    assert_eq!(search.record(&commit(40), &Verdict::Bad), Ok(Effect::Narrowed { suspects: 40 }));
    assert_eq!(search.record(&commit(60), &Verdict::Bad), Ok(Effect::NoNews));
    assert_eq!(search.record(&commit(80), &Verdict::Good), Ok(Effect::Contradicts));
    assert_eq!(search.record(&commit(999), &Verdict::Good), Err(UnknownCommit(commit(999))));
    assert_eq!(search.record(&commit(90), &Verdict::Skip("x".to_owned())), Ok(Effect::Skipped));
    assert_eq!(search.record(&commit(90), &Verdict::Good), Ok(Effect::Narrowed { suspects: 10 }));
    assert_eq!(search.record(&commit(90), &Verdict::Skip("x".to_owned())), Ok(Effect::NoNews));
    assert_eq!(search.record(&commit(95), &Verdict::Bad), Ok(Effect::Narrowed { suspects: 5 }));
    assert_eq!(search.record(&commit(95), &Verdict::Good), Ok(Effect::Contradicts));
    assert_eq!(search.record(&commit(100), &Verdict::Good), Ok(Effect::Contradicts), "the ends stand");
    let (finding, _) = run(&mut search, model.monotone(97));
    assert_eq!(found(&finding), vec![97]);
    let reverted =
        |changed, unchanged| Contradiction::Reverted { changed: commit(changed), unchanged: commit(unchanged) };
    assert_eq!(finding.contradictions.len(), 4);
    assert!(finding.contradictions.contains(&reverted(40, 80)), "{:?}", finding.contradictions);
    assert!(finding.contradictions.contains(&reverted(60, 80)));
    assert!(finding.contradictions.contains(&Contradiction::Unstable { commit: commit(95) }));
    assert!(finding.contradictions.contains(&Contradiction::Unstable { commit: commit(100) }));
}

#[test]
fn a_finding_survives_json() {
    let model = Model::linear(10);
    let judge = |at: usize| if (3..6).contains(&at) { Verdict::Skip("x".to_owned()) } else { model.monotone(4)(at) };
    for judge in [&judge as &dyn Fn(usize) -> Verdict, &model.monotone(4)] {
        let (finding, _) = run(&mut model.search(Settings::default()), judge);
        let text = serde_json::to_string(&finding).unwrap();
        assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
    }
}
