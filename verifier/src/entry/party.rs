//! Entries that parties sign: OPEN, CLOSE, VOID, BURN.

use super::{
    Body, Kind,
    codec::{DecodeError, Reader, Writer},
};
use crate::{Fr, Name, tree::IDENTITY_DEPTH};

/// Most fill keys in one BURN.
pub const MAX_BURNED: usize = 64;

/// An enrolment authority enrols a person, or a payer its member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Larger than any sequence number that this party used before.
    pub sequence: u64,
    /// Who opens.
    pub party: Name,
    /// The scope of the party's key under which it opens.
    pub domain: Name,
    /// What is opened.
    pub what: Opening,
}

/// What an OPEN puts into the ledger's trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// An enrolment authority: one identity leaf and one account note.
    Account {
        /// Index of the identity leaf, below 4^16.
        index: u32,
        /// `id = H(ID; pk, person, ts, 0, 0)`.
        id: Fr,
        /// Commitment of the account note, `H(NOTE; ..)`.
        note: Fr,
    },
    /// A payer in its own domain: one identity leaf.
    Member {
        /// Index of the identity leaf.
        index: u32,
        /// `id = H(ID; pk, person, ts, 0, 0)`.
        id: Fr,
    },
    /// A payer in its own domain: one benefit note.
    Benefit {
        /// Commitment of the benefit note, `H(BEN; ..)`.
        note: Fr,
    },
}

/// The authority that opened it ends an identity leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Larger than any sequence number that this party used before.
    pub sequence: u64,
    /// Who closes.
    pub party: Name,
    /// The scope of the party's key under which it closes.
    pub domain: Name,
    /// Index of the identity leaf.
    pub index: u32,
}

/// A pharmacy takes back a fill that was not collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Void {
    /// Larger than any sequence number that this party used before.
    pub sequence: u64,
    /// The pharmacy that posted the dispense.
    pub party: Name,
    /// Leaf index of the dispense's entry.
    pub dispense: u64,
}

/// A prescriber cancels fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burn {
    /// Larger than any sequence number that this party used before.
    pub sequence: u64,
    /// The prescriber.
    pub party: Name,
    /// Fill keys `fk = H(FK; rx_secret, fill_no)`, 1 to 64, ascending as numbers. The ledger hashes
    /// them to `nf_fill`, so no other kind of nullifier can be burned.
    pub fill_keys: Vec<Fr>,
}

fn index(input: &mut Reader<'_>) -> Result<u32, DecodeError> {
    // Depth 16 holds exactly the indices of a u32.
    const { assert!(IDENTITY_DEPTH == 16) };
    input.u32("identity index")
}

impl Body for Open {
    const KIND: Kind = Kind::Open;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.name(&self.party);
        out.name(&self.domain);
        match &self.what {
            Opening::Account { index, id, note } => {
                out.u8(1);
                out.u32(*index);
                out.fr(id);
                out.fr(note);
            }
            Opening::Member { index, id } => {
                out.u8(2);
                out.u32(*index);
                out.fr(id);
            }
            Opening::Benefit { note } => {
                out.u8(3);
                out.fr(note);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = input.u64("sequence")?;
        let party = input.name("party")?;
        let domain = input.name("domain")?;
        let what = match input.u8("opening")? {
            1 => Opening::Account {
                index: index(input)?,
                id: input.fr("id")?,
                note: input.fr("note")?,
            },
            2 => Opening::Member {
                index: index(input)?,
                id: input.fr("id")?,
            },
            3 => Opening::Benefit {
                note: input.fr("note")?,
            },
            _ => return Err(DecodeError::range("opening", "1 account, 2 member, 3 benefit")),
        };
        Ok(Self {
            sequence,
            party,
            domain,
            what,
        })
    }
}

impl Body for Close {
    const KIND: Kind = Kind::Close;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.name(&self.party);
        out.name(&self.domain);
        out.u32(self.index);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sequence: input.u64("sequence")?,
            party: input.name("party")?,
            domain: input.name("domain")?,
            index: index(input)?,
        })
    }
}

impl Body for Void {
    const KIND: Kind = Kind::Void;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.name(&self.party);
        out.u64(self.dispense);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sequence: input.u64("sequence")?,
            party: input.name("party")?,
            dispense: input.u64("dispense")?,
        })
    }
}

impl Body for Burn {
    const KIND: Kind = Kind::Burn;

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.name(&self.party);
        out.u8(self.fill_keys.len() as u8);
        for key in &self.fill_keys {
            out.fr(key);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sequence = input.u64("sequence")?;
        let party = input.name("party")?;
        let count = input.u8("fill key count")?;
        if !(1..=MAX_BURNED).contains(&usize::from(count)) {
            return Err(DecodeError::range("fill key count", "1 to 64"));
        }
        let mut fill_keys: Vec<Fr> = Vec::with_capacity(count.into());
        for _ in 0..count {
            let key = input.fr("fill key")?;
            if fill_keys.last().is_some_and(|last| *last >= key) {
                return Err(DecodeError::range("fill key", "fill keys ascend strictly"));
            }
            fill_keys.push(key);
        }
        Ok(Self {
            sequence,
            party,
            fill_keys,
        })
    }
}
