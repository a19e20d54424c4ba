//! Memory that is overwritten before it is given back.
//!
//! Digits, sorted orders, buckets and partial sums of a multiplication follow from the witness: which bucket a base
//! falls into is its scalar. [`Wiped`] is the vector that holds them. Its memory is set to zero when it is dropped,
//! on errors and while unwinding too, and when it grows; a copy in the registers and the stack frames of a running
//! function is not reached.

use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr;

/// A vector whose memory is wiped on drop and on growth, all of its capacity.
pub(crate) struct Wiped<T>(Vec<T>);

impl<T> Wiped<T> {
    pub(crate) const fn new() -> Self {
        const { assert!(!mem::needs_drop::<T>(), "elements are overwritten, not dropped") };
        Self(Vec::new())
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut out = Self::new();
        out.reserve(capacity);
        out
    }

    /// `of(i)` for each `i < len`.
    pub(crate) fn from_fn(len: usize, of: impl FnMut(usize) -> T) -> Self {
        let mut out = Self::with_capacity(len);
        out.0.extend((0..len).map(of));
        out
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        if self.0.len() == self.0.capacity() {
            self.reserve(1);
        }
        self.0.push(value);
    }

    /// Makes room for `additional` more elements; where that moves the elements, their old place is wiped.
    pub(crate) fn reserve(&mut self, additional: usize) {
        if self.0.capacity() - self.0.len() < additional {
            let capacity = (2 * self.0.capacity()).max(self.0.len() + additional);
            let mut larger = Self(Vec::with_capacity(capacity));
            larger.0.append(&mut self.0);
            // What was `self` is dropped, hence wiped.
            *self = larger;
        }
    }

    /// Forgets the elements; their memory is kept, and wiped when it is given back.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn pop_if(&mut self, predicate: impl FnOnce(&mut T) -> bool) -> Option<T> {
        self.0.pop_if(predicate)
    }

    pub(crate) fn retain_mut(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(keep);
    }
}

impl Wiped<u32> {
    /// So many zeros, which cost nothing where the system has zeroed pages to give.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self(vec![0; len])
    }
}

impl<T: Copy> Wiped<T> {
    pub(crate) fn filled(value: T, len: usize) -> Self {
        let mut out = Self::new();
        out.resize(len, value);
        out
    }

    pub(crate) fn resize(&mut self, len: usize, value: T) {
        self.reserve(len.saturating_sub(self.0.len()));
        self.0.resize(len, value);
    }
}

impl<T> Deref for Wiped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.0.clear();
        let memory = self.0.spare_capacity_mut();
        // SAFETY: the slice is writable, and any bytes will do where nothing is initialised.
        unsafe { ptr::write_bytes(memory.as_mut_ptr(), 0, memory.len()) };
        // Without it, the compiler may leave out writes to memory that nobody reads again.
        zeroize::optimization_barrier(memory);
        #[cfg(test)]
        tests::record(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::MaybeUninit;
    use std::cell::RefCell;

    thread_local! {
        /// Bytes of each vector that this thread dropped, and whether all of them were zero.
        static DROPPED: RefCell<Vec<(usize, bool)>> = const { RefCell::new(Vec::new()) };
    }

    /// What is left in the memory of a vector that is about to be freed.
    pub(super) fn record<T>(memory: &[MaybeUninit<T>]) {
        // SAFETY: all of these bytes have just been written.
        let bytes = unsafe { core::slice::from_raw_parts(memory.as_ptr().cast::<u8>(), size_of_val(memory)) };
        if bytes.is_empty() {
            return;
        }
        let zero = bytes.iter().all(|&byte| byte == 0);
        let _ = DROPPED.try_with(|dropped| dropped.borrow_mut().push((bytes.len(), zero)));
    }

    fn dropped() -> Vec<(usize, bool)> {
        DROPPED.with(RefCell::take)
    }

    #[test]
    fn memory_is_wiped_on_drop_on_growth_and_while_unwinding() {
        drop(Wiped::filled(7u64, 5));
        assert_eq!(dropped(), [(40, true)]);

        let mut grown = Wiped::with_capacity(2);
        for value in 1..=3u32 {
            grown.push(value);
        }
        assert_eq!(grown[..], [1, 2, 3]);
        assert_eq!(dropped(), [(8, true)]);
        grown.clear();
        drop(grown);
        assert_eq!(dropped(), [(16, true)]);

        let unwound = std::panic::catch_unwind(|| {
            let secret = Wiped::filled(9u8, 100);
            assert_eq!(secret[0], 8, "on purpose");
        });
        assert!(unwound.is_err());
        assert_eq!(dropped(), [(100, true)]);
    }
}
