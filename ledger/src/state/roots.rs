//! Which sealed roots an entry may refer to.

use medproof_verifier::{
    Fr,
    entry::{REPLACED_SECONDS, Seal},
};
use std::collections::{HashMap, VecDeque};

/// How long a sealed commitment root stays an anchor, in seconds.
pub const ANCHOR_SECONDS: u64 = 24 * 3600;

/// The roots of recent seals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roots {
    /// None before the first seal.
    newest: Option<Fr>,
    /// Commitment root -> time of the last seal that had it.
    anchors: HashMap<Fr, u64>,
    /// The same in the order of time, the newest root last: it stands there once, with its newest time.
    order: VecDeque<(u64, Fr)>,
    identity: Window,
    registry: Window,
}

#[derive(Debug, Clone, Default)]
struct Window {
    /// None before the first seal: no root is accepted that was never sealed.
    current: Option<Fr>,
    /// Former root -> time of the seal that replaced it.
    replaced: HashMap<Fr, u64>,
    /// What became a former root, in the order of time.
    order: VecDeque<(u64, Fr)>,
}

impl Roots {
    /// Takes over the roots of the next seal.
    pub(crate) fn sealed(&mut self, seal: &Seal) {
        let time = seal.time;
        let root = seal.commitment_root;
        self.anchors.insert(root, time);
        match self.order.back_mut() {
            // A seal that changes no root takes no room.
            Some(last) if self.newest == Some(root) => last.0 = time,
            _ => self.order.push_back((time, root)),
        }
        self.newest = Some(root);
        while let Some((old, root)) = self.order.front().copied()
            && old.saturating_add(ANCHOR_SECONDS) < time
        {
            self.order.pop_front();
            if self.anchors.get(&root) == Some(&old) {
                self.anchors.remove(&root);
            }
        }
        self.identity.sealed(seal.identity_root, time);
        self.registry.sealed(seal.registry_root, time);
    }

    /// Whether `root` is the newest sealed commitment root, or was sealed in the last 24 hours.
    pub(crate) fn is_anchor(&self, root: &Fr, now: u64) -> bool {
        // The newest stays valid however long the ledger was idle: there is no other to take.
        self.newest == Some(*root)
            || self
                .anchors
                .get(root)
                .is_some_and(|time| time.saturating_add(ANCHOR_SECONDS) >= now)
    }

    pub(crate) fn is_identity_root(&self, root: &Fr, now: u64) -> bool {
        self.identity.accepts(root, now)
    }

    pub(crate) fn is_registry_root(&self, root: &Fr, now: u64) -> bool {
        self.registry.accepts(root, now)
    }
}

impl Window {
    fn sealed(&mut self, root: Fr, time: u64) {
        if self.current != Some(root) {
            if let Some(before) = self.current.replace(root) {
                self.replaced.insert(before, time);
                self.order.push_back((time, before));
            }
            self.replaced.remove(&root);
        }
        while let Some((old, root)) = self.order.front().copied()
            && old.saturating_add(REPLACED_SECONDS) < time
        {
            self.order.pop_front();
            if self.replaced.get(&root) == Some(&old) {
                self.replaced.remove(&root);
            }
        }
    }

