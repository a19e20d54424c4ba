//! GENESIS and the entries that governance signs: CIRCUIT, REGISTRY, POLICY.

use super::{
    Body, Entry, Kind, MAX_GOVERNANCE_KEYS,
    codec::{DecodeError, Reader, Writer},
};
use crate::{CircuitId, CircuitName, Day, Fr, KeyLeaf, Name, Role, VerifyingKey, tree::REGISTRY_DEPTH};
use ed25519_dalek::VerifyingKey as PostingKey;
use sha2::{Digest, Sha256};

/// Most circuits pinned in GENESIS.
pub const MAX_PINNED: usize = 32;
/// Longest origin (the log's name in its checkpoints) in bytes.
pub const MAX_ORIGIN_BYTES: usize = 100;
/// Shortest time between CLOSE and a new OPEN on its index outside development, in seconds (24 hours).
pub const MIN_REENROL_DELAY: u32 = 86_400;

/// The first entry: everything that the ledger's rules start from. Its hash is the ledger's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Random, so that two ledgers of the same people have different ids.
    pub nonce: [u8; 32],
    /// Name of the log in its checkpoints, for example `ledger.example/us-ma`: 1 to 100 printable
    /// ASCII bytes without space or `+`.
    pub origin: String,
    /// The key that signs checkpoints.
    pub log_key: PostingKey,
    /// Development: keys of a one-machine set-up are accepted and the clock can be set.
    pub development: bool,
    /// Unix time in seconds of the first seal.
    pub time: u64,
    /// Seconds between CLOSE and a new OPEN on its index; at least 24 hours outside development.
    pub reenrol_delay: u32,
    /// Governance signatures that a governance entry needs.
    pub threshold: u8,
    /// Governance keys, 1 to 16, by ascending bytes.
    pub governance: Vec<PostingKey>,
    /// Circuits whose verifying key is fixed from the start, by ascending name and version, at most 32:
    /// no other key of that name and version is ever accepted.
    pub pinned: Vec<PinnedCircuit>,
}

/// A circuit fixed in GENESIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedCircuit {
    /// The circuit.
    pub name: CircuitName,
    /// Its version.
    pub version: u16,
    /// The only id accepted for them.
    pub id: CircuitId,
}

impl Genesis {
    /// The ledger's id: `SHA-256("medproof/genesis/1" || entry bytes)`. It commits to the log's and
    /// governance's keys, so whoever knows the id knows them.
    pub fn ledger_id(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"medproof/genesis/1");
        hash.update(Entry::Genesis(self.clone()).to_bytes());
        hash.finalize().into()
    }

    /// Checks every rule that decoding checks, for a genesis that was put together by hand.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn check(&self) -> Result<(), DecodeError> {
        let printable = |b: u8| b.is_ascii_graphic() && b != b'+';
        if !(1..=MAX_ORIGIN_BYTES).contains(&self.origin.len()) || !self.origin.bytes().all(printable) {
            return Err(DecodeError::range(
                "origin",
                "1 to 100 printable ASCII bytes without space or `+`",
            ));
        }
        if !self.development && self.reenrol_delay < MIN_REENROL_DELAY {
            return Err(DecodeError::range(
                "reenrol delay",
                "at least 24 hours outside development",
            ));
        }
        if !(1..=MAX_GOVERNANCE_KEYS).contains(&self.governance.len()) {
            return Err(DecodeError::range("governance", "1 to 16 keys"));
        }
        if !self
            .governance
            .windows(2)
            .all(|w| w[0].as_bytes() < w[1].as_bytes())
        {
            return Err(DecodeError::range("governance", "keys ascend strictly"));
        }
        if !(1..=self.governance.len()).contains(&usize::from(self.threshold)) {
            return Err(DecodeError::range(
                "threshold",
                "1 to the number of governance keys",
            ));
        }
        if self.pinned.len() > MAX_PINNED {
            return Err(DecodeError::range("pinned", "at most 32 circuits"));
        }
        let order = |c: &PinnedCircuit| (c.name, c.version);
        if !self.pinned.windows(2).all(|w| order(&w[0]) < order(&w[1])) {
            return Err(DecodeError::range(
                "pinned",
                "circuits ascend strictly by number and version",
            ));
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.bytes(&self.nonce);
        out.text(&self.origin);
        out.key(&self.log_key);
        out.u8(u8::from(self.development));
        out.u64(self.time);
        out.u32(self.reenrol_delay);
        out.u8(self.threshold);
        out.u8(self.governance.len() as u8);
        for key in &self.governance {
            out.key(key);
        }
        out.u8(self.pinned.len() as u8);
        for circuit in &self.pinned {
            out.u8(circuit.name as u8);
            out.u16(circuit.version);
            out.bytes(&circuit.id.0);
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let genesis = Self {
            nonce: input.array("nonce")?,
            origin: input.text("origin")?.to_owned(),
            log_key: input.key("log key")?,
            development: input.flag("development")?,
            time: input.u64("time")?,
            reenrol_delay: input.u32("reenrol delay")?,
            threshold: input.u8("threshold")?,
            governance: {
                let count = input.u8("governance")?;
                (0..count)
                    .map(|_| input.key("governance"))
                    .collect::<Result<_, _>>()?
            },
            pinned: {
                let count = input.u8("pinned")?;
                (0..count).map(|_| pinned(input)).collect::<Result<_, _>>()?
            },
        };
        genesis.check()?;
        Ok(genesis)
    }
}

