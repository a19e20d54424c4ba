//! Enrolment: an authority or payer checks a person and opens identity, account or benefit.

use super::{
    JourneyError,
    party::Party,
    wallet::{Account, Membership},
};
use medproof_proto::ledger_client::{Appended, Ledger};
use medproof_records::{
    claim::{Balances, BenefitNote},
    dispensing::{Note, Ring},
    identity::{self, Secret},
};
use medproof_verifier::{Fr, Name, entry::Opening, field::fr_from_248};
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};

/// What an identity card says: the same for everyone who looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Full name.
    pub name: String,
    /// Date of birth, `YYYY-MM-DD`.
    pub birth_date: String,
    /// Number of the document.
    pub document: String,
}

impl Card {
    /// The identity digest: 248 bits of
    /// `SHA-256("medproof/person/1" || name || birth date || document)`, each with its length (u32) before it.
    pub fn digest(&self) -> Fr {
        let mut hash = Sha256::new();
        hash.update(b"medproof/person/1");
        for part in [&self.name, &self.birth_date, &self.document] {
            // Text of a card is far below 4 GiB.
            hash.update((part.len() as u32).to_be_bytes());
            hash.update(part.as_bytes());
        }
        fr_from_248(&hash.finalize().into())
    }
}

/// A person in a register.
pub struct Enrolled {
    /// Identity digest of the card in use.
    pub digest: Fr,
    /// Identity digests of the cards before it, oldest first.
    pub former: Vec<Fr>,
    /// The person's salted digest, as enrolled last.
    pub person: Fr,
    /// The holder's owner key.
    pub pk: Fr,
    /// Index of the identity leaf.
    pub index: u32,
    /// The authority's secret for the person; kept across re-enrolments and changes of the card.
    pub ts: Secret,
    /// A payer's secret for its member, kept likewise: with a second one an event could be claimed twice.
    pub member_secret: Secret,
    /// Whether the identity is open.
    pub live: bool,
}

/// Most former cards of a person.
pub const MAX_FORMER: usize = 64;

impl Enrolled {
    /// Whether this is the person's card, or was.
    fn has_card(&self, digest: Fr) -> bool {
        self.digest == digest || self.former.contains(&digest)
    }

    /// The identity leaf in `domain`.
    pub fn owner(&self, domain: &Name) -> Fr {
        identity::owner(
            domain.to_fr(),
            identity::id(self.pk, self.person, self.ts.expose()),
        )
    }
}

/// Everyone whom an authority or payer has enrolled in a domain. Neither `Clone` nor `Debug`.
#[derive(Default)]
pub struct Register {
    /// First index that is not in use.
    pub next_index: u32,
    /// The people, in the order of their first enrolment.
    pub people: Vec<Enrolled>,
}

impl Register {
    /// The person who has or had the card with this identity digest.
    pub fn find(&self, digest: Fr) -> Option<&Enrolled> {
        self.people.iter().find(|p| p.has_card(digest))
    }

    /// The person who has or had the card with this identity digest, to change.
    pub fn find_mut(&mut self, digest: Fr) -> Option<&mut Enrolled> {
        self.people.iter_mut().find(|p| p.has_card(digest))
    }

    /// The person whom a bind has shown: `person` is in the leaf of the last enrolment.
    pub fn bound(&self, person: Fr) -> Option<&Enrolled> {
        self.people.iter().find(|p| p.person == person)
    }

    /// Enters a person's new card (another name or document). The old one keeps finding the same person, so that
    /// nobody is entered twice. The leaf keeps its card until it is closed and opened again.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`]; nothing is changed.
    pub fn change_card(&mut self, formerly: Fr, now: Fr) -> Result<(), JourneyError> {
        let refuse = |what| Err(JourneyError::Enrolled(what));
        let Some(at) = self.people.iter().position(|p| p.has_card(formerly)) else {
            return refuse("nobody here has or had the former card");
        };
        if self
            .people
            .iter()
            .enumerate()
            .any(|(i, p)| i != at && p.has_card(now))
        {
            return refuse("the new card belongs to another person here");
        }
        let person = &mut self.people[at];
        if person.digest == now {
            return refuse("the new card is the one in use");
        }
        person.former.retain(|digest| *digest != now);
        if person.former.len() == MAX_FORMER {
            return refuse("this person has 64 former cards, the most that a register keeps");
        }
        person.former.push(person.digest);
        person.digest = now;
        Ok(())
    }
}

/// An enrolment desk: the authority's or payer's party, domain and register.
pub struct Desk<'a> {
    /// Who enrols.
    pub party: &'a Party,
    /// In which domain.
    pub domain: Name,
    /// Whom.
    pub register: Register,
}

