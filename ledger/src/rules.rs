//! What governance has decided: circuits, registered keys, policies. Small enough to live in memory;
//! rebuilt at start from the governance entries alone.

use crate::refusal::Refusal;
use ed25519_dalek::VerifyingKey as PostingKey;
use medproof_verifier::{
    CircuitId, Day, Entry, Fr, KeyLeaf, Name, Role, VerifyingKey,
    eddsa::PublicKey,
    entry::{
        CircuitAction, CircuitChange, Genesis, PolicyAction, PolicyChange, PolicyPurpose, PolicyTerms,
        RegistryAction, RegistryChange,
    },
    field::fr_to_be_bytes,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A circuit that was accepted at some time.
#[derive(Debug, Clone)]
pub struct CircuitState {
    /// Its verifying key.
    pub key: Arc<VerifyingKey>,
    /// Proofs under it are refused.
    pub retired: bool,
}

#[derive(Debug, Clone)]
struct Party {
    posting_key: PostingKey,
    leaves: BTreeSet<u32>,
}

/// The rules in force.
#[derive(Debug, Clone)]
pub struct Rules {
    genesis: Genesis,
    ledger_id: [u8; 32],
    sequence: u64,
    circuits: BTreeMap<CircuitId, CircuitState>,
    registry: BTreeMap<u32, KeyLeaf>,
    parties: HashMap<Name, Party>,
    /// The one enrolment authority or payer of each domain, for good: whoever could put a second one
    /// beside it could mint its notes.
    owners: HashMap<[u8; 32], (Role, Name)>,
    policies: BTreeMap<[u8; 32], PolicyTerms>,
}

impl Rules {
    /// The rules right after genesis.
    pub fn new(genesis: Genesis) -> Self {
        Self {
            ledger_id: genesis.ledger_id(),
            genesis,
            sequence: 0,
            circuits: BTreeMap::new(),
            registry: BTreeMap::new(),
            parties: HashMap::new(),
            owners: HashMap::new(),
            policies: BTreeMap::new(),
        }
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The ledger's id.
    pub fn ledger_id(&self) -> &[u8; 32] {
        &self.ledger_id
    }

    /// Governance keys and threshold.
    pub fn governance(&self) -> (&[PostingKey], u8) {
        (&self.genesis.governance, self.genesis.threshold)
    }

    /// Last governance sequence number; 0 when there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// A circuit that was accepted at some time.
    pub fn circuit(&self, id: &CircuitId) -> Option<&CircuitState> {
        self.circuits.get(id)
    }

    /// Every circuit that was accepted at some time.
    pub fn circuits(&self) -> impl Iterator<Item = &CircuitState> {
        self.circuits.values()
    }

    /// The keys in the registry from a place on, in order, each with its index and its party's posting key.
    pub fn registry(&self, first: u32) -> impl Iterator<Item = (u32, &KeyLeaf, &PostingKey)> {
        self.registry
            .range(first..)
            .filter_map(|(index, leaf)| Some((*index, leaf, &self.parties.get(&leaf.party)?.posting_key)))
    }

    /// Every accepted policy.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyTerms> {
        self.policies.values()
    }

    /// An accepted policy.
    pub fn policy(&self, id: &Fr) -> Option<&PolicyTerms> {
        self.policies.get(&fr_to_be_bytes(id))
    }

    /// The key with which a party posts.
    pub fn posting_key(&self, party: &Name) -> Option<&PostingKey> {
        Some(&self.parties.get(party)?.posting_key)
    }

    /// Checks that a party has a key of this role (and scope, where one is asked for) that is in the
    /// registry now and valid on `day`.
    ///
    /// # Errors
    /// [`Refusal::Role`].
    pub fn require(&self, party: &Name, role: Role, scope: Option<&Fr>, day: Day) -> Result<(), Refusal> {
        let leaves = self.parties.get(party).into_iter().flat_map(|p| &p.leaves);
        let fits = |leaf: &KeyLeaf| {
            leaf.role == role && leaf.valid_on(day) && scope.is_none_or(|scope| leaf.scope == *scope)
        };
        if leaves.filter_map(|i| self.registry.get(i)).any(fits) {
            Ok(())
        } else {
            Err(Refusal::Role {
                party: party.clone(),
                role,
                day,
            })
        }
    }

    /// Checks a governance entry against the rules in force.
    ///
    /// # Errors
    /// [`Refusal`]; also for entries of another kind ([`Refusal::Reserved`]).
    pub(crate) fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        let (sequence, result) = match entry {
            Entry::Circuit(e) => (e.body.sequence, self.check_circuit(&e.body)),
            Entry::Registry(e) => (e.body.sequence, self.check_registry(&e.body)),
            Entry::Policy(e) => (e.body.sequence, self.check_policy(&e.body)),
            other => return Err(Refusal::Reserved(other.kind())),
        };
        let expected = self.sequence + 1;
        if sequence != expected {
            return Err(Refusal::GovernanceSequence {
                expected,
                got: sequence,
            });
        }
        result
    }

    /// Takes over a governance entry that [`Rules::check`] accepts. Gives the registry leaf that changes.
    pub(crate) fn accept(&mut self, entry: &Entry) -> Option<(u32, Fr)> {
        self.sequence += 1;
        match entry {
            Entry::Circuit(e) => {
                self.accept_circuit(&e.body);
                None
            }
            Entry::Registry(e) => Some(self.accept_registry(&e.body)),
            Entry::Policy(e) => {
                self.accept_policy(&e.body);
                None
            }
            _ => None,
        }
    }

    fn check_circuit(&self, change: &CircuitChange) -> Result<(), Refusal> {
        match &change.action {
            CircuitAction::Accept(key) => {
                let id = key.circuit_id();
                if self.circuits.contains_key(&id) {
                    return Err(Refusal::KnownCircuit(id));
                }
                if key.is_development() && !self.genesis.development {
                    return Err(Refusal::DevelopmentKey);
                }
                let same = |p: &&medproof_verifier::entry::PinnedCircuit| {
                    p.name == key.name() && p.version == key.version()
                };
                match self.genesis.pinned.iter().find(same) {
                    Some(pinned) if pinned.id != id => Err(Refusal::PinnedCircuit),
                    _ => Ok(()),
                }
            }
            CircuitAction::Retire(id) => match self.circuits.get(id) {
                None => Err(Refusal::UnknownCircuit(*id)),
                Some(circuit) if circuit.retired => Err(Refusal::RetiredCircuit(*id)),
                Some(_) => Ok(()),
            },
        }
    }

    fn accept_circuit(&mut self, change: &CircuitChange) {
        match &change.action {
            CircuitAction::Accept(key) => {
                let state = CircuitState {
                    key: Arc::new((**key).clone()),
                    retired: false,
                };
                self.circuits.insert(key.circuit_id(), state);
            }
            CircuitAction::Retire(id) => {
                if let Some(circuit) = self.circuits.get_mut(id) {
                    circuit.retired = true;
                }
            }
        }
    }

    fn check_registry(&self, change: &RegistryChange) -> Result<(), Refusal> {
        let index = change.index;
        match (&change.action, self.registry.get(&index)) {
            (RegistryAction::Put { .. }, Some(_)) => Err(Refusal::LeafInUse(index)),
            (RegistryAction::Put { leaf, .. }, None) => {
                if leaf.valid_to < leaf.valid_from {
                    return Err(Refusal::Validity);
                }
                check_leaf(leaf)?;
                self.check_owner(leaf)
            }
            (_, None) => Err(Refusal::LeafEmpty(index)),
            (RegistryAction::End { valid_to }, Some(leaf)) => {
                if *valid_to < leaf.valid_from || *valid_to >= leaf.valid_to {
                    return Err(Refusal::Validity);
                }
                Ok(())
            }
            (RegistryAction::Zero, Some(_)) => Ok(()),
        }
    }

    /// One enrolment authority or one payer a domain: identities and notes of a domain have one opener.
    fn check_owner(&self, leaf: &KeyLeaf) -> Result<(), Refusal> {
        if !matches!(leaf.role, Role::EnrolmentAuthority | Role::Payer) {
            return Ok(());
        }
        match self.owners.get(&fr_to_be_bytes(&leaf.scope)) {
            Some((role, owner)) if *role != leaf.role || *owner != leaf.party => Err(Refusal::DomainOwned {
                role: *role,
                owner: owner.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn accept_registry(&mut self, change: &RegistryChange) -> (u32, Fr) {
        let index = change.index;
        let leaf = match &change.action {
            RegistryAction::Put { leaf, posting_key } => {
                if matches!(leaf.role, Role::EnrolmentAuthority | Role::Payer) {
                    let owner = (leaf.role, leaf.party.clone());
                    self.owners.insert(fr_to_be_bytes(&leaf.scope), owner);
                }
                let party = self.parties.entry(leaf.party.clone()).or_insert_with(|| Party {
                    posting_key: *posting_key,
                    leaves: BTreeSet::new(),
                });
                party.posting_key = *posting_key;
                party.leaves.insert(index);
                self.registry.insert(index, leaf.clone());
                leaf.hash()
            }
            RegistryAction::End { valid_to } => match self.registry.get_mut(&index) {
                Some(leaf) => {
                    leaf.valid_to = *valid_to;
                    leaf.hash()
                }
                None => Fr::from(0u64),
            },
            RegistryAction::Zero => {
                if let Some(leaf) = self.registry.remove(&index)
                    && let Some(party) = self.parties.get_mut(&leaf.party)
                {
                    party.leaves.remove(&index);
                }
                Fr::from(0u64)
            }
        };
        (index, leaf)
    }

    fn check_policy(&self, change: &PolicyChange) -> Result<(), Refusal> {
        match &change.action {
            PolicyAction::Accept(terms) => {
                if self.policy(&terms.id).is_some() {
                    return Err(Refusal::KnownPolicy);
                }
                if terms.valid_to < terms.valid_from {
                    return Err(Refusal::Validity);
                }
                let overlaps = |other: &&PolicyTerms| {
                    // A policy that was ended altogether covers no day.
                    other.valid_from <= other.valid_to
                        && other.purpose == PolicyPurpose::Dispense
                        && other.domain == terms.domain
                        && other.valid_from <= terms.valid_to
                        && terms.valid_from <= other.valid_to
                };
                match self.policies().find(overlaps) {
                    // Two policies for one domain and date would let the patient choose.
                    Some(other) if terms.purpose == PolicyPurpose::Dispense => {
                        Err(Refusal::PolicyOverlap(other.name.clone()))
                    }
                    _ => Ok(()),
                }
            }
            PolicyAction::End { id, valid_to } => match self.policy(id) {
                None => Err(Refusal::UnknownPolicy),
                Some(terms) if *valid_to >= terms.valid_to => Err(Refusal::Validity),
                Some(_) => Ok(()),
            },
        }
    }

    fn accept_policy(&mut self, change: &PolicyChange) {
        match &change.action {
            PolicyAction::Accept(terms) => {
                self.policies.insert(fr_to_be_bytes(&terms.id), terms.clone());
            }
            PolicyAction::End { id, valid_to } => {
                if let Some(terms) = self.policies.get_mut(&fr_to_be_bytes(id)) {
                    terms.valid_to = *valid_to;
                }
            }
        }
    }
}

/// Checks key and scope of a leaf against its role (`docs/format.md`, section 3).
fn check_leaf(leaf: &KeyLeaf) -> Result<(), Refusal> {
    let role = leaf.role;
    let key = PublicKey {
        x: leaf.ax,
        y: leaf.ay,
    };
    let posts_only = matches!(
        role,
        Role::Pharmacy | Role::Sponsor | Role::InsurerGateway | Role::EnrolmentAuthority
    );
    if posts_only && (key.x, key.y) != (Fr::from(0u64), Fr::from(0u64)) {
        let rule = "signs with its posting key only: ax = ay = 0";
        return Err(Refusal::RoleKey { role, rule });
    }
    if !posts_only && key.check().is_err() {
        let rule = "is a point of prime order on Baby Jubjub";
        return Err(Refusal::RoleKey { role, rule });
    }
    let fits = match role {
        Role::Provider => {
            // An NPI has ten digits and begins with 1 or 2.
            let bytes = fr_to_be_bytes(&leaf.scope);
            let number = bytes[24..].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            bytes[..24].iter().all(|b| *b == 0) && (1_000_000_000..3_000_000_000).contains(&number)
        }
        Role::Sponsor => leaf.scope == leaf.party.to_fr(),
        _ => Name::from_fr(&leaf.scope).is_ok(),
    };
    let rule = match role {
        Role::Provider => "the provider's NPI",
        Role::Sponsor => "the sponsor's own party",
        _ => "the name of a domain",
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::RoleScope { role, rule })
    }
}