fn pinned(input: &mut Reader<'_>) -> Result<PinnedCircuit, DecodeError> {
    Ok(PinnedCircuit {
        name: CircuitName::from_number(input.u8("pinned circuit")?)
            .ok_or(DecodeError::range("pinned circuit", "a known circuit number"))?,
        version: input.u16("pinned version")?,
        id: CircuitId(input.array("pinned id")?),
    })
}

/// CIRCUIT: a verifying key is accepted or retired.
#[derive(Debug, Clone)]
pub struct CircuitChange {
    /// One more than the last governance entry's; the first is 1.
    pub sequence: u64,
    /// What happens.
    pub action: CircuitAction,
}

/// What a CIRCUIT entry does.
#[derive(Debug, Clone)]
pub enum CircuitAction {
    /// Proofs under this key are accepted from now on.
    Accept(Box<VerifyingKey>),
    /// Proofs under this circuit are refused from now on.
    Retire(CircuitId),
}

impl PartialEq for CircuitChange {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.action, &other.action) {
            (CircuitAction::Accept(a), CircuitAction::Accept(b)) => a.to_bytes() == b.to_bytes(),
            (CircuitAction::Retire(a), CircuitAction::Retire(b)) => a == b,
            _ => false,
        };
        same && self.sequence == other.sequence
    }
}

impl Eq for CircuitChange {}

impl Body for CircuitChange {
    const KIND: Kind = Kind::Circuit;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        match &self.action {
            CircuitAction::Accept(key) => {
                let bytes = key.to_bytes();
                out.u8(1);
                out.u16(bytes.len() as u16);
                out.bytes(&bytes);
            }
            CircuitAction::Retire(id) => {
                out.u8(2);
                out.bytes(&id.0);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = input.u64("sequence")?;
        let action = match input.u8("circuit action")? {
            1 => {
                let length = input.u16("verifying key")?;
                let bytes = input.take("verifying key", length.into())?;
                let key = VerifyingKey::from_bytes(bytes)
                    .map_err(|e| DecodeError::canonical("verifying key", e))?;
                CircuitAction::Accept(Box::new(key))
            }
            2 => CircuitAction::Retire(CircuitId(input.array("circuit id")?)),
            _ => return Err(DecodeError::range("circuit action", "1 accept, 2 retire")),
        };
        Ok(Self { sequence, action })
    }
}

/// REGISTRY: a key leaf is put, ended or zeroed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// One more than the last governance entry's.
    pub sequence: u64,
    /// Index of the leaf, below 4^10.
    pub index: u32,
    /// What happens.
    pub action: RegistryAction,
}

/// What a REGISTRY entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "most entries are puts, and few are held at once"
)]
pub enum RegistryAction {
    /// A key takes an empty leaf.
    Put {
        /// The key, its role, party, scope and validity.
        leaf: KeyLeaf,
        /// The party's Ed25519 posting key from now on, whatever it was before.
        posting_key: PostingKey,
    },
    /// The key's last valid day moves forward in time to an earlier date.
    End {
        /// The new last day.
        valid_to: Day,
    },
    /// The key is compromised: its leaf becomes 0, as if it had never been.
    Zero,
}

impl Body for RegistryChange {
    const KIND: Kind = Kind::Registry;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.u32(self.index);
        match &self.action {
            RegistryAction::Put { leaf, posting_key } => {
                out.u8(1);
                out.fr(&leaf.ax);
                out.fr(&leaf.ay);
                out.u8(leaf.role as u8);
                out.name(&leaf.party);
                out.fr(&leaf.scope);
                out.day(leaf.valid_from);
                out.day(leaf.valid_to);
                out.key(posting_key);
            }
            RegistryAction::End { valid_to } => {
                out.u8(2);
                out.day(*valid_to);
            }
            RegistryAction::Zero => out.u8(3),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = input.u64("sequence")?;
        let index = input.u32("registry index")?;
        if index >> (2 * REGISTRY_DEPTH) != 0 {
            return Err(DecodeError::range("registry index", "below 4^10"));
        }
        let action = match input.u8("registry action")? {
            1 => RegistryAction::Put {
                leaf: KeyLeaf {
                    ax: input.fr("ax")?,
                    ay: input.fr("ay")?,
                    role: Role::from_number(input.u8("role")?).ok_or(DecodeError::range("role", "1 to 8"))?,
                    party: input.name("party")?,
                    scope: input.fr("scope")?,
                    valid_from: input.day("valid from")?,
                    valid_to: input.day("valid to")?,
                },
                posting_key: input.key("posting key")?,
            },
            2 => RegistryAction::End {
                valid_to: input.day("valid to")?,
            },
            3 => RegistryAction::Zero,
            _ => return Err(DecodeError::range("registry action", "1 put, 2 end, 3 zero")),
        };
        Ok(Self {
            sequence,
            index,
            action,
        })
    }
}