impl<'a> Desk<'a> {
    /// A desk for an empty stretch of the identity tree that begins at `first_index`.
    pub fn new(party: &'a Party, domain: Name, first_index: u32) -> Self {
        let register = Register {
            next_index: first_index,
            people: Vec::new(),
        };
        Self::with(party, domain, register)
    }

    /// A desk with its register.
    pub fn with(party: &'a Party, domain: Name, register: Register) -> Self {
        Self {
            party,
            domain,
            register,
        }
    }

    /// Enters a person whose card was checked: what the holder is given, and the identity to open. One live
    /// identity and one key a person: a second account would split the history, and two people on one key would
    /// share it. Somebody who was enrolled before keeps index, `ts` and member secret.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`].
    pub fn enter(
        &mut self,
        card: &Card,
        pk: Fr,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Fr), JourneyError> {
        let digest = card.digest();
        let people = &self.register.people;
        if people.iter().any(|p| p.has_card(digest) && p.live) {
            return Err(JourneyError::Enrolled("this person has an identity here"));
        }
        if people.iter().any(|p| p.former.contains(&digest)) {
            return Err(JourneyError::Enrolled(
                "this card was replaced by another; enrol with the one in use",
            ));
        }
        if people.iter().any(|p| p.digest != digest && p.pk == pk) {
            return Err(JourneyError::Enrolled("this key belongs to another person here"));
        }
        let salt = Secret::generate(rng).expose();
        let person = identity::person(digest, salt);
        let (index, ts) = match self.register.find_mut(digest) {
            Some(known) => {
                (known.person, known.pk, known.live) = (person, pk, true);
                (known.index, known.ts.duplicate())
            }
            None => {
                let (index, ts) = (self.register.next_index, Secret::generate(rng));
                self.register.next_index += 1;
                self.register.people.push(Enrolled {
                    digest,
                    former: Vec::new(),
                    person,
                    pk,
                    index,
                    ts: ts.duplicate(),
                    member_secret: Secret::generate(rng),
                    live: true,
                });
                (index, ts)
            }
        };
        let id = identity::id(pk, person, ts.expose());
        let membership = Membership {
            domain: self.domain.clone(),
            index,
            person,
            salt,
            ts,
        };
        Ok((membership, id))
    }

    /// The first note of an account, with the history that was reported.
    pub fn account_note(&self, id: Fr, history: Ring, rng: &mut (impl RngCore + CryptoRng)) -> Note {
        Note {
            owner: identity::owner(self.domain.to_fr(), id),
            ring: history,
            seq: 0,
            rho: Secret::generate(rng).expose(),
            rcm: Secret::generate(rng).expose(),
        }
    }

