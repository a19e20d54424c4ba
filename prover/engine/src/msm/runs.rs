//! Sums of runs of points: every bucket of a multiplication is a run.
//!
//! A run is halved round after round, all runs of a chunk together, so that a round is one large batch of
//! additions however the points are spread over buckets. A chunk's points stay in the L2 cache from the first
//! round to the last.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::add::{NEGATED, Pair, Scratch, fetch_point};
use super::group::{Arithmetic, Kernel, Packed};
use crate::wiped::Wiped;

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
    buffer: Wiped<G::Packed>,
    pairs: Wiped<Pair>,
    active: Wiped<Run>,
    /// Points without a partner: index into the table, and place in the buffer.
    single: Wiped<(u32, u32)>,
    scratch: Scratch<K::Batch>,
}

impl<G: Arithmetic, K: Kernel<G>> Workspace<G, K> {
    fn new(kernel: K) -> Self {
        Self {
            kernel,
            buffer: Wiped::new(),
            pairs: Wiped::new(),
            active: Wiped::new(),
            single: Wiped::new(),
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
        if self.buffer.len() < outputs {
            self.buffer.resize(outputs, G::Packed::default());
        }
        self.pairs.clear();
        self.active.clear();
        self.single.clear();
        let (mut entry, mut start) = (0, 0);
        for len in lengths.clone() {
            // The odd one out comes first, and stays there from round to round.
            let odd = len % 2;
            if odd == 1 {
                let index = entries(entry);
                fetch_point(table, index);
                self.single.push((index, start as u32));
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
        for &(index, place) in self.single.iter() {
            let point = table[(index & !NEGATED) as usize];
            self.buffer[place as usize] = if index & NEGATED == 0 {
                point
            } else {
                point.negated()
            };
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

/// Entries that one thread sums at a time, and the sums of the runs that are whole within them.
struct Chunk<'a, P> {
    entries: Range<usize>,
    /// The first whole run.
    first: usize,
    sums: &'a mut [P],
}

/// Cuts the entries into chunks.
fn chunks<'a, P>(offsets: &[u32], mut sums: &'a mut [P]) -> Vec<Chunk<'a, P>> {
    let runs = offsets.len() - 1;
    let entries = offsets[runs] as usize;
    let size = (entries / (rayon::current_num_threads() * 8)).clamp(LEAST_CHUNK, CHUNK);
    let mut out = Vec::with_capacity(entries.div_ceil(size));
    let mut done = 0;
    for start in (0..entries).step_by(size) {
        let entries = start..(start + size).min(entries);
        let first = offsets[..runs]
            .partition_point(|&offset| (offset as usize) < entries.start)
            .max(done);
        let end = offsets[1..]
            .partition_point(|&offset| offset as usize <= entries.end)
            .max(first);
        let (whole, rest) = std::mem::take(&mut sums)[first - done..].split_at_mut(end - first);
        (sums, done) = (rest, end);
        out.push(Chunk {
            entries,
            first,
            sums: whole,
        });
    }
    out
}

/// Sums runs of `entries`: run b is `entries[offsets[b]..offsets[b + 1]]`, indices into `table` with [`NEGATED`]
/// where the point counts negatively. Gives one point for each run; infinity where it is empty.
pub(crate) fn sum_runs<G: Arithmetic, K: Kernel<G>>(
    kernel: K,
    table: &[G::Packed],
    entries: &[u32],
    offsets: &[u32],
) -> Wiped<G::Packed> {
    let mut sums = Wiped::filled(G::Packed::default(), offsets.len() - 1);
    let chunks = chunks(offsets, &mut sums);
    let workers = rayon::current_num_threads().min(chunks.len());
    let chunks = Mutex::new(chunks.into_iter());
    // Each worker takes chunks until none is left, with one workspace for all.
    let work = |_: usize| {
        let mut workspace = Workspace::<G, K>::new(kernel);
        let mut parts = Wiped::new();
        loop {
            // Nothing panics while it holds the lock.
            let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some(chunk) => sum_chunk(&mut workspace, table, entries, offsets, chunk, &mut parts),
                None => return parts,
            }
        }
    };
    let parts: Vec<Wiped<_>> = (0..workers).into_par_iter().with_max_len(1).map(work).collect();
    merge::<G, K>(kernel, &parts, &mut sums);
    sums
}

/// Sums one chunk: runs that are whole go to their places, parts of runs, with their numbers, to `parts`.
fn sum_chunk<G: Arithmetic, K: Kernel<G>>(
    workspace: &mut Workspace<G, K>,
    table: &[G::Packed],
    entries: &[u32],
    offsets: &[u32],
    chunk: Chunk<'_, G::Packed>,
    parts: &mut Wiped<(u32, G::Packed)>,
) {
    let range = chunk.entries;
    // The run that holds the chunk's first entry: the last one to start at or before it.
    let first = offsets.partition_point(|&offset| offset as usize <= range.start) - 1;
    let runs = (first..offsets.len() - 1)
        .take_while(|&run| (offsets[run] as usize) < range.end)
        .filter(|&run| offsets[run] < offsets[run + 1]);
    let length =
        |run: usize| (offsets[run + 1] as usize).min(range.end) - (offsets[run] as usize).max(range.start);
    let mut names = runs.clone();
    let entries = &entries[range.clone()];
    workspace.sum(
        table,
        |entry| entries[entry],
        runs.map(length),
        |sum| {
            let run = names.next().expect("one sum for each run");
            match run.checked_sub(chunk.first).and_then(|at| chunk.sums.get_mut(at)) {
                Some(place) => *place = sum,
                None => parts.push((run as u32, sum)),
            }
        },
    );
}

/// Adds up the parts of runs that several chunks shared.
fn merge<G: Arithmetic, K: Kernel<G>>(kernel: K, parts: &[Wiped<(u32, G::Packed)>], sums: &mut [G::Packed]) {
    let count = parts.iter().map(|parts| parts.len()).sum();
    if count == 0 {
        return;
    }
    let mut all = Wiped::with_capacity(count);
    for part in parts.iter().flat_map(|parts| parts.iter()) {
        all.push(*part);
    }
    all.sort_unstable_by_key(|(run, _)| *run);
    let mut points = Wiped::with_capacity(count);
    for (_, point) in all.iter() {
        points.push(*point);
    }
    let runs = all.chunk_by(|(one, _), (other, _)| one == other);
    let mut names = runs.clone().map(|run| run[0].0 as usize);
    Workspace::<G, K>::new(kernel).sum(
        &points,
        |entry| entry as u32,
        runs.map(<[_]>::len),
        |sum| sums[names.next().expect("one sum for each run")] = sum,
    );
}
