//! Checking a ledger's directory: every row of every table against the entries, and the entries against what was
//! signed. Nothing is changed. Proofs and signatures of entries are the business of [`crate::audit()`].

mod commitments;
mod cursor;
mod log;
mod nullifiers;
mod replay;

use crate::{
    backup::CHECKPOINT_FILE,
    cosigning,
    mirror::{PRIMARY_KEY, is_mirror},
    signed_record::{self, SignedHead},
    state::{HEAD_KEY, Spent, read_entry},
    store::Store,
    table::{Base, StoreError, Table, number},
};
use cursor::Cursor;
use medproof_verifier::{
    Checkpoint, Entry, LogKey, Statement, Tag,
    entry::{Kind, NullifierKind},
    field::fr_to_be_bytes,
    tagged,
};
use replay::{Finished, Replay};
use std::{
    io,
    path::{Path, PathBuf},
};
use tlog_tiles::tlog::stored_hash_index;

/// Most problems that are listed; the rest are counted.
const MAX_LISTED: usize = 100;
/// Rows of a look-up table between two reports of progress.
const STEP: u64 = 1024;

/// Why nothing could be checked. What is wrong with a ledger is in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// There is no ledger, or it is in use.
    #[error(transparent)]
    Store(StoreError),
    /// No database there.
    #[error("there is no ledger in {}: it has no folder `db`", .0.display())]
    NoLedger(PathBuf),
    /// A file beside the database cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Something that is not as the entries, or what was signed, lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Table or file.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Batches sealed.
    pub batches: u64,
    /// Entries by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// Stored checkpoints whose signature and root hold.
    pub checkpoints: u64,
    /// Heads in `signed-checkpoints`, or 1 for the checkpoint of a backup.
    pub signed_heads: u64,
    /// The directory is a backup: it has a checkpoint instead of `signed-checkpoints`, and no ledger signs from it.
    pub backup: bool,
    /// The directory is a mirror's, or a backup of one: it holds its primary's checkpoints, and not one for each batch.
    pub mirror: bool,
    /// Rows read, by table.
    pub rows: Vec<(&'static str, u64)>,
    /// Root of the log after the last seal.
    pub root: [u8; 32],
    /// The first problems, at most 100.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
    /// What a crash may leave, and the next start repairs.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
    count: u64,
    notes: Vec<String>,
}

impl Findings {
    fn problem(&mut self, place: &str, what: impl ToString) {
        self.count += 1;
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem {
                place: place.to_owned(),
                what: what.to_string(),
            });
        }
    }

    fn note(&mut self, what: String) {
        if self.notes.len() < MAX_LISTED {
            self.notes.push(what);
        }
    }
}

/// Checks the ledger in `directory`, or a backup of one. It must not be running: of a running ledger, check a backup.
/// `progress` is told how many steps are done, of how many.
///
/// # Errors
/// [`FsckError`] when there is nothing that can be checked.
pub fn fsck(directory: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Report, FsckError> {
    let path = directory.join("db");
    if !path.is_dir() {
        return Err(FsckError::NoLedger(directory.to_owned()));
    }
    let mut findings = Findings::default();
    let mut report = Report::default();
    let signed = signed(directory, &mut findings, &mut report)?;
    match Store::open_read_only(&path) {
        Ok(store) => {
            report.mirror = is_mirror(&store).unwrap_or_default();
            if signed.missing && !report.mirror {
                findings.problem(RECORD, NO_RECORD);
            }
            let checked = check(&store, &signed, &mut findings, &mut report, &mut progress);
            if let Err(error) = checked {
                findings.problem("db", error);
            }
        }
        Err(error @ StoreError::InUse(_)) => return Err(FsckError::Store(error)),
        // Damage that the database itself refuses.
        Err(error) => {
            findings.problem("db", error);
            if signed.missing {
                findings.problem(RECORD, NO_RECORD);
            }
        }
    }
    report.problems = findings.problems;
    report.problem_count = findings.count;
    report.notes = findings.notes;
    Ok(report)
}

/// What was signed, from the record beside the database, or from a backup's checkpoint.
struct Signed {
    heads: Vec<SignedHead>,
    checkpoint: Option<Vec<u8>>,
    /// Neither of the two is there, as in a mirror's directory.
    missing: bool,
}

/// The record of what was signed.
const RECORD: &str = "signed-checkpoints";
const NO_RECORD: &str = "is missing: no ledger will sign from this directory";

fn signed(directory: &Path, findings: &mut Findings, report: &mut Report) -> Result<Signed, FsckError> {
    let name = RECORD;
    let path = directory.join(name);
    let failed = |path: PathBuf| move |source| FsckError::Io { path, source };
    let none = |checkpoint: Option<Vec<u8>>| Signed {
        heads: vec![],
        missing: checkpoint.is_none(),
        checkpoint,
    };
    let records = match signed_record::read(&path) {
        Ok(records) => records,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = directory.join(CHECKPOINT_FILE);
            if !path.exists() {
                return Ok(none(None));
            }
            report.backup = true;
            let note = std::fs::read(&path).map_err(failed(path))?;
            return Ok(none(Some(note)));
        }
        Err(error) => return Err(failed(path)(error)),
    };
    for number in &records.damaged {
        let number = number + 1;
        findings.problem(name, format!("the checksum of record {number} does not hold"));
    }
    if records.torn > 0 {
        let torn = records.torn;
        findings.note(format!(
            "{name} ends with {torn} bytes of a record that a crash cut off; the next start drops them"
        ));
    }
    if records.heads.is_empty() {
        findings.problem(name, "has no whole record");
    }
    for pair in records.heads.windows(2) {
        if let [before, after] = pair
            && before.size >= after.size
        {
            findings.problem(
                name,
                format!("a head of size {} follows one of {}", after.size, before.size),
            );
        }
    }
    report.signed_heads = records.heads.len() as u64;
    Ok(Signed {
        heads: records.heads,
        checkpoint: None,
        missing: false,
    })
}

