//! How many connections each peer has.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The connections that are open, by peer.
#[derive(Debug)]
pub struct Peers {
    /// Most connections of one peer.
    each: usize,
    /// Most connections from this machine, where a proxy may stand for everybody.
    local: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub struct Counted {
    peers: Arc<Peers>,
    peer: IpAddr,
}

/// Whom an address is of. Who has one IPv6 address has all with the same first 64 bits.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

impl Peers {
    /// At most so many connections of each peer, and so many from this machine.
    pub fn new(each: usize, local: usize) -> Arc<Self> {
        let open = Mutex::default();
        Arc::new(Self { each, local, open })
    }

    /// Counts a connection. `None` when its peer has as many as it may.
    pub fn count(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let most = match address.to_canonical().is_loopback() {
            true => self.local,
            false => self.each,
        };
        let peer = peer_of(address);
        let mut open = self.open();
        let count = open.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let peers = Arc::clone(self);
        Some(Counted { peers, peer })
    }

    /// Nothing panics while it is held.
    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.peers.open();
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_has_as_many_connections_as_it_may_and_keeps_no_other_out() {
        let peers = Peers::new(2, 3);
        let of = |text| peers.count(address(text));
        let held = [of("192.0.2.1").unwrap(), of("::ffff:192.0.2.1").unwrap()];
        assert!(of("192.0.2.1").is_none() && of("::ffff:192.0.2.1").is_none());
        let other = of("192.0.2.2").unwrap();
        drop(held);
        let again = of("192.0.2.1").unwrap();
        // One network is one peer, the next is another.
        let sixes = [
            of("2001:db8:0:1::1").unwrap(),
            of("2001:db8:0:1:ffff::9").unwrap(),
        ];
        assert!(of("2001:db8:0:1::2").is_none());
        let next = of("2001:db8:0:2::1").unwrap();
        // This machine has more, by either protocol.
        for local in ["127.0.0.1", "::1"] {
            let held: Vec<_> = (0..3).map(|_| of(local).unwrap()).collect();
            assert!(of(local).is_none());
            drop(held);
        }
        drop((other, again, sixes, next));
        assert!(peers.open().is_empty());
    }
}
