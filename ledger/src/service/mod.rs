//! The gRPC service: decode, call, encode.

mod cosigned;
pub(crate) mod read;
mod status;

use crate::{
    clock::Clock,
    cosigning::Cosigned,
    pool::{Intake, NotTaken, Received},
    refusal::Refusal,
    sequencer::{Command, Outcome, Published},
    state::Spent,
    store::Store,
    submission::Submission,
    table::{Base, Change, StoreError, Table, nullifier_key, number},
};
use medproof_proto::{
    field::{self, FieldError},
    ledger::{self as wire, ledger_server::Ledger, nullifier_kind},
};
use medproof_verifier::{
    CircuitId, Day,
    cosignature::MAX_WITNESSES,
    entry::{Entry, Kind, MAX_INPUTS, statement_key},
    leaf_range::{MAX_RANGE_LEVELS, MIN_RANGE_LEVELS},
};
use read::Which;
#[cfg(test)]
pub(crate) use status::RETRY_AFTER;
use status::{busy, mirrored, refused, stopped, unreadable};
use std::{
    pin::Pin,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_stream::{Stream, StreamExt, wrappers::WatchStream};
use tonic::{Request, Response, Status};

/// Key of the development clock's offset in the `meta` table.
pub(crate) const CLOCK_KEY: &[u8] = b"clock";
/// Most registered keys in one answer: about 1 MB. Few in tests, so that they ask more than once.
const REGISTRY_PAGE: usize = if cfg!(test) { 4 } else { 4096 };

/// What becomes of entries that clients send.
pub(crate) enum Appends {
    /// They are checked and sequenced here.
    Taken(Sequenced),
    /// This is a mirror of the ledger at this address.
    Elsewhere(String),
}

/// Where entries go.
pub(crate) struct Sequenced {
    pub(crate) intake: Intake,
    pub(crate) commands: SyncSender<Command>,
    /// Entries that may be in the hands of the service at once, checking or waiting.
    pub(crate) places: Arc<Semaphore>,
}

/// What the service answers from.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) published: watch::Receiver<Arc<Published>>,
    pub(crate) appends: Appends,
    pub(crate) clock: Arc<dyn Clock>,
    /// What witnesses have cosigned, where any are asked, and how many there are.
    pub(crate) cosigned: Option<(watch::Receiver<Arc<Cosigned>>, usize)>,
}

impl Service {
    fn now(&self) -> Arc<Published> {
        self.published.borrow().clone()
    }

    /// Runs a read on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || read(&store)).await {
            Ok(answer) => answer.map_err(unreadable),
            Err(_) => Err(stopped()),
        }
    }
}

impl Sequenced {
    /// Decodes an entry on the CPU pool, looks it up, and checks one that is new against the rules of the
    /// last batch.
    async fn receive(&self, bytes: Vec<u8>) -> Result<Received, Status> {
        match self.intake.receive(bytes).await {
            Ok(answer) => answer.map_err(refused),
            Err(NotTaken::Full) => Err(busy()),
            Err(NotTaken::Stopped) => Err(stopped()),
        }
    }

    async fn sequence(&self, submission: Box<Submission>) -> Result<Result<Outcome, Refusal>, Status> {
        let (reply, outcome) = oneshot::channel();
        match self.commands.try_send(Command::Append(submission, reply)) {
            Ok(()) => outcome.await.map_err(|_| stopped()),
            Err(TrySendError::Full(_)) => Err(busy()),
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }
}

fn hashes(list: Vec<[u8; 32]>) -> Vec<Vec<u8>> {
    list.into_iter().map(|h| h.to_vec()).collect()
}

fn outside(field: &'static str, rule: String) -> Status {
    FieldError::new(field, rule).into()
}

#[tonic::async_trait]
impl Ledger for Service {
    async fn append(
        &self,
        request: Request<wire::AppendRequest>,
    ) -> Result<Response<wire::AppendResponse>, Status> {
        let appends = match &self.appends {
            Appends::Taken(appends) => appends,
            Appends::Elsewhere(primary) => return Err(mirrored(primary)),
        };
        let _place = appends.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let bytes = request.into_inner().entry;
        let outcome = match appends.receive(bytes).await? {
            Received::Known(effects) => Outcome {
                effects,
                repeated: true,
            },
            Received::New(submission) => appends.sequence(submission).await?.map_err(refused)?,
        };
        let index = outcome.effects.index;
        let (receipt, time) = self.read(move |store| read::receipt(store, index)).await?;
        Ok(Response::new(wire::AppendResponse {
            receipt: Some((&receipt).into()),
            repeated: outcome.repeated,
            commitment_index: outcome.effects.commitment_index,
            time,
        }))
    }

