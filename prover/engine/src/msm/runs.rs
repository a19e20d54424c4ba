//! Sums of runs of points: every bucket of a multiplication is a run.
//!
//! A run is halved round after round, all runs of a chunk together, so that a round is one large batch of
//! additions however the points are spread over buckets. A chunk's points stay in the L2 cache from the first
//! round to the last.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::add::{NEGATED, Pair, Scratch};
use super::group::{Arithmetic, Kernel, Packed};

/// Points summed at a time: the buffer of half as many is 1 MiB in G1.
const CHUNK: usize = 1 << 15;
/// Below this, a chunk is not split further between threads.
const LEAST_CHUNK: usize = 1 << 11;

/// A run of points in a buffer, under reduction.
#[derive(Clone, Copy)]
struct Run {
    start: u32,
    len: u32,
}

/// Memory of one thread.
struct Workspace<G: Arithmetic, K: Kernel<G>> {
    kernel: K,
    buffer: Vec<G::Packed>,
    pairs: Vec<Pair>,
    active: Vec<Run>,
    scratch: Scratch<K::Batch>,
}

impl<G: Arithmetic, K: Kernel<G>> Workspace<G, K> {
    fn new(kernel: K) -> Self {
        Self {
            kernel,
            buffer: Vec::new(),
            pairs: Vec::new(),
            active: Vec::new(),
            scratch: Scratch::new(),
        }
    }

    /// Sums consecutive runs of `entries`, of the given lengths (none zero), and hands their sums to `take` in
    /// order. Entries are indices into `table`, with [`NEGATED`] where the point counts negatively.
    fn sum(
        &mut self,
        table: &[G::Packed],
        entries: impl Fn(usize) -> u32,
        lengths: impl Iterator<Item = usize> + Clone,
        mut take: impl FnMut(G::Packed),
    ) {
        let outputs: usize = lengths.clone().map(|len| len.div_ceil(2)).sum();
        self.buffer.clear();
        self.buffer.resize(outputs, G::Packed::default());
        self.pairs.clear();
        self.active.clear();
        let (mut entry, mut start) = (0, 0);
        for len in lengths.clone() {
            // The odd one out comes first, and stays there from round to round.
            let odd = len % 2;
            if odd == 1 {
                let index = entries(entry);
                let point = table[(index & !NEGATED) as usize];
                self.buffer[start] = if index & NEGATED == 0 {
                    point
                } else {
                    point.negated()
                };
            }
            for j in 0..len / 2 {
                let left = entry + odd + 2 * j;
                let out = (start + odd + j) as u32;
                self.pairs.push(Pair {
                    left: entries(left),
                    right: entries(left + 1),
                    out,
                });
            }
            let halved = len.div_ceil(2);
            if halved > 1 {
                self.active.push(Run {
                    start: start as u32,
                    len: halved as u32,
                });
            }
            entry += len;
            start += halved;
        }
        self.kernel
            .add_from(table, &self.pairs, &mut self.buffer, &mut self.scratch);
        while !self.active.is_empty() {
            self.halve();
        }
        let mut start = 0;
        for len in lengths {
            take(self.buffer[start]);
            start += len.div_ceil(2);
        }
    }

    /// One round: every active run to half its length, in place.
    fn halve(&mut self) {
        self.pairs.clear();
        let pairs = &mut self.pairs;
        self.active.retain_mut(|run| {
            let odd = run.len % 2;
            for j in 0..run.len / 2 {
                let left = run.start + odd + 2 * j;
                pairs.push(Pair {
                    left,
                    right: left + 1,
                    out: run.start + odd + j,
                });
            }
            run.len = run.len.div_ceil(2);
            run.len > 1
        });
        self.kernel
            .add_within(&self.pairs, &mut self.buffer, &mut self.scratch);
    }
}

/// Sums runs of `entries`: run b is `entries[offsets[b]..offsets[b + 1]]`, indices into `table` with [`NEGATED`]
/// where the point counts negatively. Gives one point for each run; infinity where it is empty.
pub(crate) fn sum_runs<G: Arithmetic, K: Kernel<G>>(
    kernel: K,
    table: &[G::Packed],
    entries: &[AtomicU32],
    offsets: &[u32],
) -> Vec<G::Packed> {
    let threads = rayon::current_num_threads();
    let chunk = (entries.len() / (threads * 8)).clamp(LEAST_CHUNK, CHUNK);
    let chunks = entries.len().div_ceil(chunk);
    let next = AtomicUsize::new(0);
    // Each worker takes chunks until none is left, with one workspace for all.
    let work = |_: usize| {
        let mut workspace = Workspace::<G, K>::new(kernel);
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= chunks {
                return done;
            }
            let range = index * chunk..((index + 1) * chunk).min(entries.len());
            done.push((index, sum_chunk(&mut workspace, table, entries, offsets, range)));
        }
    };
    let mut partial: Vec<_> = (0..threads.min(chunks))
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(work)
        .collect();
    partial.sort_unstable_by_key(|(index, _)| *index);
    merge::<G, K>(
        kernel,
        partial.into_iter().flat_map(|(_, sums)| sums),
        offsets.len() - 1,
    )
}

/// The sums of one chunk of entries, with the runs they belong to. The first and the last may be partial.
fn sum_chunk<G: Arithmetic, K: Kernel<G>>(
    workspace: &mut Workspace<G, K>,
    table: &[G::Packed],
    entries: &[AtomicU32],
    offsets: &[u32],
    range: std::ops::Range<usize>,
) -> Vec<(u32, G::Packed)> {
    // The run that holds the chunk's first entry: the last one to start at or before it.
    let first = offsets.partition_point(|&offset| offset as usize <= range.start) - 1;
    let runs = (first..offsets.len() - 1)
        .take_while(|&run| (offsets[run] as usize) < range.end)
        .filter(|&run| offsets[run] < offsets[run + 1]);
    let length =
        |run: usize| (offsets[run + 1] as usize).min(range.end) - (offsets[run] as usize).max(range.start);
    let mut names = runs.clone();
    let mut sums = Vec::with_capacity(range.len().min(offsets.len()));
    let entries = &entries[range.clone()];
    workspace.sum(
        table,
        |entry| entries[entry].load(Ordering::Relaxed),
        runs.map(length),
        |sum| {
            let run = names.next().expect("one sum for each run");
            sums.push((run as u32, sum));
        },
    );
    sums
}

/// Puts sums in their places and adds up those of runs that several chunks shared. Runs ascend.
fn merge<G: Arithmetic, K: Kernel<G>>(
    kernel: K,
    sums: impl Iterator<Item = (u32, G::Packed)>,
    runs: usize,
) -> Vec<G::Packed> {
    let mut out = vec![G::Packed::default(); runs];
    let mut shared: Vec<(u32, Vec<G::Packed>)> = Vec::new();
    let mut last = None;
    for (run, sum) in sums {
        if last != Some(run) {
            out[run as usize] = sum;
        } else if let Some((_, parts)) = shared.last_mut().filter(|(name, _)| *name == run) {
            parts.push(sum);
        } else {
            shared.push((run, vec![out[run as usize], sum]));
        }
        last = Some(run);
    }
    if !shared.is_empty() {
        let parts: Vec<_> = shared
            .iter()
            .flat_map(|(_, parts)| parts.iter().copied())
            .collect();
        let mut names = shared.iter().map(|(run, _)| *run as usize);
        Workspace::<G, K>::new(kernel).sum(
            &parts,
            |entry| entry as u32,
            shared.iter().map(|(_, parts)| parts.len()),
            |sum| out[names.next().expect("one sum for each run")] = sum,
        );
    }
    out
}
