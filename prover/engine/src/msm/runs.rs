//! Sums of runs of points: every bucket of a multiplication is a run.
//!
//! Each lane sums a run of its own, beside others of about its length: a bundle. Bundles are halved round after round, all of a
//! chunk together, so that a round is one large batch of additions however the points are spread over buckets. A
//! chunk's sums stay in the L2 cache, in the kernel's own form, from the first round to the last.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::add::{Gathers, Pair, Scratch, Slots};
use super::batch::Batch;
use super::group::{Arithmetic, Kernel};
use crate::wiped::Wiped;

/// Points summed at a time: the slots of half as many are 640 KiB in G1, a part of the L2 cache.
const CHUNK: usize = 1 << 14;
/// Below this, a chunk is not split further between threads.
const LEAST_CHUNK: usize = 1 << 11;
/// A run of more points than this is cut, lest the other lanes of its bundle wait for it.
const LONGEST: usize = 512;
/// Most points in each of its pieces.
const PIECE: usize = 128;

/// A run of points, or a piece of one, that one lane sums.
#[derive(Clone, Copy)]
struct Piece {
    /// Number of the run.
    run: u32,
    /// The first entry.
    start: u32,
    len: u32,
    /// The run has other pieces.
    cut: bool,
}

/// Consecutive slots, under reduction to the first of them.
#[derive(Clone, Copy)]
struct Bundle {
    start: u32,
    len: u32,
}

/// The sum of a piece.
struct Sum<P> {
    /// Number of the run.
    run: u32,
    /// The run has other pieces.
    cut: bool,
    point: P,
}

/// Memory of one thread.
struct Workspace<G: Arithmetic, K: Kernel<G>> {
    kernel: K,
    pieces: Wiped<Piece>,
    gathers: Gathers,
    slots: Slots<K::Batch>,
    active: Wiped<Bundle>,
    pairs: Wiped<Pair>,
    /// The first slot of each bundle.
    firsts: Wiped<u32>,
    sums: Wiped<G::Packed>,
    scratch: Scratch<K::Batch>,
}

impl<G: Arithmetic, K: Kernel<G>> Workspace<G, K> {
    fn new(kernel: K) -> Self {
        Self {
            kernel,
            pieces: Wiped::new(),
            gathers: Gathers {
                indices: Wiped::new(),
                absent: Wiped::new(),
            },
            slots: Slots::new(),
            active: Wiped::new(),
            pairs: Wiped::new(),
            firsts: Wiped::new(),
            sums: Wiped::new(),
            scratch: Scratch::new(),
        }
    }

    /// Sums consecutive runs of `entries`, given by number and length (none zero), and hands the sums of their pieces to
    /// `take`. Entries are indices into `table`, with [`NEGATED`](super::add::NEGATED) where the point counts
    /// negatively.
    fn sum(
        &mut self,
        table: &[G::Packed],
        entries: &[u32],
        runs: impl Iterator<Item = (u32, usize)>,
        mut take: impl FnMut(Sum<G::Packed>),
    ) {
        self.pieces.clear();
        let mut start = 0;
        for (run, len) in runs {
            let end = start + len;
            let cut = len > LONGEST;
            let piece = if cut {
                len.div_ceil(len.div_ceil(PIECE))
            } else {
                len
            };
            while start < end {
                let len = (end - start).min(piece);
                self.pieces.push(Piece {
                    run,
                    start: start as u32,
                    len: len as u32,
                    cut,
                });
                start += len;
            }
        }
        // The lanes of a bundle have about as many points each.
        self.pieces.sort_unstable_by_key(|piece| piece.len);
        self.lay_out(entries);
        self.slots.make_room(self.gathers.absent.len());
        self.kernel
            .add_gathered(table, &self.gathers, &mut self.slots, &mut self.scratch);
        while !self.active.is_empty() {
            self.halve();
        }
        let lanes = K::Batch::LANES;
        self.sums.resize(self.firsts.len() * lanes, G::Packed::default());
        self.kernel.unload(&self.slots, &self.firsts, &mut self.sums);
        for (piece, &point) in self.pieces.iter().zip(self.sums.iter()) {
            take(Sum {
                run: piece.run,
                cut: piece.cut,
                point,
            });
        }
    }

    /// Makes a bundle of as many pieces as there are lanes, from the first to the last, and lists the points of its first
    /// round: entry 2k of each lane's piece and the next go to its slot k.
    fn lay_out(&mut self, entries: &[u32]) {
        let lanes = K::Batch::LANES;
        self.active.clear();
        self.firsts.clear();
        let mut slots = 0;
        for pieces in self.pieces.chunks(lanes) {
            // The last piece is the longest.
            let len = pieces.last().map_or(0, |piece| piece.len).div_ceil(2);
            self.firsts.push(slots);
            if len > 1 {
                self.active.push(Bundle { start: slots, len });
            }
            slots += len;
        }
        let Gathers { indices, absent } = &mut self.gathers;
        indices.resize(2 * lanes * slots as usize, 0);
        absent.clear();
        absent.resize(slots as usize, [0; 2]);
        let mut rows = indices.chunks_mut(2 * lanes).zip(absent.iter_mut());
        for pieces in self.pieces.chunks(lanes) {
            let (shortest, longest) = match pieces {
                [first, .., last] if pieces.len() == lanes => (first.len, last.len),
                [.., last] => (if lanes == 1 { last.len } else { 0 }, last.len),
                [] => (0, 0),
            };
            for at in (0..longest).step_by(2) {
                let (row, absent) = rows
                    .next()
                    .expect("a row for each two entries of the longest piece");
                let (left, right) = row.split_at_mut(lanes);
                let pairs = left.iter_mut().zip(right).enumerate();
                if at + 2 <= shortest {
                    for (lane, (left, right)) in pairs {
                        let entry = (pieces[lane].start + at) as usize;
                        (*left, *right) = (entries[entry], entries[entry + 1]);
                    }
                } else {
                    for (lane, (left, right)) in pairs {
                        // An absent point is that of any entry there is.
                        let piece = pieces.get(lane).unwrap_or(&pieces[0]);
                        let len = pieces.get(lane).map_or(0, |piece| piece.len);
                        let entry = |at| entries[(piece.start + if at < len { at } else { 0 }) as usize];
                        (*left, *right) = (entry(at), entry(at + 1));
                        absent[0] |= u8::from(at >= len) << lane;
                        absent[1] |= u8::from(at + 1 >= len) << lane;
                    }
                }
            }
        }
    }

