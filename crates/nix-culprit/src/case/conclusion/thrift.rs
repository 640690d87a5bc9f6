//! What the probes between the ends may use: enough to tell the ends apart, where that is less than the whole budget.

use std::time::Duration;

use nix_culprit_core::outcome::{Class, Criterion};
use nix_culprit_core::quantity::Bytes;

use super::Draft;

impl Draft {
    /// Returns what the probes between the ends may use of memory, and the heap that they begin with: enough to tell a
    /// runaway from the good end, where bad means out of memory.
    #[must_use]
    pub fn thrift(&self, chosen: Option<Bytes>, full: Bytes, criterion: Option<&Criterion>) -> (Bytes, Option<Bytes>) {
        let runaway = match criterion {
            Some(Criterion::SameSignature(signature)) => signature.class == Class::OutOfMemory,
            Some(Criterion::Class(class)) => *class == Class::OutOfMemory,
            Some(Criterion::AnyFailure | Criterion::Message(_) | Criterion::Growth(_) | Criterion::Script) | None => {
                false
            }
        };
        let needed = self.report.good.as_ref().filter(|_| runaway).map(|good| good.observation.peak);
        let memory = match (needed, chosen) {
            (_, Some(chosen)) => chosen.min(full),
            (Some(needed), None) => enough_memory(needed, full).unwrap_or(full),
            (None, None) => full,
        };
        (memory, needed.filter(|_| memory < full).and_then(|needed| heap_between(needed, memory)))
    }

    /// Returns what the probes between the ends may use of time, where that is less than the whole budget.
    ///
    /// Five times what the good end needed, and at least 30 seconds more, where that is clearly less than the whole and
    /// bad means out of time. For any other criterion a shorter time could only hide the end that is looked for.
    #[must_use]
    pub fn patience(
        &self,
        chosen: Option<Duration>,
        whole: Duration,
        criterion: Option<&Criterion>,
    ) -> Option<Duration> {
        let hangs = match criterion {
            Some(Criterion::SameSignature(signature)) => signature.class == Class::TimeOut,
            Some(Criterion::Class(class)) => *class == Class::TimeOut,
            _ => false,
        };
        match (&self.report.good, chosen) {
            (_, Some(chosen)) => Some(chosen).filter(|chosen| *chosen < whole),
            (Some(good), None) if hangs => enough_time(good.observation.wall, whole),
            (Some(_) | None, None) => None,
        }
    }
}

/// Returns the memory in which what needs about so much of it has room, if it is clearly less than the whole.
///
/// Half more than what the good end needed, and 128 MiB for what is small: what good commits need changes by little from
/// one end of a range to the other. Where one needs more, the search goes astray, its culprit does not run out of the
/// whole budget, and the search is made again with that. A larger margin costs each runaway the time to use it up.
fn enough_memory(needed: Bytes, whole: Bytes) -> Option<Bytes> {
    const MORE: Bytes = Bytes(128 << 20);
    let enough = Bytes(needed.percent(150).0.saturating_add(MORE.0));
    (enough <= whole.percent(80)).then_some(enough)
}

/// Returns the middle between what the good end needed and what a probe may use.
///
/// Half of a runaway's time is the garbage collector, which is called again and again in vain. With a heap that begins
/// in the middle it is called once or twice before the budget is used up; and a good commit, whose live values fill no more than
/// three fourths of it, does not make it grow any further, so that it stays within the budget.
fn heap_between(needed: Bytes, memory: Bytes) -> Option<Bytes> {
    (needed < memory).then(|| Bytes(needed.0.midpoint(memory.0)))
}

/// Returns a time in which what needs so much of it plainly ends, if it is clearly less than the whole.
fn enough_time(needed: Duration, whole: Duration) -> Option<Duration> {
    const MORE: Duration = Duration::from_secs(30);
    let enough = needed.saturating_mul(5).max(needed.saturating_add(MORE));
    (enough <= whole.mul_f64(0.8)).then_some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_memory_has_a_margin_and_is_less_than_the_whole() {
        let mib = |mib: u64| Bytes(mib << 20);
        for (needed, whole, enough) in [
            (0, 1024, Some(128)),
            (344, 1024, Some(644)),
            (460, 1024, Some(818)),
            (462, 1024, None),
            (40, 256, Some(188)),
            (60, 256, None),
            (8000, 16384, Some(12128)),
        ] {
            assert_eq!(enough_memory(mib(needed), mib(whole)), enough.map(mib), "{needed} of {whole}");
        }
        assert_eq!(enough_memory(Bytes(u64::MAX), Bytes(u64::MAX)), None);
    }

    #[test]
    fn the_heap_begins_between_what_is_needed_and_what_may_be_used() {
        assert_eq!(heap_between(Bytes(344), Bytes(644)), Some(Bytes(494)));
        assert_eq!(heap_between(Bytes(644), Bytes(644)), None);
    }

    #[test]
    fn enough_time_has_a_margin_and_is_less_than_the_whole() {
        let seconds = Duration::from_secs;
        for (needed, whole, enough) in
            [(1, 600, Some(31)), (60, 600, Some(300)), (96, 600, Some(480)), (97, 600, None), (1, 35, None)]
        {
            assert_eq!(enough_time(seconds(needed), seconds(whole)), enough.map(seconds), "{needed} of {whole}");
        }
    }
}
