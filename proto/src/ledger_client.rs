//! A client of the ledger that believes nothing it can check: genesis against the ledger's id,
//! receipts against the log's key, ranges against their roots.

mod seals;

use crate::{
    address::{Address, NotReached},
    field::{self, FieldError},
    ledger::{
        self as wire, AppendRequest, AuthPathRequest, KnownCircuit, RegisteredKey, Tree,
        ledger_client::LedgerClient,
    },
    retry,
};
use medproof_verifier::{
    Entry, Fr, LogKey, Name, Path, Receipt,
    cosignature::{CosignatureError, WitnessPolicy},
    entry::{Genesis, NullifierKind, PolicyTerms},
    leaf_range::{LeafRange, MAX_RANGE_LEVELS, MIN_RANGE_LEVELS},
    receipt::ReceiptError,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tonic::{Code, Request, Status, transport::Channel};

/// Longest time for one request.
const DEADLINE: Duration = Duration::from_secs(30);
/// Levels of the ranges that are asked for: 1,024 leaves.
const RANGE_LEVELS: usize = 5;
/// Leaves of one range.
pub const RANGE_LEAVES: u64 = 1 << (2 * RANGE_LEVELS);
const _: () = assert!(MIN_RANGE_LEVELS <= RANGE_LEVELS && RANGE_LEVELS <= MAX_RANGE_LEVELS);

/// Why a request to the ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("cannot reach the ledger at {address}: {source}")]
    Connect {
        /// Where it was looked for.
        address: String,
        /// Why.
        source: NotReached,
    },
    /// The ledger refuses the request, or cannot answer it.
    #[error("the ledger answers {:?}: {}", .0.code(), .0.message())]
    Status(Box<Status>),
    /// The answer has a bad field.
    #[error("the ledger's answer is malformed: {0}")]
    Answer(#[from] FieldError),
    /// The genesis is not that of the ledger that was asked for.
    #[error("this is another ledger: its id is {got}, expected {expected}")]
    OtherLedger {
        /// The id expected, in hexadecimal.
        expected: String,
        /// The id that the answer has.
        got: String,
    },
    /// The receipt does not hold: the ledger has not shown that the entry is in its log.
    #[error("the ledger's receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
    /// The cosignatures are not those that were asked for.
    #[error("the cosignatures on the ledger's receipt do not hold: {0}")]
    Cosignatures(#[from] CosignatureError),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl ClientError {
    /// The status, when the ledger answered with one or did not answer.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// How long a ledger whose queue is full asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status().and_then(retry::retry_after)
    }

    /// Whether the ledger has refused the request for good, so that an entry that was sent once is not in its log.
    /// A deadline, a connection that broke and a mirror leave that open, although they come as a status too.
    pub fn is_refusal(&self) -> bool {
        let Some(status) = self.status() else {
            return false;
        };
        matches!(
            status.code(),
            Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::PermissionDenied
                | Code::FailedPrecondition
                | Code::OutOfRange
                | Code::Unauthenticated
        )
    }
}

/// Where the registry goes on after an answer to a request from `first`. Keys must come in order, so that reading ends.
fn next_page(first: u32, answer: &wire::RegistryResponse) -> Result<Option<u32>, FieldError> {
    let mut from = Some(first);
    for key in &answer.keys {
        match from {
            Some(from) if key.index >= from => {}
            _ => return Err(FieldError::new("keys", "are not in the order of their places")),
        }
        from = key.index.checked_add(1);
    }
    match (answer.next, from) {
        (None, _) => Ok(None),
        (Some(next), Some(from)) if next >= from && !answer.keys.is_empty() => Ok(Some(next)),
        _ => Err(FieldError::new("next", "does not lead on")),
    }
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The receipt, verified.
    pub receipt: Receipt,
    /// The same entry had been appended before.
    pub repeated: bool,
    /// Position of the commitment that the entry appended, if it appended one.
    pub commitment_index: Option<u64>,
    /// Unix time of the entry's seal.
    pub time: u64,
}

/// Roots that the next entry may refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchors {
    /// The ledger's Unix time.
    pub time: u64,
    /// Accepted commitment roots, newest first.
    pub anchors: Vec<Fr>,
    /// Identity root of the last seal.
    pub identity_root: Fr,
    /// Registry root of the last seal.
    pub registry_root: Fr,
    /// Commitments under the newest anchor.
    pub commitments: u64,
}

