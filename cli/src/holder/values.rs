//! The byte forms of notes, signed records and questions.

use super::codec::{FormatError, Reader, Writer};
use crate::journey::{attested::Attested, desk::Challenge, trial::SignedSnapshot};
use medproof_records::{
    claim::{Balances, BenefitNote, Coverage, PriorAuthorisation, RenderedService},
    code::Code,
    dispensing::{Note, Prescription, RING_SLOTS, Ring},
    npi::Npi,
    record::{Cents, Record},
    snapshot::{MAX_RECORDS, SaltedRecord, Snapshot, SnapshotHeader},
};
use medproof_verifier::{
    CircuitId, CircuitName, Fr, Name,
    asked::Asked,
    eddsa::{PublicKey, Signature},
    opening::Event,
};

/// Who signed, with which key, and the signature.
type Signed = (Name, PublicKey, Signature);

impl Writer {
    fn signed(&mut self, signer: &Name, key: &PublicKey, signature: &Signature) {
        self.name(signer);
        self.raw(&key.to_bytes());
        self.raw(&signature.to_bytes());
    }

    fn code(&mut self, code: Code) {
        self.u128(code.packed());
    }

    /// An account note.
    pub fn note(&mut self, note: &Note) {
        self.fr(&note.owner);
        for word in note.ring.words() {
            self.fr(&word);
        }
        self.u64(note.seq);
        self.fr(&note.rho);
        self.fr(&note.rcm);
    }

    /// A benefit note.
    pub fn benefit(&mut self, note: &BenefitNote) {
        self.fr(&note.owner);
        self.fr(&note.plan);
        self.u64(note.balances.deductible);
        self.u64(note.balances.out_of_pocket);
        self.u64(note.balances.annual);
        self.fr(&note.rho);
        self.fr(&note.rcm);
    }

    fn record(&mut self, record: &Record) {
        let [w0, w1] = record.to_words();
        for word in [&w0, &w1, &record.actor2, &record.source] {
            self.fr(word);
        }
    }

    /// A signed snapshot with all its records.
    pub fn snapshot(&mut self, s: &SignedSnapshot) {
        self.signed(&s.issuer, &s.key, &s.content.signature);
        let h = &s.content.header;
        self.fr(&h.subject);
        self.name(&h.scope);
        self.u16(h.categories);
        self.day(h.from);
        self.day(h.to);
        self.day(h.as_of);
        self.u16(h.count);
        self.u32(h.seq);
        self.fr(&h.root);
        self.list(&s.content.records, |w, r| {
            w.record(&r.record);
            w.fr(&r.salt);
        });
    }

    /// A signed prescription.
    pub fn prescription(&mut self, a: &Attested<Prescription>) {
        self.signed(&a.signer, &a.key, &a.signature);
        let c = &a.content;
        self.fr(&c.subject);
        self.fr(&c.person);
        self.code(c.drug);
        self.u32(c.quantity);
        self.u16(c.days);
        self.u8(c.fills);
        self.day(c.issued);
        self.day(c.earliest);
        self.day(c.expires);
        self.fr(&c.rx_secret);
        self.code(c.exemption);
    }

    /// A signed coverage.
    pub fn coverage(&mut self, a: &Attested<Coverage>) {
        self.signed(&a.signer, &a.key, &a.signature);
        let c = &a.content;
        self.fr(&c.subject);
        self.name(&c.payer);
        self.fr(&c.plan.to_fr());
        self.fr(&c.member_secret);
        self.day(c.start);
        self.day(c.end);
    }

    /// A signed prior authorisation.
    pub fn authorisation(&mut self, a: &Attested<PriorAuthorisation>) {
        self.signed(&a.signer, &a.key, &a.signature);
        let c = &a.content;
        self.fr(&c.subject);
        self.code(c.procedure);
        self.u16(c.units);
        self.day(c.start);
        self.day(c.end);
        self.name(&c.payer);
        self.fr(&c.source);
        self.fr(&c.salt);
    }

    /// A signed service.
    pub fn service(&mut self, a: &Attested<RenderedService>) {
        self.signed(&a.signer, &a.key, &a.signature);
        let c = &a.content;
        self.fr(&c.subject);
        self.code(c.procedure);
        self.code(c.diagnosis);
        self.u16(c.units);
        self.u64(c.charge.get());
        self.day(c.service);
        self.u64(c.npi_number());
        self.option(c.facility.as_ref(), Writer::name);
        self.fr(&c.source);
        self.fr(&c.salt);
    }

