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
    }
}