    async fn receipt(
        &self,
        request: Request<wire::ReceiptRequest>,
    ) -> Result<Response<wire::ReceiptResponse>, Status> {
        let wire::ReceiptRequest {
            index,
            cosignatures,
            witnesses,
        } = request.into_inner();
        let size = self.now().head.size;
        if index >= size {
            return Err(outside(
                "index",
                format!("is not below {size}, the size of the log"),
            ));
        }
        if witnesses.len() > MAX_WITNESSES {
            return Err(outside("witnesses", format!("are more than {MAX_WITNESSES}")));
        }
        let receipt = match usize::try_from(cosignatures).unwrap_or(usize::MAX) {
            0 => self.read(move |store| read::receipt(store, index)).await?.0,
            count => self.cosigned_receipt(index, (count, witnesses)).await?,
        };
        Ok(Response::new(wire::ReceiptResponse {
            receipt: Some((&receipt).into()),
        }))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<wire::GetResponse>, Status> {
        let wire::GetRequest { first, count } = request.into_inner();
        if !(1..=read::MAX_ENTRIES).contains(&count) {
            return Err(outside("count", format!("is not 1 to {}", read::MAX_ENTRIES)));
        }
        let size = self.now().head.size;
        let entries = self
            .read(move |store| read::entries(store, size, first, count))
            .await?;
        Ok(Response::new(wire::GetResponse { entries, size }))
    }

    async fn find(
        &self,
        request: Request<wire::FindRequest>,
    ) -> Result<Response<wire::FindResponse>, Status> {
        use wire::find_request::By;
        let (table, key) = match field::required("by", request.into_inner().by)? {
            By::LeafHash(hash) => (Table::ByLeaf, field::array::<32>("leaf_hash", &hash)?),
            By::Statement(key) => {
                let circuit = CircuitId(field::array("circuit_id", &key.circuit_id)?);
                if key.public_inputs.len() > MAX_INPUTS {
                    return Err(outside("public_inputs", format!("are more than {MAX_INPUTS}")));
                }
                let inputs = field::frs("public_inputs", &key.public_inputs)?;
                (Table::Statement, statement_key(&circuit, &inputs))
            }
        };
        let found = self.read(move |store| {
            let Some(row) = store.get(table, &key)? else {
                return Ok((None, None));
            };
            let index = number(table, &row)?;
            Ok((Some(index), read::commitment_index(store, index)?))
        });
        let (index, commitment_index) = found.await?;
        Ok(Response::new(wire::FindResponse {
            index,
            commitment_index,
        }))
    }

    async fn inclusion(
        &self,
        request: Request<wire::InclusionRequest>,
    ) -> Result<Response<wire::InclusionResponse>, Status> {
        let wire::InclusionRequest { index, size } = request.into_inner();
        let published = self.now();
        let size = if size == 0 { published.head.size } else { size };
        if size > published.head.size {
            return Err(outside(
                "size",
                format!("is above the log's {}", published.head.size),
            ));
        }
        if index >= size {
            return Err(outside("index", format!("is not below the size {size}")));
        }
        let proof = self
            .read(move |store| read::inclusion(store, size, index))
            .await?;
        let checkpoint = published.checkpoint.clone();
        Ok(Response::new(wire::InclusionResponse {
            proof: hashes(proof),
            size,
            checkpoint,
        }))
    }

    async fn consistency(
        &self,
        request: Request<wire::ConsistencyRequest>,
    ) -> Result<Response<wire::ConsistencyResponse>, Status> {
        let wire::ConsistencyRequest { first, second } = request.into_inner();
        let published = self.now();
        let second = if second == 0 { published.head.size } else { second };
        if second > published.head.size {
            return Err(outside(
                "second",
                format!("is above the log's {}", published.head.size),
            ));
        }
        if !(1..=second).contains(&first) {
            return Err(outside("first", format!("is not 1 to {second}")));
        }
        let proof = self
            .read(move |store| read::consistency(store, first, second))
            .await?;
        let checkpoint = published.checkpoint.clone();
        Ok(Response::new(wire::ConsistencyResponse {
            proof: hashes(proof),
            second,
            checkpoint,
        }))
    }

    async fn nullifier_spent(
        &self,
        request: Request<wire::NullifierSpentRequest>,
    ) -> Result<Response<wire::NullifierSpentResponse>, Status> {
        let message = request.into_inner();
        let kind = nullifier_kind(message.kind)?;
        field::fr("nullifier", &message.nullifier)?;
        let key = nullifier_key(kind, &field::array("nullifier", &message.nullifier)?);
        let row = self.read(move |store| store.get(Table::Nullifier, &key)).await?;
        let spent = row
            .map(|row| Spent::from_bytes(&row))
            .transpose()
            .map_err(unreadable)?;
        Ok(Response::new(wire::NullifierSpentResponse {
            spent: spent.is_some(),
            burned: spent.is_some_and(|s| s.burned),
            index: spent.map_or(0, |s| s.index),
        }))
    }

    async fn anchors(
        &self,
        _request: Request<wire::AnchorsRequest>,
    ) -> Result<Response<wire::AnchorsResponse>, Status> {
        let published = self.now();
        let time = self.clock.now().max(published.head.time);
        let head = published.head.clone();
        let anchors = self.read(move |store| read::anchors(store, &head, time)).await?;
        Ok(Response::new(wire::AnchorsResponse {
            time,
            anchors: anchors.iter().map(field::fr_bytes).collect(),
            identity_root: field::fr_bytes(&published.head.identity_root),
            registry_root: field::fr_bytes(&published.head.registry_root),
            commitments: published.head.commitments,
            size: published.head.size,
        }))
    }

    async fn registry(
        &self,
        request: Request<wire::RegistryRequest>,
    ) -> Result<Response<wire::RegistryResponse>, Status> {
        let published = self.now();
        let mut registry = published.rules.registry(request.into_inner().first);
        let keys = registry.by_ref().take(REGISTRY_PAGE);
        let keys = keys.map(|(index, leaf, posting_key)| {
            (&wire::RegisteredKey {
                index,
                leaf: leaf.clone(),
                posting_key: posting_key.to_bytes(),
            })
                .into()
        });
        Ok(Response::new(wire::RegistryResponse {
            keys: keys.collect(),
            next: registry.next().map(|(index, ..)| index),
        }))
    }

    async fn policies(
        &self,
        _request: Request<wire::PoliciesRequest>,
    ) -> Result<Response<wire::PoliciesResponse>, Status> {
        let policies = self.now().rules.policies().map(Into::into).collect();
        Ok(Response::new(wire::PoliciesResponse { policies }))
    }

    async fn circuits(
        &self,
        _request: Request<wire::CircuitsRequest>,
    ) -> Result<Response<wire::CircuitsResponse>, Status> {
        let published = self.now();
        let circuits = published.rules.circuits().map(|circuit| {
            (&wire::KnownCircuit {
                key: (*circuit.key).clone(),
                retired: circuit.retired,
            })
                .into()
        });
        Ok(Response::new(wire::CircuitsResponse {
            circuits: circuits.collect(),
        }))
    }

    async fn sequence(
        &self,
        request: Request<wire::SequenceRequest>,
    ) -> Result<Response<wire::SequenceResponse>, Status> {
        let party = request.into_inner().party;
        if party.is_empty() {
            let last = self.now().rules.sequence();
            return Ok(Response::new(wire::SequenceResponse { last }));
        }
        let party = field::name("party", &party)?;
        let last = self.read(move |store| {
            let row = store.get(Table::Party, party.as_str().as_bytes())?;
            row.map_or(Ok(0), |row| number(Table::Party, &row))
        });
        Ok(Response::new(wire::SequenceResponse { last: last.await? }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<wire::WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _request: Request<wire::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let updates = WatchStream::new(self.published.clone()).map(|published| {
            if published.healthy {
                let checkpoint = published.checkpoint.clone();
                Ok(wire::WatchResponse {
                    size: published.head.size,
                    checkpoint,
                })
            } else {
                Err(stopped())
            }
        });
        Ok(Response::new(Box::pin(updates)))
    }

    async fn auth_path(
        &self,
        request: Request<wire::AuthPathRequest>,
    ) -> Result<Response<wire::AuthPathResponse>, Status> {
        let wire::AuthPathRequest { tree, first, levels } = request.into_inner();
        let which = match wire::Tree::try_from(tree) {
            Ok(wire::Tree::Commitment) => Which::Commitment,
            Ok(wire::Tree::Identity) => Which::Identity,
            Ok(wire::Tree::Registry) => Which::Registry,
            _ => return Err(outside("tree", "is not 1, 2 or 3".into())),
        };
        let levels = usize::try_from(levels).unwrap_or(usize::MAX);
        if !(MIN_RANGE_LEVELS..=MAX_RANGE_LEVELS).contains(&levels) {
            return Err(outside(
                "levels",
                format!("is not {MIN_RANGE_LEVELS} to {MAX_RANGE_LEVELS}"),
            ));
        }
        let first = match u32::try_from(first) {
            Ok(small) if first >> (2 * which.depth()) == 0 && first % (1 << (2 * levels)) == 0 => small,
            _ => {
                return Err(outside(
                    "first",
                    "does not begin a range of this size in the tree".into(),
                ));
            }
        };
        let range = self
            .read(move |store| read::range(store, which, first, levels))
            .await?;
        Ok(Response::new(wire::AuthPathResponse {
            leaves: range.leaves.iter().map(field::fr_bytes).collect(),
            siblings: range.siblings.iter().map(field::fr_bytes).collect(),
            root: field::fr_bytes(&range.root),
            size: range.size,
        }))
    }

    async fn status(
        &self,
        _request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        let published = self.now();
        let head = &published.head;
        let count = |(kind, count): (Kind, u64)| wire::EntryCount {
            kind: kind.as_str().into(),
            count,
        };
        Ok(Response::new(wire::StatusResponse {
            healthy: published.healthy,
            genesis: Entry::Genesis(published.rules.genesis().clone()).to_bytes(),
            time: self.clock.now().max(head.time),
            size: head.size,
            batches: head.batches,
            commitments: head.commitments,
            nullifiers: head.nullifiers.to_vec(),
            entries: Kind::ALL.into_iter().zip(head.kinds).map(count).collect(),
            checkpoint: published.checkpoint.clone(),
        }))
    }

    async fn set_clock(
        &self,
        request: Request<wire::SetClockRequest>,
    ) -> Result<Response<wire::SetClockResponse>, Status> {
        if let Appends::Elsewhere(primary) = &self.appends {
            return Err(mirrored(primary));
        }
        let time = request.into_inner().time;
        let published = self.now();
        if !published.rules.genesis().development {
            return Err(Status::permission_denied(
                "only a development ledger's clock can be set",
            ));
        }
        let earliest = self.clock.now().max(published.head.time);
        if time < earliest || time > Day::LAST.to_unix_seconds() {
            return Err(outside(
                "time",
                format!("is not from {earliest} on, or beyond {}", Day::LAST),
            ));
        }
        let Some(offset) = self.clock.set(time) else {
            return Err(Status::failed_precondition(
                "this ledger runs on a clock that cannot be set",
            ));
        };
        let row: Change = (
            (Table::Meta, CLOCK_KEY.to_vec()),
            Some(offset.to_be_bytes().to_vec()),
        );
        self.read(move |store| store.write(vec![row], true)).await?;
        Ok(Response::new(wire::SetClockResponse { time }))
    }
}