    /// A relying party's question.
    pub fn challenge(&mut self, c: &Challenge) {
        self.raw(&c.challenge);
        self.raw(&c.ledger_id);
        self.u8(c.circuit as u8);
        self.raw(&c.circuit_id.0);
        self.name(&c.relying_party);
        self.asked(&c.asked);
        self.raw(&c.payload_salt);
        self.u64(c.expires);
    }

    fn asked(&mut self, asked: &Asked) {
        match asked {
            Asked::Bind {
                issuer,
                domain,
                identity,
            } => {
                self.u8(1);
                self.name(issuer);
                self.name(domain);
                self.fr(identity);
            }
            Asked::Dispense {
                domain,
                policy_id,
                date,
                drug,
                quantity,
                identity,
                prescriber,
            } => {
                self.u8(2);
                self.name(domain);
                self.fr(policy_id);
                self.day(*date);
                self.u128(*drug);
                self.u32(*quantity);
                self.fr(identity);
                self.option(prescriber.as_ref(), Writer::name);
            }
            Asked::Eligibility { policy_id, date } => {
                self.u8(3);
                self.fr(policy_id);
                self.day(*date);
            }
            Asked::Claim {
                domain,
                policy_id,
                received,
                plan,
                event,
                pay,
            } => {
                self.u8(4);
                self.name(domain);
                self.fr(policy_id);
                self.day(*received);
                self.fr(plan);
                self.u64(event.npi);
                self.day(event.service);
                self.u128(event.procedure);
                self.option(*pay, Writer::u64);
            }
        }
    }
}

