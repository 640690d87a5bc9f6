//! How much of the suspects' weight lies in each commit's history.
//!
//! A commit's share is the probability that a probe of it shows the change.

use super::graph::{Graph, to_index};

/// How many (commit, block) pairs are visited at most; the counts are exact up to about 22,000 commits.
const BUDGET: usize = 4_000_000;

/// How many suspects are followed at once: one bit each.
const BLOCK: usize = 64;

/// The parents of some commits as positions among them.
struct Local {
    starts: Vec<u32>,
    parents: Vec<u32>,
}

impl Local {
    fn new(graph: &Graph, members: &[u32]) -> Self {
        let mut place = vec![u32::MAX; graph.len()];
        let mut starts = Vec::with_capacity(members.len() + 1);
        let mut parents = Vec::with_capacity(members.len());
        starts.push(0);
        for (position, &at) in members.iter().enumerate() {
            place[at as usize] = to_index(position);
            parents.extend(graph.parents(at).map(|parent| place[parent as usize]).filter(|&p| p != u32::MAX));
            starts.push(to_index(parents.len()));
        }
        Self { starts, parents }
    }

    fn parents(&self, position: usize) -> &[u32] {
        &self.parents[self.starts[position] as usize..self.starts[position + 1] as usize]
    }
}

/// Sums, for each member, the weights of the members that are its ancestors or itself.
///
/// `members` are ascending indices, and closed in that a path between two members has no other
/// commit on it; `weights` belong to them in order. Above [`BUDGET`], runs of neighbours are counted
/// as one, by their last member: an estimate, which can cost probes but no correctness.
pub(super) fn shares(graph: &Graph, members: &[u32], weights: &[f64]) -> Vec<f64> {
    let count = members.len();
    let stride = (count.saturating_mul(count) / (2 * BLOCK * BUDGET)).saturating_add(1);
    sum_by_runs(graph, members, weights, stride)
}

/// Sums the weights with every run of `stride` neighbours counted as one.
fn sum_by_runs(graph: &Graph, members: &[u32], weights: &[f64], stride: usize) -> Vec<f64> {
    let local = Local::new(graph, members);
    let count = members.len();
    let mut sums = vec![0.0; count];
    let mut masks = vec![0u64; count];
    let mut partial = vec![0.0; count];
    let mut block_start = 0;
    while block_start < count {
        let block_end = count.min(block_start + BLOCK * stride);
        let bits: Vec<f64> = weights[block_start..block_end].chunks(stride).map(|run| run.iter().sum()).collect();
        let total: f64 = bits.iter().sum();
        let full = if bits.len() == BLOCK { u64::MAX } else { (1 << bits.len()) - 1 };
        for position in block_start..count {
            let parents = local.parents(position);
            let mut mask = 0;
            for &parent in parents.iter().filter(|&&parent| parent as usize >= block_start) {
                mask |= masks[parent as usize];
            }
            if position < block_end && ((position - block_start) % stride == stride - 1 || position == block_end - 1) {
                mask |= 1 << ((position - block_start) / stride);
            }
            masks[position] = mask;
            if mask == 0 {
                continue;
            }
            partial[position] = match parents.first() {
                _ if mask == full => total,
                Some(&first) if first as usize >= block_start && masks[first as usize] == mask => {
                    partial[first as usize]
                }
                _ => (0..bits.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| bits[bit]).sum(),
            };
            sums[position] += partial[position];
        }
        block_start = block_end;
    }
    sums
}

/// The commits of `range` that have some but not all of `members` in their history, with the weight of those.
///
/// Both lists hold ascending indices. Gives up, with no commit, when the two are too large for it.
pub(super) fn splitters(graph: &Graph, range: &[u32], members: &[u32], weights: &[f64]) -> Vec<(u32, f64)> {
    if members.len() < 2 || (members.len() / BLOCK + 1).saturating_mul(range.len()) > 8 * BUDGET {
        return Vec::new();
    }
    let local = Local::new(graph, range);
    let mut counts = vec![0; range.len()];
    let mut sums = vec![0.0; range.len()];
    let mut masks = vec![0u64; range.len()];
    for (block, weights) in members.chunks(BLOCK).zip(weights.chunks(BLOCK)) {
        for (position, at) in range.iter().enumerate() {
            let mut mask = local.parents(position).iter().fold(0, |mask, &parent| mask | masks[parent as usize]);
            if let Ok(bit) = block.binary_search(at) {
                mask |= 1 << bit;
            }
            masks[position] = mask;
            counts[position] += mask.count_ones() as usize;
            sums[position] += (0..block.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| weights[bit]).sum::<f64>();
        }
    }
    (0..range.len())
        .filter(|&position| 0 < counts[position] && counts[position] < members.len())
        .map(|position| (range[position], sums[position]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::graph_of;
    use super::*;

    /// Three hundred commits, every third a merge, numbered so that index and number agree.
    fn history() -> Graph {
        let parents = |n: u32| match n {
            0 => vec![],
            n if n % 3 == 0 => vec![n - 2, n - 1 - n * 7 % n.min(40)],
            n => vec![n - 1 - n * 5 % n.min(3)],
        };
        graph_of(&(0..300).map(|n| (n, parents(n))).collect::<Vec<_>>())
    }

    fn naive(graph: &Graph, members: &[u32], weights: &[f64], at: u32) -> (usize, f64) {
        let before = graph.ancestors([at]);
        let held: Vec<f64> =
            members.iter().zip(weights).filter(|(member, _)| before[**member as usize]).map(|(_, w)| *w).collect();
        (held.len(), held.iter().sum())
    }

    #[test]
    fn shares_are_the_sums_over_each_history() {
        let graph = history();
        let members: Vec<u32> = (0..graph.len()).map(to_index).filter(|&at| at > 20).collect();
        let weights: Vec<f64> = members.iter().map(|at| f64::from(at % 17)).collect();
        let sums = shares(&graph, &members, &weights);
        for (position, &at) in members.iter().enumerate() {
            assert_eq!(sums[position], naive(&graph, &members, &weights, at).1, "{at}");
        }
    }

    #[test]
    fn in_runs_the_shares_on_a_line_are_off_by_less_than_a_run() {
        let graph = graph_of(&(0..2000).map(|n: u32| (n, n.checked_sub(1).into_iter().collect())).collect::<Vec<_>>());
        let members: Vec<u32> = (0..2000).collect();
        let sums = sum_by_runs(&graph, &members, &[1.0; 2000], 7);
        for (position, sum) in sums.iter().enumerate() {
            let exact = f64::from(to_index(position)) + 1.0;
            assert!(exact - sum < 7.0 && *sum <= exact, "{position}: {sum}");
        }
        assert_eq!(sums[1999], 2000.0);
    }

    #[test]
    fn splitters_are_the_commits_with_a_part_of_the_members() {
        let graph = history();
        let range: Vec<u32> = (0..graph.len()).map(to_index).collect();
        let members: Vec<u32> = range.iter().copied().filter(|at| at % 2 == 1).collect();
        let weights: Vec<f64> = members.iter().map(|at| f64::from(at % 5)).collect();
        let expected: Vec<_> = range
            .iter()
            .map(|&at| (at, naive(&graph, &members, &weights, at)))
            .filter(|(_, (count, _))| (1..members.len()).contains(count))
            .map(|(at, (_, sum))| (at, sum))
            .collect();
        assert_eq!(splitters(&graph, &range, &members, &weights), expected);
    }
}
