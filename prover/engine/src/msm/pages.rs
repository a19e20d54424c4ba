//! Memory for tables that are read at random.

/// A vector with room for `len` elements, in huge pages where the system has them to give: with small ones, nearly
/// every read of a large table would miss the TLB and walk the page tables.
pub(crate) fn room<T>(len: usize) -> Vec<T> {
    let mut memory = Vec::with_capacity(len);
    #[cfg(target_os = "linux")]
    advise(memory.spare_capacity_mut());
    memory
}

#[cfg(target_os = "linux")]
fn advise<T>(memory: &mut [T]) {
    /// The smallest page; where pages are larger the call below may be refused, which changes nothing.
    const PAGE: usize = 4096;
    let range = memory.as_mut_ptr_range();
    let start = range.start.map_addr(|address| address.next_multiple_of(PAGE));
    let len = range.end.addr().saturating_sub(start.addr()) / PAGE * PAGE;
    if len > 0 {
        // SAFETY: whole pages of memory that is ours; the advice does not change what they hold.
        let _ = unsafe { libc::madvise(start.cast(), len, libc::MADV_HUGEPAGE) };
    }
}
