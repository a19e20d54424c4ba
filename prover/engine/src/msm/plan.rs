//! The shape of a multiplication: window, and how many shifts of each base are kept.

use super::group::Arithmetic;

/// Bits of a scalar's magnitude: scalars above r/2 count negatively, which leaves 253 bits, and signed digits
/// carry into one more.
const BITS: u32 = 254;
/// Largest window: 2^16 buckets of G2 are 8 MiB.
const MAX_WINDOW: u32 = 17;
/// Most entries that 31 bits can index.
const MAX_ENTRIES: usize = 1 << 31;

/// The memory that one query's table of shifted bases may take, in bytes. One copy of the bases is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCap(usize);

impl MemoryCap {
    /// At most so many bytes.
    #[must_use]
    pub const fn bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// As many shifts as pay.
    pub const UNLIMITED: Self = Self(usize::MAX);

    /// No shifts: the bases alone.
    pub const BASES_ONLY: Self = Self(0);
}

/// Scalars are cut into `windows` signed digits of `window` bits. Window k uses row k / sets of the table,
/// which holds the bases shifted by 2^(window sets (k / sets)), and bucket set k mod sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) window: u32,
    pub(crate) windows: u32,
    pub(crate) sets: u32,
}

impl Plan {
    /// The cheapest plan for `count` bases under the cap.
    pub(crate) fn new<G: Arithmetic>(count: usize, cap: MemoryCap) -> Self {
        let mut best: Option<(usize, Self)> = None;
        for window in 3..=MAX_WINDOW {
            let windows = BITS.div_ceil(window);
            for sets in 1..=windows {
                let plan = Self {
                    window,
                    windows,
                    sets,
                };
                let entries = count.saturating_mul(plan.rows());
                let fits = entries.saturating_mul(size_of::<G::Packed>()) <= cap.0 && entries < MAX_ENTRIES;
                let cost = plan.cost(count);
                if (fits || sets == windows) && best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, plan));
                }
            }
        }
        best.map(|(_, plan)| plan)
            .expect("the plan with all sets fits always")
    }

    /// Copies of the bases in the table.
    pub(crate) fn rows(&self) -> usize {
        self.windows.div_ceil(self.sets) as usize
    }

    /// Buckets of one set.
    pub(crate) fn buckets(&self) -> usize {
        1 << (self.window - 1)
    }

    /// Additions, about: one for each digit, two for each bucket (its row and its column), 64 for what is summed
    /// one by one at the end of a set, and the doublings between sets (a doubling outside of batches costs as
    /// much as about twenty additions inside).
    fn cost(&self, count: usize) -> usize {
        let sets = self.sets as usize;
        let doublings = 20 * self.window as usize * (sets - 1);
        count.saturating_mul(self.windows as usize) + sets * (2 * self.buckets() + 64 * 20) + doublings
    }
}