fn check(
    store: &Store,
    signed: &Signed,
    findings: &mut Findings,
    report: &mut Report,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    let head = store.get(Table::Meta, HEAD_KEY)?;
    // For the progress only; the row itself is compared below. Each entry is met twice: in the log and by its hash.
    let size = head.as_deref().and_then(|row| row.first_chunk::<8>());
    let steps = 2 * size.map_or(0, |size| u64::from_be_bytes(*size)).min(u64::MAX / 2);
    let mut heads = signed.heads.clone();
    if let Some(note) = &signed.checkpoint {
        heads.extend(signed_head(store, note, CHECKPOINT_FILE, findings));
        report.signed_heads = heads.len() as u64;
    }
    if let Some(note) = store.get(Table::Meta, PRIMARY_KEY)? {
        let seen = signed_head(store, &note, Table::Meta.as_str(), findings);
        let size = size.map_or(0, |size| u64::from_be_bytes(*size));
        match seen.filter(|seen| seen.size > size) {
            Some(seen) => findings.note(format!(
                "the primary has signed a checkpoint of {} entries, of which this mirror has {size} so far",
                seen.size
            )),
            None => heads.extend(seen),
        }
    }
    let mut replay = Replay::new(store, &heads, report.mirror, findings);
    let mut entries = Cursor::new(store, Table::Entry, findings);
    while let Some((key, bytes)) = entries.take(findings) {
        let index = number(Table::Entry, &key)?;
        // A gap larger than the log was is not filled one by one.
        if index > replay.head.size.saturating_add(steps) {
            findings.problem(
                Table::Entry.as_str(),
                format!("entry {index} lies beyond the log's end"),
            );
            break;
        }
        while replay.head.size < index {
            replay.missing(findings)?;
        }
        replay.take(&bytes, findings)?;
        progress(index + 1, steps);
    }
    report.entries = entries.read;
    if replay.head.size == 0 {
        findings.problem(Table::Entry.as_str(), "there are no entries");
    }
    if head.as_deref() != Some(&replay.head.to_bytes()[..]) {
        findings.problem(
            Table::Meta.as_str(),
            "the head row is not what the entries lead to",
        );
    }
    report.batches = replay.head.batches;
    report.kinds = replay.head.kinds;
    report.root = replay.root;
    report.checkpoints = replay.checkpoints;
    let size = replay.head.size;
    let Finished { rows, rules } = replay.finish(findings);
    let statement = |entry: &Entry| match (entry, &rules) {
        (Entry::Statement(post), Some(rules)) => {
            let circuit = rules.circuit(&post.circuit_id)?;
            Statement::from_slice(circuit.key.name(), &post.inputs).ok()
        }
        _ => None,
    };
    let mut all = vec![(Table::Entry, report.entries)];
    all.extend(rows);
    let mut done = size;
    all.push((
        Table::ByLeaf,
        by_leaf(store, size, findings, |step| {
            done += step;
            progress(done, steps);
        })?,
    ));
    all.push((Table::Statement, statements(store, findings)?));
    all.push((Table::Nullifier, nullifiers(store, statement, findings)?));
    all.push((Table::Cosigned, cosigned(store, findings)));
    all.push((Table::Meta, meta(store, findings)));
    report.rows = all
        .into_iter()
        .map(|(table, rows)| (table.as_str(), rows))
        .collect();
    report.rows.sort_unstable();
    Ok(())
}

