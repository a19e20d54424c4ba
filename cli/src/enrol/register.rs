//! An authority's or payer's register, in an encrypted file (`docs/format.md`, section 23).

use crate::{
    CliError,
    holder::{
        codec::{FormatError, Reader, Writer},
        vault::Vault,
    },
    journey::enrolment::{Enrolled, MAX_FORMER, Register},
};
use age::secrecy::SecretString;
use medproof_records::identity::Secret;
use medproof_verifier::Name;
use std::path::Path;
use zeroize::Zeroizing;

/// First bytes of the plain content.
const MAGIC: &[u8; 8] = b"mprg\0\0\0\x02";
/// Most people in a register.
const MAX_PEOPLE: usize = 60_000;

/// A register with whose it is.
pub(crate) struct OpenRegister {
    vault: Vault,
    pub(crate) party: Name,
    pub(crate) domain: Name,
    pub(crate) register: Register,
}

fn to_bytes(party: &Name, domain: &Name, register: &Register) -> Zeroizing<Vec<u8>> {
    let mut w = Writer::default();
    w.raw(MAGIC);
    w.name(party);
    w.name(domain);
    w.u32(register.next_index);
    w.list(&register.people, |w, p| {
        w.fr(&p.digest);
        w.list(&p.former, Writer::fr);
        w.fr(&p.person);
        w.fr(&p.pk);
        w.u32(p.index);
        w.raw(&*p.ts.to_bytes());
        w.raw(&*p.member_secret.to_bytes());
        w.u8(p.live.into());
    });
    w.finish()
}

fn from_bytes(bytes: &[u8]) -> Result<(Name, Name, Register), FormatError> {
    let mut r = Reader::new(bytes);
    if r.array::<8>("version")? != *MAGIC {
        let what = match bytes.starts_with(b"mpwk") {
            true => "this is a wallet, not a register",
            false if bytes.starts_with(b"mprg\0\0\0\x01") => {
                "a register of version 1 has no member secrets: begin a new one (medproof enrol init) and enrol its people again"
            }
            false => "not a register of version 2",
        };
        return Err(FormatError::new("version", what));
    }
    let (party, domain) = (r.name("party")?, r.name("domain")?);
    let next_index = r.u32("next index")?;
    let people = r.list("people", MAX_PEOPLE, |r| {
        Ok(Enrolled {
            digest: r.fr("identity")?,
            former: r.list("former cards", MAX_FORMER, |r| r.fr("former identity"))?,
            person: r.fr("person")?,
            pk: r.fr("owner key")?,
            index: r.u32("index")?,
            ts: Secret::new(r.fr("ts")?),
            member_secret: Secret::new(r.fr("member secret")?),
            live: match r.u8("live")? {
                0 => false,
                1 => true,
                _ => return Err(FormatError::new("live", "neither 0 nor 1")),
            },
        })
    })?;
    r.finish()?;
    Ok((party, domain, Register { next_index, people }))
}

impl OpenRegister {
    /// Makes an empty register.
    pub(crate) fn create(
        path: &Path,
        passphrase: SecretString,
        party: Name,
        domain: Name,
        next_index: u32,
    ) -> Result<Self, CliError> {
        let register = Register {
            next_index,
            people: Vec::new(),
        };
        let vault = Vault::create(path, passphrase, &to_bytes(&party, &domain, &register))?;
        Ok(Self {
            vault,
            party,
            domain,
            register,
        })
    }

    /// Opens the register of a party.
    pub(crate) fn open(path: &Path, passphrase: SecretString, of: &Name) -> Result<Self, CliError> {
        let (vault, content) = Vault::open(path, passphrase)?;
        let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
        let (party, domain, register) = from_bytes(&content).map_err(|e| bad(e.to_string()))?;
        if party != *of {
            return Err(bad(format!("party: the register is `{party}`'s, not `{of}`'s")));
        }
        Ok(Self {
            vault,
            party,
            domain,
            register,
        })
    }

    /// Writes the register: whole or not at all.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        if self.register.people.len() > MAX_PEOPLE {
            let what = format!("a register has at most {MAX_PEOPLE} people; begin another one");
            return Err(CliError::Data(what));
        }
        self.vault
            .save(&to_bytes(&self.party, &self.domain, &self.register))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_survives_and_every_cut_or_added_byte_is_refused() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let register = Register {
            next_index: 8,
            people: vec![Enrolled {
                digest: 1u64.into(),
                former: vec![5u64.into(), 6u64.into()],
                person: 2u64.into(),
                pk: 3u64.into(),
                index: 7,
                ts: Secret::new(4u64.into()),
                member_secret: Secret::new(8u64.into()),
                live: true,
            }],
        };
        let bytes = to_bytes(&name("authority"), &name("us-ma"), &register);
        let (party, domain, again) = from_bytes(&bytes).unwrap();
        assert_eq!((party.as_str(), domain.as_str()), ("authority", "us-ma"));
        assert_eq!(to_bytes(&party, &domain, &again).as_slice(), bytes.as_slice());
        for cut in 0..bytes.len() {
            assert!(from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(from_bytes(&longer).err().map(|e| e.field), Some("end"));
        let last = bytes.len() - 1;
        longer.truncate(bytes.len());
        longer[last] = 2;
        assert_eq!(from_bytes(&longer).err().map(|e| e.field), Some("live"));
        // Version 1 kept no member secrets: a coverage signed from it would have a second one.
        longer[7] = 1;
        assert_eq!(from_bytes(&longer).err().map(|e| e.field), Some("version"));
    }
}