/// POLICY: a compiled policy is accepted, or its last day brought forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// One more than the last governance entry's.
    pub sequence: u64,
    /// What happens.
    pub action: PolicyAction,
}

/// What a POLICY entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAction {
    /// Statements under this policy are accepted within its dates.
    Accept(PolicyTerms),
    /// The policy's last day becomes an earlier one.
    End {
        /// The policy.
        id: Fr,
        /// The new last day.
        valid_to: Day,
    },
}

/// An accepted policy, as far as the ledger needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTerms {
    /// `policy_id` of the compiled policy.
    pub id: Fr,
    /// The policy's name.
    pub name: Name,
    /// The policy's version.
    pub version: Name,
    /// The domain: that of the statement (dispense, claim) or of the identities (eligibility).
    pub domain: Name,
    /// Which statement it is for, and whose it is.
    pub purpose: PolicyPurpose,
    /// First day on which a statement may be dated.
    pub valid_from: Day,
    /// Last day on which a statement may be dated.
    pub valid_to: Day,
    /// SHA-256 of the policy's text.
    pub text_hash: [u8; 32],
}

/// The statement that a policy is for, and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyPurpose {
    /// A dispensing policy of the domain.
    Dispense,
    /// A trial's criteria.
    Eligibility {
        /// The only party that may post under it.
        sponsor: Name,
    },
    /// A plan's conditions.
    Claim {
        /// The payer.
        payer: Name,
        /// Plan id, 96 bits.
        plan: u128,
    },
}

impl PolicyPurpose {
    /// The statement kind's number: dispense 2, eligibility 3, claim 4.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Dispense => 2,
            Self::Eligibility { .. } => 3,
            Self::Claim { .. } => 4,
        }
    }
}

impl Body for PolicyChange {
    const KIND: Kind = Kind::Policy;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        match &self.action {
            PolicyAction::Accept(p) => {
                out.u8(1);
                out.fr(&p.id);
                out.name(&p.name);
                out.name(&p.version);
                out.name(&p.domain);
                out.u8(p.purpose.kind());
                match &p.purpose {
                    PolicyPurpose::Dispense => {}
                    PolicyPurpose::Eligibility { sponsor } => out.name(sponsor),
                    PolicyPurpose::Claim { payer, plan } => {
                        out.name(payer);
                        out.bytes(&plan.to_be_bytes()[4..]);
                    }
                }
                out.day(p.valid_from);
                out.day(p.valid_to);
                out.bytes(&p.text_hash);
            }
            PolicyAction::End { id, valid_to } => {
                out.u8(2);
                out.fr(id);
                out.day(*valid_to);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = input.u64("sequence")?;
        let action = match input.u8("policy action")? {
            1 => PolicyAction::Accept(PolicyTerms {
                id: input.fr("policy id")?,
                name: input.name("policy name")?,
                version: input.name("policy version")?,
                domain: input.name("domain")?,
                purpose: purpose(input)?,
                valid_from: input.day("valid from")?,
                valid_to: input.day("valid to")?,
                text_hash: input.array("text hash")?,
            }),
            2 => PolicyAction::End {
                id: input.fr("policy id")?,
                valid_to: input.day("valid to")?,
            },
            _ => return Err(DecodeError::range("policy action", "1 accept, 2 end")),
        };
        Ok(Self { sequence, action })
    }
}

fn purpose(input: &mut Reader<'_>) -> Result<PolicyPurpose, DecodeError> {
    Ok(match input.u8("statement kind")? {
        2 => PolicyPurpose::Dispense,
        3 => PolicyPurpose::Eligibility {
            sponsor: input.name("sponsor")?,
        },
        4 => PolicyPurpose::Claim {
            payer: input.name("payer")?,
            plan: {
                let mut bytes = [0u8; 16];
                bytes[4..].copy_from_slice(input.take("plan", 12)?);
                u128::from_be_bytes(bytes)
            },
        },
        _ => {
            return Err(DecodeError::range(
                "statement kind",
                "2 dispense, 3 eligibility, 4 claim",
            ));
        }
    })
}
