//! What a gateway is told at its start.

use ed25519_dalek::SigningKey;
use medproof_proto::{address::Address, tls::ServerTls};
use medproof_verifier::{
    Name, Role, VerifyingKey,
    cosignature::{MAX_WITNESSES, WitnessKey},
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use zeroize::Zeroizing;

/// Shortest staff token in bytes.
pub const MIN_TOKEN_BYTES: usize = 16;
/// Longest life of a challenge in seconds.
pub const MAX_CHALLENGE_SECONDS: u64 = 3_600;
/// Most challenges that are open at once.
pub const MAX_OPEN_CHALLENGES: usize = 100_000;

/// Whose gateway it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The party's id, as registered.
    pub name: Name,
    /// What it asks as: pharmacy, sponsor or insurer gateway, or any issuer for `bind`.
    pub role: Role,
    /// The domain that it works in (for a sponsor, that of its participants' identities).
    pub domain: Name,
}

/// A gateway's configuration. Neither `Clone` nor `Debug`: it holds the signing key.
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificates, where it speaks TLS.
    pub tls: Option<ServerTls>,
    /// Whose gateway it is.
    pub party: Party,
    /// The ledger's address.
    pub ledger: Address,
    /// The ledger's id; every answer is checked against its genesis.
    pub ledger_id: [u8; 32],
    /// The party's Ed25519 key for posting.
    pub signing_key: SigningKey,
    /// What staff shows with `Challenge`, `Outcome` and `Void`; at least 16 bytes.
    pub staff_token: Zeroizing<String>,
    /// The journal of what was handed over.
    pub journal: PathBuf,
    /// Verifying keys of the circuits that are accepted.
    pub circuits: Vec<VerifyingKey>,
    /// Whether verifying keys of a one-machine set-up are accepted.
    pub development: bool,
    /// How long a challenge can be answered, in seconds, at most 3,600.
    pub challenge_seconds: u64,
    /// Challenges that may be open at once; one more is refused as a full queue.
    pub open_challenges: usize,
    /// Requests that are worked on at once; one more is refused as a full queue.
    pub concurrent_requests: usize,
    /// Minutes east of UTC of the party's place: its date is the local one.
    pub utc_offset_minutes: i32,
    /// Longest time for one request.
    pub deadline: Duration,
    /// Witnesses of the log whose cosignatures a receipt must have; none: the log's signature is enough.
    pub witnesses: Vec<WitnessKey>,
    /// How many of them.
    pub quorum: usize,
    /// How long they are waited for before the request is answered with `uncosigned`; less than `deadline`.
    pub cosignature_wait: Duration,
}

impl Config {
    /// A configuration with the usual limits: 300 seconds a challenge, 10,000 open ones, 256 requests at
    /// once, a deadline of 30 seconds, UTC.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        listen: SocketAddr,
        party: Party,
        ledger: Address,
        ledger_id: [u8; 32],
        signing_key: SigningKey,
        staff_token: Zeroizing<String>,
        journal: PathBuf,
        circuits: Vec<VerifyingKey>,
    ) -> Self {
        Self {
            listen,
            tls: None,
            party,
            ledger,
            ledger_id,
            signing_key,
            staff_token,
            journal,
            circuits,
            development: false,
            challenge_seconds: 300,
            open_challenges: 10_000,
            concurrent_requests: 256,
            utc_offset_minutes: 0,
            deadline: Duration::from_secs(30),
            witnesses: vec![],
            quorum: 0,
            cosignature_wait: Duration::from_secs(15),
        }
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refuse = |field, rule| Err(ConfigError { field, rule });
        if self.staff_token.len() < MIN_TOKEN_BYTES {
            return refuse("staff_token", "needs at least 16 bytes");
        }
        if !(1..=MAX_CHALLENGE_SECONDS).contains(&self.challenge_seconds) {
            return refuse("challenge_seconds", "is 1 to 3,600");
        }
        if !(1..=MAX_OPEN_CHALLENGES).contains(&self.open_challenges) {
            return refuse("open_challenges", "is 1 to 100,000");
        }
        if !(1..=10_000).contains(&self.concurrent_requests) {
            return refuse("concurrent_requests", "is 1 to 10,000");
        }
        if !(-14 * 60..=14 * 60).contains(&self.utc_offset_minutes) {
            return refuse("utc_offset_minutes", "is -840 to 840");
        }
        if self.deadline.is_zero() {
            return refuse("deadline", "is not 0");
        }
        if self.witnesses.len() > MAX_WITNESSES {
            return refuse("witnesses", "are at most 32");
        }
        if self.quorum > self.witnesses.len() || (self.quorum == 0 && !self.witnesses.is_empty()) {
            return refuse("quorum", "is 1 to the number of `witnesses`");
        }
        if self.cosignature_wait.is_zero() || self.cosignature_wait >= self.deadline {
            return refuse(
                "cosignature_seconds",
                "is at least 1, and less than the deadline of a request",
            );
        }
        if self.circuits.is_empty() {
            return refuse("circuits", "needs at least one verifying key");
        }
        if !self.development && self.circuits.iter().any(VerifyingKey::is_development) {
            return refuse(
                "circuits",
                "holds a development key (one machine ran its set-up): refused outside development",
            );
        }
        Ok(())
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {rule}")]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// What is asked of it.
    pub rule: &'static str,
}