    fn accepts(&self, root: &Fr, now: u64) -> bool {
        self.current == Some(*root)
            || self
                .replaced
                .get(root)
                .is_some_and(|at| at.saturating_add(REPLACED_SECONDS) >= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(time: u64, root: u64) -> Seal {
        Seal {
            batch: 0,
            first: 0,
            previous: [0; 32],
            time,
            commitment_root: Fr::from(root),
            identity_root: Fr::from(root),
            registry_root: Fr::from(root),
            commitments: 0,
            nullifiers: [0; 5],
        }
    }

    #[test]
    fn l03_a_root_that_was_never_sealed_is_not_accepted() {
        let zero = Fr::from(0u64);
        let mut roots = Roots::default();
        for time in [1000, 1001] {
            assert!(!roots.is_anchor(&zero, time));
            assert!(!roots.is_identity_root(&zero, time) && !roots.is_registry_root(&zero, time));
            roots.sealed(&seal(time, 1));
        }
    }

    #[test]
    fn l03_windows_end_to_the_second() {
        let mut roots = Roots::default();
        let (one, two) = (Fr::from(1u64), Fr::from(2u64));
        roots.sealed(&seal(1000, 1));
        assert!(
            roots.is_anchor(&one, 1000 + 10 * ANCHOR_SECONDS),
            "the newest root never ages"
        );
        roots.sealed(&seal(2000, 2));
        assert!(roots.is_anchor(&one, 1000 + ANCHOR_SECONDS));
        assert!(!roots.is_anchor(&one, 1001 + ANCHOR_SECONDS));
        assert!(roots.is_identity_root(&one, 2000 + REPLACED_SECONDS));
        assert!(!roots.is_identity_root(&one, 2001 + REPLACED_SECONDS));
        assert!(roots.is_registry_root(&two, 999_999_999));
        assert!(!roots.is_anchor(&Fr::from(3u64), 2000));
        // A root that comes back is current again; one sealed again is fresh again.
        roots.sealed(&seal(2100, 1));
        assert!(roots.is_identity_root(&one, 999_999_999));
        assert!(roots.is_identity_root(&two, 2700) && !roots.is_identity_root(&two, 2701));
        roots.sealed(&seal(2000 + ANCHOR_SECONDS, 3));
        assert!(roots.is_anchor(&one, 2100 + ANCHOR_SECONDS));
        roots.sealed(&seal(5000 + ANCHOR_SECONDS, 4));
        assert!(!roots.is_anchor(&two, 5000 + ANCHOR_SECONDS));
        assert_eq!(roots.order.len(), 2);
        // Of what was replaced only the last was less than ten minutes ago.
        assert_eq!(
            (roots.identity.replaced.len(), roots.identity.order.len()),
            (1, 1)
        );
    }

    #[test]
    fn seals_that_change_no_root_take_no_room_and_keep_the_anchor_fresh() {
        let mut roots = Roots::default();
        let (one, two) = (Fr::from(1u64), Fr::from(2u64));
        for time in [1000, 1000, 1000, 2000] {
            roots.sealed(&seal(time, 1));
        }
        assert_eq!((roots.order.len(), roots.anchors.len()), (1, 1));
        roots.sealed(&seal(2500, 2));
        // 24 hours from the last seal that had it, not from the first.
        let last = 2000 + ANCHOR_SECONDS;
        assert!(roots.is_anchor(&one, last) && !roots.is_anchor(&one, last + 1));
        roots.sealed(&seal(last, 2));
        assert_eq!(roots.anchors.len(), 2);
        roots.sealed(&seal(last + 1, 2));
        assert_eq!((roots.order.len(), roots.anchors.len()), (1, 1));
        assert!(roots.is_anchor(&two, last + 1 + 2 * ANCHOR_SECONDS));
    }

    #[test]
    fn a_root_that_comes_and_goes_is_forgotten_once_its_last_time_has_passed() {
        let mut window = Window::default();
        let (one, two) = (Fr::from(1u64), Fr::from(2u64));
        for (time, root) in [(1000, one), (1100, two), (1100, one), (1200, two), (1701, two)] {
            window.sealed(root, time);
        }
        // The entry of 1100 has gone, that of 1200 stands.
        assert!(window.accepts(&one, 1200 + REPLACED_SECONDS));
        assert!(!window.accepts(&one, 1201 + REPLACED_SECONDS));
        assert!(window.accepts(&two, u64::MAX));
        window.sealed(two, 1201 + REPLACED_SECONDS);
        assert!(window.replaced.is_empty() && window.order.is_empty());
    }
}