    /// Opens identity and account of a person whose card was checked, seeded with the history that a PDMP or
    /// PBM reports. `pk` is the holder's owner key.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`] or [`JourneyError::Ledger`].
    pub async fn open_account(
        &mut self,
        ledger: &mut Ledger,
        card: &Card,
        pk: Fr,
        history: Ring,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Account, Appended), JourneyError> {
        let (membership, id) = self.enter(card, pk, rng)?;
        let note = self.account_note(id, history, rng);
        let what = Opening::Account {
            index: membership.index,
            id,
            note: note.commitment(),
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        let position = appended
            .commitment_index
            .ok_or(JourneyError::NotOnLedger("the account note"))?;
        let account = Account::new(self.domain.clone(), note, position);
        Ok((membership, account, appended))
    }

    /// Opens an identity alone: a payer's member.
    ///
    /// # Errors
    /// [`JourneyError::Enrolled`] or [`JourneyError::Ledger`].
    pub async fn open_member(
        &mut self,
        ledger: &mut Ledger,
        card: &Card,
        pk: Fr,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Membership, Appended), JourneyError> {
        let (membership, id) = self.enter(card, pk, rng)?;
        let what = Opening::Member {
            index: membership.index,
            id,
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        Ok((membership, appended))
    }

    /// Opens a member's balance of one plan year.
    ///
    /// # Errors
    /// [`JourneyError::Ledger`].
    pub async fn open_benefit(
        &mut self,
        ledger: &mut Ledger,
        owner: Fr,
        plan: Fr,
        balances: Balances,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(BenefitNote, u64, Appended), JourneyError> {
        let note = benefit_note(owner, plan, balances, rng);
        let what = Opening::Benefit {
            note: note.commitment(),
        };
        let appended = self.party.open(ledger, &self.domain, what).await?;
        let position = appended
            .commitment_index
            .ok_or(JourneyError::NotOnLedger("the benefit note"))?;
        Ok((note, position, appended))
    }
}

/// The first note of a member's balance.
pub fn benefit_note(
    owner: Fr,
    plan: Fr,
    balances: Balances,
    rng: &mut (impl RngCore + CryptoRng),
) -> BenefitNote {
    BenefitNote {
        owner,
        plan,
        balances,
        rho: Secret::generate(rng).expose(),
        rcm: Secret::generate(rng).expose(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::OsRng;

    fn card(name: &str) -> Card {
        Card {
            name: name.into(),
            birth_date: "1970-05-17".into(),
            document: "S1".into(),
        }
    }

    fn refusal<T>(result: Result<T, JourneyError>) -> &'static str {
        match result {
            Err(JourneyError::Enrolled(what)) => what,
            _ => panic!("not refused"),
        }
    }

    #[test]
    fn a_changed_card_is_the_same_person_with_the_same_secrets() {
        let party = Party::generate("acme".parse().unwrap(), &mut OsRng);
        let mut desk = Desk::new(&party, "acme".parse().unwrap(), 7);
        let pk = |n: u64| Fr::from(n);
        desk.enter(&card("Alex Doe"), pk(1), &mut OsRng).unwrap();
        desk.enter(&card("Sam Roe"), pk(2), &mut OsRng).unwrap();
        let digest = |name: &str| card(name).digest();
        let secrets = |desk: &Desk<'_>, name: &str| {
            let person = desk.register.find(digest(name)).unwrap();
            (person.member_secret.expose(), person.ts.expose(), person.index)
        };
        let first = secrets(&desk, "Alex Doe");
        assert_ne!(first.0, secrets(&desk, "Sam Roe").0);

        let register = &mut desk.register;
        let says = refusal(register.change_card(digest("Nobody"), digest("Alex Poe")));
        assert!(says.contains("nobody here"), "{says}");
        let says = refusal(register.change_card(digest("Alex Doe"), digest("Sam Roe")));
        assert!(says.contains("another person"), "{says}");
        let says = refusal(register.change_card(digest("Alex Doe"), digest("Alex Doe")));
        assert!(says.contains("in use"), "{says}");
        register
            .change_card(digest("Alex Doe"), digest("Alex Poe"))
            .unwrap();
        assert_eq!(secrets(&desk, "Alex Poe"), first);
        assert_eq!(
            secrets(&desk, "Alex Doe"),
            first,
            "the old card is still this person's"
        );
        let says = refusal(desk.register.change_card(digest("Sam Roe"), digest("Alex Doe")));
        assert!(says.contains("another person"), "{says}");

        // Neither card opens a second identity; after an end the new one opens the same place again.
        for name in ["Alex Doe", "Alex Poe"] {
            let says = refusal(desk.enter(&card(name), pk(3), &mut OsRng));
            assert!(says.contains("has an identity"), "{says}");
        }
        desk.register.find_mut(digest("Alex Poe")).unwrap().live = false;
        let says = refusal(desk.enter(&card("Alex Doe"), pk(3), &mut OsRng));
        assert!(says.contains("was replaced"), "{says}");
        let (membership, _) = desk.enter(&card("Alex Poe"), pk(3), &mut OsRng).unwrap();
        assert_eq!(secrets(&desk, "Alex Poe"), first);
        let bound = desk.register.bound(membership.person).unwrap();
        assert_eq!(bound.digest, digest("Alex Poe"));
        assert_eq!(desk.register.people.len(), 2);
    }

    #[test]
    fn cards_change_to_and_fro_within_a_limit() {
        let party = Party::generate("acme".parse().unwrap(), &mut OsRng);
        let mut desk = Desk::new(&party, "acme".parse().unwrap(), 0);
        desk.enter(&card("0"), Fr::from(1u64), &mut OsRng).unwrap();
        let register = &mut desk.register;
        for _ in 0..MAX_FORMER {
            register
                .change_card(card("0").digest(), card("1").digest())
                .unwrap();
            register
                .change_card(card("1").digest(), card("0").digest())
                .unwrap();
        }
        for n in 1..=MAX_FORMER {
            let (before, now) = (card(&(n - 1).to_string()), card(&n.to_string()));
            register.change_card(before.digest(), now.digest()).unwrap();
        }
        let says = refusal(register.change_card(card("0").digest(), card("one too many").digest()));
        assert!(says.contains("64 former cards"), "{says}");
        assert_eq!(register.people[0].former.len(), MAX_FORMER);
    }
}