/// A connection to one ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: LedgerClient<Channel>,
    genesis: Genesis,
    ledger_id: [u8; 32],
    log: LogKey,
    /// Size of the largest log whose last seal was seen, shared by all clones.
    seen: Arc<AtomicU64>,
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

impl Ledger {
    /// Connects. The genesis that the ledger answers must hash to `expected` where it is given; without it the first
    /// answer is trusted, and the caller keeps [`Ledger::ledger_id`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect(address: &Address, expected: Option<[u8; 32]>) -> Result<Self, ClientError> {
        let channel = address.connect().await;
        let channel = channel.map_err(|source| ClientError::Connect {
            address: address.to_string(),
            source,
        })?;
        let mut inner = LedgerClient::new(channel);
        let status = inner.status(request(wire::StatusRequest {})).await?.into_inner();
        let Entry::Genesis(genesis) = wire::decode_entry(&status.genesis)? else {
            return Err(FieldError::new("genesis", "is another kind of entry").into());
        };
        let ledger_id = genesis.ledger_id();
        if let Some(expected) = expected.filter(|e| *e != ledger_id) {
            let text = |id: &[u8; 32]| id.iter().map(|b| format!("{b:02x}")).collect();
            return Err(ClientError::OtherLedger {
                expected: text(&expected),
                got: text(&ledger_id),
            });
        }
        let log = LogKey::new(&genesis.origin, genesis.log_key)
            .map_err(|e| FieldError::new("genesis", format!("is refused: {e}")))?;
        Ok(Self {
            inner,
            genesis,
            ledger_id,
            log,
            seen: Arc::default(),
        })
    }

    /// The ledger's genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The ledger's id.
    pub fn ledger_id(&self) -> [u8; 32] {
        self.ledger_id
    }

    /// The key that signs its checkpoints.
    pub fn log_key(&self) -> &LogKey {
        &self.log
    }

    /// The generated client, for calls that have no method here.
    pub fn raw(&mut self) -> &mut LedgerClient<Channel> {
        &mut self.inner
    }

    /// Appends an entry, waits until it is on disk, and checks the receipt.
    ///
    /// # Errors
    /// [`ClientError`]; after a lost connection the same call again gives the first receipt.
    pub async fn append(&mut self, entry: &Entry) -> Result<Appended, ClientError> {
        let bytes = entry.to_bytes();
        let answer = self
            .inner
            .append(request(AppendRequest { entry: bytes.clone() }))
            .await?
            .into_inner();
        let receipt: Receipt = field::required("receipt", answer.receipt)?.try_into()?;
        if answer.repeated {
            // A repeated statement may have had other proof bytes, so the log's copy is what is proven.
            let stored = self.entries(receipt.index, 1).await?;
            let stored = field::required("entries", stored.into_iter().next())?;
            if !same_event(entry, &bytes, &stored)? {
                return Err(FieldError::new("receipt", "is for another entry").into());
            }
            receipt.verify(&stored, &self.log)?;
        } else {
            receipt.verify(&bytes, &self.log)?;
        }
        Ok(Appended {
            receipt,
            repeated: answer.repeated,
            commitment_index: answer.commitment_index,
            time: answer.time,
        })
    }

    /// Canonical bytes of up to `count` entries from `first` on; fewer at the end of the log or at
    /// the ledger's limits.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entries(&mut self, first: u64, count: u32) -> Result<Vec<Vec<u8>>, ClientError> {
        let answer = self.inner.get(request(wire::GetRequest { first, count })).await?;
        Ok(answer.into_inner().entries)
    }

    /// An entry of the log and its receipt under a checkpoint with at least `cosignatures` cosignatures, which are
    /// waited for. The log's signature and the inclusion proof are checked here; the witnesses' are for whoever
    /// has chosen them (`Receipt::verify_cosigned`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipt(
        &mut self,
        index: u64,
        cosignatures: u32,
    ) -> Result<(Vec<u8>, Receipt), ClientError> {
        let message = wire::ReceiptRequest {
            index,
            cosignatures,
            witnesses: vec![],
        };
        self.asked_receipt(message).await
    }

    /// The receipt of `entry`, which is at `index`, under a checkpoint with as many cosignatures as the policy asks for,
    /// of its witnesses, which are waited for (10 s at most). Everything is checked here.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cosigned_receipt(
        &mut self,
        entry: &Entry,
        index: u64,
        policy: &WitnessPolicy,
    ) -> Result<Receipt, ClientError> {
        let message = wire::ReceiptRequest {
            index,
            // At most 32.
            cosignatures: policy.quorum() as u32,
            witnesses: policy.witnesses().iter().map(ToString::to_string).collect(),
        };
        let (stored, receipt) = self.asked_receipt(message).await?;
        if !same_event(entry, &entry.to_bytes(), &stored)? {
            return Err(FieldError::new("receipt", "is for another entry").into());
        }
        receipt.verify_cosigned(&stored, policy)?;
        Ok(receipt)
    }

    async fn asked_receipt(
        &mut self,
        message: wire::ReceiptRequest,
    ) -> Result<(Vec<u8>, Receipt), ClientError> {
        let index = message.index;
        let answer = self.inner.receipt(request(message)).await?.into_inner();
        let receipt: Receipt = field::required("receipt", answer.receipt)?.try_into()?;
        if receipt.index != index {
            return Err(FieldError::new("receipt", "is for another entry").into());
        }
        let entry = self.entries(index, 1).await?.into_iter().next();
        let entry = field::required("entries", entry)?;
        receipt.verify(&entry, &self.log)?;
        Ok((entry, receipt))
    }

    /// Roots that the next entry may refer to. The answer is not signed: a wrong root costs a proof, for the ledger
    /// refuses it; who checks a root in the ledger's place takes [`Ledger::last_seal`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn anchors(&mut self) -> Result<Anchors, ClientError> {
        let answer = self
            .inner
            .anchors(request(wire::AnchorsRequest {}))
            .await?
            .into_inner();
        Ok(Anchors {
            time: answer.time,
            anchors: field::frs("anchors", &answer.anchors)?,
            identity_root: field::fr("identity_root", &answer.identity_root)?,
            registry_root: field::fr("registry_root", &answer.registry_root)?,
            commitments: answer.commitments,
        })
    }

    /// The aligned range of 1,024 leaves that holds leaf `index`, at the last seal's root.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn range<const DEPTH: usize>(
        &mut self,
        tree: Tree,
        index: u64,
    ) -> Result<LeafRange<DEPTH>, ClientError> {
        let first = LeafRange::<DEPTH>::first_for(index, RANGE_LEVELS);
        let message = AuthPathRequest {
            tree: tree.into(),
            first,
            levels: RANGE_LEVELS as u32,
        };
        let answer = self.inner.auth_path(request(message)).await?.into_inner();
        Ok(wire::leaf_range(first, RANGE_LEVELS, &answer)?)
    }

    /// The leaf at `index`, its path and its root, by way of a range.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn path<const DEPTH: usize>(
        &mut self,
        tree: Tree,
        index: u64,
    ) -> Result<(Fr, Path<DEPTH>, Fr), ClientError> {
        let range = self.range::<DEPTH>(tree, index).await?;
        let (leaf, path) = range
            .path(index)
            .map_err(|e| FieldError::new("leaves", format!("are refused: {e}")))?;
        Ok((leaf, path, range.root()))
    }

    /// Whether a nullifier is spent, or a fill burned.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn nullifier_spent(
        &mut self,
        kind: NullifierKind,
        nullifier: &Fr,
    ) -> Result<bool, ClientError> {
        Ok(self.spending_entry(kind, nullifier).await?.is_some())
    }

    /// The leaf index of the entry that spent a nullifier (or burned a fill), if there is one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn spending_entry(
        &mut self,
        kind: NullifierKind,
        nullifier: &Fr,
    ) -> Result<Option<u64>, ClientError> {
        let message = wire::NullifierSpentRequest {
            kind: wire::NullifierKind::from(kind).into(),
            nullifier: field::fr_bytes(nullifier),
        };
        let answer = self.inner.nullifier_spent(request(message)).await?.into_inner();
        Ok(answer.spent.then_some(answer.index))
    }

    /// Every registered key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn registry(&mut self) -> Result<Vec<RegisteredKey>, ClientError> {
        let (mut keys, mut first) = (vec![], 0);
        loop {
            let asked = request(wire::RegistryRequest { first });
            let answer = self.inner.registry(asked).await?.into_inner();
            let next = next_page(first, &answer)?;
            for key in answer.keys {
                keys.push(RegisteredKey::try_from(key)?);
            }
            match next {
                Some(next) => first = next,
                None => return Ok(keys),
            }
        }
    }

    /// Every accepted policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn policies(&mut self) -> Result<Vec<PolicyTerms>, ClientError> {
        let answer = self.inner.policies(request(wire::PoliciesRequest {})).await?;
        let policies = answer
            .into_inner()
            .policies
            .into_iter()
            .map(PolicyTerms::try_from);
        Ok(policies.collect::<Result<_, _>>()?)
    }

    /// Every circuit that was ever accepted.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn circuits(&mut self) -> Result<Vec<KnownCircuit>, ClientError> {
        let answer = self.inner.circuits(request(wire::CircuitsRequest {})).await?;
        let circuits = answer
            .into_inner()
            .circuits
            .into_iter()
            .map(KnownCircuit::try_from);
        Ok(circuits.collect::<Result<_, _>>()?)
    }

    /// Last sequence number that a party (or, without one, governance) has used; 0 when none. A party's
    /// next one is any larger number, governance's is this and one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn last_sequence(&mut self, party: Option<&Name>) -> Result<u64, ClientError> {
        let party = party.map(Name::to_string).unwrap_or_default();
        let answer = self
            .inner
            .sequence(request(wire::SequenceRequest { party }))
            .await?;
        Ok(answer.into_inner().last)
    }

    /// Sets the clock of a development ledger forward.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_clock(&mut self, time: u64) -> Result<u64, ClientError> {
        let answer = self
            .inner
            .set_clock(request(wire::SetClockRequest { time }))
            .await?;
        Ok(answer.into_inner().time)
    }
}