impl Reader<'_> {
    fn signed(&mut self) -> Result<Signed, FormatError> {
        let signer = self.name("signer")?;
        let key = PublicKey::from_bytes(&self.array("key")?);
        let key = key.map_err(|e| FormatError::new("key", e.to_string()))?;
        let signature = Signature::from_bytes(&self.array("signature")?);
        let signature = signature.map_err(|e| FormatError::new("signature", e.to_string()))?;
        Ok((signer, key, signature))
    }

    /// A party's word: who signed, then what.
    fn attested<T>(
        &mut self,
        content: impl FnOnce(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Attested<T>, FormatError> {
        let (signer, key, signature) = self.signed()?;
        Ok(Attested {
            content: content(self)?,
            signer,
            key,
            signature,
        })
    }

    fn code(&mut self, field: &'static str) -> Result<Code, FormatError> {
        let packed = self.u128(field)?;
        Code::from_packed(packed).map_err(|_| FormatError::new(field, "not a packed code"))
    }

    fn source(&mut self) -> Result<Fr, FormatError> {
        self.fr("source")
    }

    /// An account note.
    ///
    /// # Errors
    /// [`FormatError`], as all that follow.
    pub fn note(&mut self) -> Result<Note, FormatError> {
        let owner = self.fr("owner")?;
        let mut words = [Fr::from(0u64); RING_SLOTS];
        for word in &mut words {
            *word = self.fr("ring")?;
        }
        let ring = Ring::from_words(&words);
        Ok(Note {
            owner,
            ring: ring.ok_or_else(|| FormatError::new("ring", "an entry is out of range"))?,
            seq: self.u64("seq")?,
            rho: self.fr("rho")?,
            rcm: self.fr("rcm")?,
        })
    }

    /// A benefit note.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn benefit(&mut self) -> Result<BenefitNote, FormatError> {
        Ok(BenefitNote {
            owner: self.fr("owner")?,
            plan: self.fr("plan")?,
            balances: Balances {
                deductible: self.u64("deductible")?,
                out_of_pocket: self.u64("out-of-pocket")?,
                annual: self.u64("annual")?,
            },
            rho: self.fr("rho")?,
            rcm: self.fr("rcm")?,
        })
    }

    fn record(&mut self) -> Result<Record, FormatError> {
        let words = [self.fr("record")?, self.fr("record")?];
        let (actor2, source) = (self.fr("actor2")?, self.source()?);
        Record::from_words(words, actor2, source).map_err(|e| FormatError::new("record", e.to_string()))
    }

    /// A signed snapshot.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn snapshot(&mut self) -> Result<SignedSnapshot, FormatError> {
        let (issuer, key, signature) = self.signed()?;
        let header = SnapshotHeader {
            subject: self.fr("subject")?,
            scope: self.name("scope")?,
            categories: self.u16("categories")?,
            from: self.day("from")?,
            to: self.day("to")?,
            as_of: self.day("as of")?,
            count: self.u16("count")?,
            seq: self.u32("seq")?,
            root: self.fr("root")?,
        };
        let records = self.list("records", MAX_RECORDS, |r| {
            Ok(SaltedRecord {
                record: r.record()?,
                salt: r.fr("salt")?,
            })
        })?;
        Ok(SignedSnapshot {
            content: Snapshot {
                header,
                records,
                signature,
            },
            issuer,
            key,
        })
    }

    /// A signed prescription.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn prescription(&mut self) -> Result<Attested<Prescription>, FormatError> {
        self.attested(|r| {
            Ok(Prescription {
                subject: r.fr("subject")?,
                person: r.fr("person")?,
                drug: r.code("drug")?,
                quantity: r.u32("quantity")?,
                days: r.u16("days")?,
                fills: r.u8("fills")?,
                issued: r.day("issued")?,
                earliest: r.day("earliest")?,
                expires: r.day("expires")?,
                rx_secret: r.fr("rx_secret")?,
                exemption: r.code("exemption")?,
            })
        })
    }

    /// A signed coverage.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn coverage(&mut self) -> Result<Attested<Coverage>, FormatError> {
        let coverage = self.attested(|r| {
            Ok(Coverage {
                subject: r.fr("subject")?,
                payer: r.name("payer")?,
                plan: r.plan()?,
                member_secret: r.fr("member_secret")?,
                start: r.day("start")?,
                end: r.day("end")?,
            })
        })?;
        if coverage.content.payer != coverage.signer {
            return Err(FormatError::new("payer", "is not the party that signed"));
        }
        Ok(coverage)
    }

    /// A signed prior authorisation.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn authorisation(&mut self) -> Result<Attested<PriorAuthorisation>, FormatError> {
        self.attested(|r| {
            Ok(PriorAuthorisation {
                subject: r.fr("subject")?,
                procedure: r.code("procedure")?,
                units: r.u16("units")?,
                start: r.day("start")?,
                end: r.day("end")?,
                payer: r.name("payer")?,
                source: r.source()?,
                salt: r.fr("salt")?,
            })
        })
    }

    /// A signed service.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn service(&mut self) -> Result<Attested<RenderedService>, FormatError> {
        self.attested(|r| {
            Ok(RenderedService {
                subject: r.fr("subject")?,
                procedure: r.code("procedure")?,
                diagnosis: r.code("diagnosis")?,
                units: r.u16("units")?,
                charge: Cents::new(r.u64("charge")?)
                    .ok_or_else(|| FormatError::new("charge", "out of range"))?,
                service: r.day("service date")?,
                npi: match r.u64("npi")? {
                    0 => None,
                    number => {
                        Some(Npi::from_number(number).map_err(|e| FormatError::new("npi", e.to_string()))?)
                    }
                },
                facility: r.option("facility", |r| r.name("facility"))?,
                source: r.source()?,
                salt: r.fr("salt")?,
            })
        })
    }

    /// A relying party's question.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn challenge(&mut self) -> Result<Challenge, FormatError> {
        let challenge = self.array("challenge")?;
        let ledger_id = self.array("ledger id")?;
        let number = self.u8("circuit")?;
        let circuit = CircuitName::ALL.into_iter().find(|c| *c as u8 == number);
        Ok(Challenge {
            challenge,
            ledger_id,
            circuit: circuit.ok_or_else(|| FormatError::new("circuit", "not a circuit's number"))?,
            circuit_id: CircuitId(self.array("circuit id")?),
            relying_party: self.name("relying party")?,
            asked: self.asked()?,
            payload_salt: self.array("payload salt")?,
            expires: self.u64("expires")?,
        })
    }

    fn asked(&mut self) -> Result<Asked, FormatError> {
        Ok(match self.u8("question")? {
            1 => Asked::Bind {
                issuer: self.name("issuer")?,
                domain: self.name("domain")?,
                identity: self.fr("identity")?,
            },
            2 => Asked::Dispense {
                domain: self.name("domain")?,
                policy_id: self.fr("policy id")?,
                date: self.day("date")?,
                drug: self.code("drug")?.packed(),
                quantity: self.u32("quantity")?,
                identity: self.fr("identity")?,
                prescriber: self.option("prescriber", |r| r.name("prescriber"))?,
            },
            3 => Asked::Eligibility {
                policy_id: self.fr("policy id")?,
                date: self.day("date")?,
            },
            4 => Asked::Claim {
                domain: self.name("domain")?,
                policy_id: self.fr("policy id")?,
                received: self.day("received")?,
                plan: self.fr("plan digest")?,
                event: Event {
                    npi: self.u64("npi")?,
                    service: self.day("service date")?,
                    procedure: self.code("procedure")?.packed(),
                },
                pay: self.option("payment", |r| r.u64("payment"))?,
            },
            _ => return Err(FormatError::new("question", "not one of 1 to 4")),
        })
    }
}