/// The head of a checkpoint that is found in `place`, if the log's key signed it.
fn signed_head(store: &Store, note: &[u8], place: &str, findings: &mut Findings) -> Option<SignedHead> {
    let verified = match read_entry(|t, key| store.get(t, key), 0) {
        Ok((_, Entry::Genesis(genesis))) => LogKey::new(&genesis.origin, genesis.log_key)
            .and_then(|key| Checkpoint::verify(note, &key))
            .map_err(|e| e.to_string()),
        _ => Err("entry 0 is no genesis".to_owned()),
    };
    match verified {
        Ok(checkpoint) => Some(SignedHead {
            size: checkpoint.size(),
            root: *checkpoint.root(),
        }),
        Err(error) => {
            findings.problem(place, error);
            None
        }
    }
}

/// Every leaf hash must be that of the entry that it names.
fn by_leaf(
    store: &Store,
    size: u64,
    findings: &mut Findings,
    mut progress: impl FnMut(u64),
) -> Result<u64, StoreError> {
    let table = Table::ByLeaf;
    let mut rows = Cursor::new(store, table, findings);
    while let Some((leaf, row)) = rows.take(findings) {
        let index = number(table, &row).ok().filter(|index| *index < size);
        let hash = match index {
            Some(index) => store.get(Table::Hash, &stored_hash_index(0, index).to_be_bytes())?,
            None => None,
        };
        if hash.as_ref() != Some(&leaf) {
            findings.problem(
                table.as_str(),
                format!("a row names entry {index:?}, whose leaf hash is another"),
            );
        }
        if rows.read.is_multiple_of(STEP) {
            progress(STEP);
        }
    }
    Ok(rows.finish(findings))
}

/// Every statement key must be that of the entry that it names.
fn statements(store: &Store, findings: &mut Findings) -> Result<u64, StoreError> {
    let table = Table::Statement;
    let mut rows = Cursor::new(store, table, findings);
    while let Some((key, row)) = rows.take(findings) {
        let index = number(table, &row).unwrap_or(u64::MAX);
        let named = match read_entry(|t, key| store.get(t, key), index) {
            Ok((_, Entry::Statement(post))) => post.key()[..] == key[..],
            _ => false,
        };
        if !named {
            findings.problem(
                table.as_str(),
                format!("a row names entry {index}, which is another statement"),
            );
        }
    }
    Ok(rows.finish(findings))
}

/// Every nullifier must be one of the entry that it names.
fn nullifiers(
    store: &Store,
    statement: impl Fn(&Entry) -> Option<Statement>,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let table = Table::Nullifier;
    let mut rows = Cursor::new(store, table, findings);
    while let Some((key, row)) = rows.take(findings) {
        let spent = Spent::from_bytes(&row).ok();
        let entry = spent.and_then(|spent| read_entry(|t, key| store.get(t, key), spent.index).ok());
        let is_this = |kind: NullifierKind, value: &medproof_verifier::Fr| {
            key.split_first() == Some((&(kind as u8), &fr_to_be_bytes(value)[..]))
        };
        let named = match &entry {
            Some((_, Entry::Burn(burn))) => {
                let mut fills = burn.body.fill_keys.iter().map(|key| tagged(Tag::Fill, [*key]));
                fills.any(|fill| is_this(NullifierKind::Fill, &fill))
            }
            Some((_, entry)) => statement(entry).is_some_and(|statement| {
                let nullifiers = statement.nullifiers();
                nullifiers.iter().any(|(kind, value)| is_this(*kind, value))
            }),
            None => false,
        };
        if !named {
            let what = format!(
                "{} is in the set, and the entry named does not spend it",
                nullifiers::shown(&key)
            );
            findings.problem(table.as_str(), what);
        }
    }
    Ok(rows.finish(findings))
}

/// Checkpoints with cosignatures. Rows that are gone are no problem: witnesses are asked again.
fn cosigned(store: &Store, findings: &mut Findings) -> u64 {
    let mut rows = Cursor::new(store, Table::Cosigned, findings);
    while let Some((key, row)) = rows.take(findings) {
        if let Err(error) = cosigning::check_row(store, &key, &row) {
            findings.problem(Table::Cosigned.as_str(), error);
        }
    }
    rows.finish(findings)
}

/// The rows that are not those of the head.
fn meta(store: &Store, findings: &mut Findings) -> u64 {
    let mut rows = Cursor::new(store, Table::Meta, findings);
    while let Some((key, row)) = rows.take(findings) {
        let fits = match &key[..] {
            // Compared with the entries, and when the store was opened.
            b"head" | b"format" | b"primary" => true,
            b"clock" => row.len() == 8,
            _ => false,
        };
        if !fits {
            let key = String::from_utf8_lossy(&key);
            findings.problem(
                Table::Meta.as_str(),
                format!("row `{key}` is not one that the ledger writes"),
            );
        }
    }
    rows.finish(findings)
}

#[cfg(test)]
pub(crate) mod tests;