    /// One round: every active bundle to half its length, in place.
    fn halve(&mut self) {
        self.pairs.clear();
        let pairs = &mut self.pairs;
        self.active.retain_mut(|bundle| {
            // The odd one out comes first, and stays there.
            let odd = bundle.len % 2;
            for j in 0..bundle.len / 2 {
                let left = bundle.start + odd + 2 * j;
                pairs.push(Pair {
                    left,
                    right: left + 1,
                    out: bundle.start + odd + j,
                });
            }
            bundle.len = bundle.len.div_ceil(2);
            bundle.len > 1
        });
        self.kernel
            .add_slots(&self.pairs, &mut self.slots, &mut self.scratch);
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
fn chunks<'a, P>(offsets: &[u32], mut sums: &'a mut [P]) -> Wiped<Chunk<'a, P>> {
    let runs = offsets.len() - 1;
    let entries = offsets[runs] as usize;
    let size = (entries / (rayon::current_num_threads() * 8)).clamp(LEAST_CHUNK, CHUNK);
    let mut out = Wiped::with_capacity(entries.div_ceil(size));
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

/// Sums runs of `entries`: run b is `entries[offsets[b]..offsets[b + 1]]`, indices into `table` with
/// [`NEGATED`](super::add::NEGATED) where the point counts negatively. Gives one point for each run; infinity where it is empty.
pub(crate) fn sum_runs<G: Arithmetic, K: Kernel<G>>(
    kernel: K,
    table: &[G::Packed],
    entries: &[u32],
    offsets: &[u32],
) -> Wiped<G::Packed> {
    let mut sums = Wiped::filled(G::Packed::default(), offsets.len() - 1);
    let chunks = chunks(offsets, &mut sums);
    let workers = rayon::current_num_threads().min(chunks.len());
    let chunks = Mutex::new(chunks);
    // Each worker takes chunks until none is left, with one workspace for all.
    let work = |_: usize| {
        let mut workspace = Workspace::<G, K>::new(kernel);
        let mut parts = Wiped::new();
        loop {
            // Nothing panics while it holds the lock.
            let next = chunks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_if(|_| true);
            match next {
                Some(chunk) => sum_chunk(&mut workspace, table, entries, offsets, chunk, &mut parts),
                None => return parts,
            }
        }
    };
    let parts: Vec<Wiped<_>> = (0..workers).into_par_iter().with_max_len(1).map(work).collect();
    drop(chunks);
    let mut all = Wiped::with_capacity(parts.iter().map(|parts| parts.len()).sum());
    for part in parts.iter().flat_map(|parts| parts.iter()) {
        all.push(*part);
    }
    merge::<G, K>(kernel, all, &mut sums);
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
    let length =
        |run: usize| (offsets[run + 1] as usize).min(range.end) - (offsets[run] as usize).max(range.start);
    let runs = (first..offsets.len() - 1)
        .take_while(|&run| (offsets[run] as usize) < range.end)
        .filter(|&run| offsets[run] < offsets[run + 1])
        .map(|run| (run as u32, length(run)));
    workspace.sum(table, &entries[range.clone()], runs, |sum| {
        let whole = match (sum.run as usize).checked_sub(chunk.first) {
            Some(at) if !sum.cut => chunk.sums.get_mut(at),
            _ => None,
        };
        match whole {
            Some(place) => *place = sum.point,
            None => parts.push((sum.run, sum.point)),
        }
    });
}

/// Adds up the parts of runs that lanes or chunks shared.
fn merge<G: Arithmetic, K: Kernel<G>>(kernel: K, mut parts: Wiped<(u32, G::Packed)>, sums: &mut [G::Packed]) {
    let mut workspace = Workspace::<G, K>::new(kernel);
    while !parts.is_empty() {
        parts.sort_unstable_by_key(|(run, _)| *run);
        let points = Wiped::from_fn(parts.len(), |i| parts[i].1);
        let entries = Wiped::from_fn(parts.len(), |i| i as u32);
        let runs = parts.chunk_by(|(one, _), (other, _)| one == other);
        let runs = runs.map(|run| (run[0].0, run.len()));
        let mut next = Wiped::new();
        workspace.sum(&points, &entries, runs, |sum| match sum.cut {
            true => next.push((sum.run, sum.point)),
            false => sums[sum.run as usize] = sum.point,
        });
        parts = next;
    }
}