/// Whether the stored bytes are the entry that was sent, or a post of the same public inputs.
fn same_event(sent: &Entry, sent_bytes: &[u8], stored: &[u8]) -> Result<bool, FieldError> {
    Ok(match (sent, wire::decode_entry(stored)?) {
        (Entry::Statement(sent), Entry::Statement(stored)) => sent.key() == stored.key(),
        _ => sent_bytes == stored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_an_entrys_fate_open_is_no_refusal() {
        let refuses = |code| ClientError::from(Status::new(code, "")).is_refusal();
        // tonic gives these for a deadline, a connection that breaks, and a server that dies; a mirror the last.
        let open = [
            Code::DeadlineExceeded,
            Code::Cancelled,
            Code::Unavailable,
            Code::Unknown,
            Code::Internal,
            Code::ResourceExhausted,
            Code::Aborted,
            Code::Unimplemented,
        ];
        assert_eq!(open.map(refuses), [false; 8]);
        for code in [
            Code::PermissionDenied,
            Code::AlreadyExists,
            Code::FailedPrecondition,
        ] {
            assert!(refuses(code), "{code:?}");
        }
    }

    #[test]
    fn a_registry_that_does_not_lead_on_is_refused() {
        let answer = |indices: &[u32], next| wire::RegistryResponse {
            keys: indices
                .iter()
                .map(|index| wire::RegistryKey {
                    index: *index,
                    ..Default::default()
                })
                .collect(),
            next,
        };
        for (first, answer, expected) in [
            (0, answer(&[], None), Ok(None)),
            (0, answer(&[0, 3], None), Ok(None)),
            (0, answer(&[0, 3], Some(4)), Ok(Some(4))),
            (2, answer(&[3], Some(9)), Ok(Some(9))),
            (0, answer(&[u32::MAX], None), Ok(None)),
            (0, answer(&[], Some(7)), Err("next")),
            (0, answer(&[0, 3], Some(3)), Err("next")),
            (0, answer(&[u32::MAX], Some(u32::MAX)), Err("next")),
            (2, answer(&[1], None), Err("keys")),
            (0, answer(&[1, 1], None), Err("keys")),
            (0, answer(&[u32::MAX, 0], None), Err("keys")),
        ] {
            let got = next_page(first, &answer).map_err(|error| error.field);
            assert_eq!(got, expected, "{first} {answer:?}");
        }
    }
}
