//! When the primary's checkpoints came, by this machine's clock: whether their seals tell the time.
//!
//! A seal that lies ahead of a clock is plain. One that lies behind says nothing by itself, for an idle ledger seals
//! nothing; but what was not there at one look and is at the next was sealed between the two.

/// The newest checkpoint that was seen, and the looks before it.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Its entries.
    size: u64,
    /// Unix time of the last look that showed it.
    last: Option<u64>,
    /// Unix time of the last look that did not show it yet, until its seal has been read.
    without: Option<u64>,
}

impl Looks {
    /// A checkpoint of `size` entries was shown at a look that began at this time.
    pub(super) fn see(&mut self, size: u64, time: u64) {
        // A copy on the way that is behind says nothing of what the primary had.
        if size < self.size {
            return;
        }
        if size > self.size {
            self.size = size;
            self.without = self.last;
        }
        self.last = Some(time);
    }

    /// Seconds by which the last seal of the newest checkpoint lies before the look that did not show it yet: told once.
    pub(super) fn behind(&mut self, size: u64, seal: u64) -> Option<u64> {
        let newest = size == self.size;
        let without = newest.then(|| self.without.take()).flatten()?;
        Some(without.saturating_sub(seal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_held_to_the_last_look_that_did_not_show_it() {
        let mut looks = Looks::default();
        // What was there at the first look may be of any age.
        looks.see(2, 1000);
        assert_eq!(looks.behind(2, 5), None);
        looks.see(2, 2000);
        assert_eq!(looks.behind(2, 5), None, "an idle ledger");
        looks.see(4, 2001);
        assert_eq!(looks.behind(4, 1300), Some(700));
        assert_eq!(looks.behind(4, 1300), None, "told once");
        // A copy on the way is behind for a while: what comes after it is no news.
        looks.see(2, 9000);
        looks.see(4, 9001);
        assert_eq!(looks.behind(4, 1300), None);
        // Longer ones come before the first of them has been read: the newest counts, and the look just before it.
        looks.see(6, 9002);
        looks.see(8, 9003);
        assert_eq!(looks.behind(6, 8000), None);
        assert_eq!(looks.behind(8, 8000), Some(1002));
        looks.see(9, 9004);
        assert_eq!(looks.behind(9, 9004), Some(0));
    }
}
