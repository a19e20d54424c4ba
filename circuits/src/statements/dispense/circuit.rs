//! The constraints of `dispense`. The argument why a prover cannot lie stands at each constraint; counts by
//! part and what binds each private value: `docs/statements/dispense.md`.

mod ring;
mod rules;

use self::ring::RingVar;
use self::rules::{FillVar, LimitsVar};
use super::Witness;
use crate::gadgets::division::half_up;
use crate::gadgets::eddsa::{SignatureVar, verify};
use crate::gadgets::identity::IdentityVar;
use crate::gadgets::linear::{bind_input, enforce_equal, enforce_nonzero, witness};
use crate::gadgets::merkle::PathVar;
use crate::gadgets::pack::{join, split};
use crate::gadgets::poseidon::tagged;
use crate::gadgets::range::{enforce_range, from_bits, less_or_equal};
use crate::gadgets::registry::AcceptedKeyVar;
use crate::gadgets::select::{dot, enforce_equal_if, is_zero, one_hot};
use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::eq::EqGadget;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_records::dispensing::{ACCOUNT_KIND, EXEMPTIONS};
use medproof_records::policy::dispensing::STATEMENT_KIND;
use medproof_verifier::statement::DispensePublic;
use medproof_verifier::{Public, Role, Tag};

type Var = FpVar<Fr>;
type Result<T> = std::result::Result<T, SynthesisError>;

const CODE_BITS: usize = 72;
const DAY_BITS: usize = 16;
const DAYS_BITS: usize = 16;
const QUANTITY_BITS: usize = 32;
const DOSE_BITS: usize = 32;
/// Factor times quantity.
const DOSE_NUMERATOR_BITS: usize = 64 + QUANTITY_BITS;
/// 10^6 times days: 65,535 * 10^6 < 2^36.
const DOSE_DIVISOR_BITS: usize = 36;

fn constant(x: u64) -> Var {
    FpVar::Constant(Fr::from(x))
}

/// Allocates private values.
struct Allocator<'a>(&'a ConstraintSystemRef<Fr>);

impl Allocator<'_> {
    fn any(&self, value: Fr) -> Result<Var> {
        witness(self.0, || Ok(value))
    }

    /// A value below 2^bits.
    fn ranged(&self, value: impl Into<Fr>, bits: usize) -> Result<Var> {
        let x = self.any(value.into())?;
        enforce_range(&x, bits)?;
        Ok(x)
    }
}

/// The public inputs in their only order.
struct Inputs {
    anchor: Var,
    identity_root: Var,
    registry_root: Var,
    domain: Var,
    policy_id: Var,
    date: Var,
    nf_note: Var,
    cm_note: Var,
    cm_undo: Var,
    nf_fill: Var,
    cm_dispense: Var,
    ctx: Var,
}

impl Inputs {
    fn new(cs: &ConstraintSystemRef<Fr>, public: &DispensePublic) -> Result<Self> {
        let inputs = public.to_vec().into_iter();
        let inputs: [Var; 12] = inputs
            .map(|x| Var::new_input(cs.clone(), || Ok(x)))
            .collect::<Result<Vec<_>>>()?
            .try_into()
            .map_err(|_| SynthesisError::AssignmentMissing)?;
        let [
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            date,
            nf_note,
            cm_note,
            cm_undo,
            nf_fill,
            cm_dispense,
            ctx,
        ] = inputs;
        Ok(Self {
            anchor,
            identity_root,
            registry_root,
            domain,
            policy_id,
            date,
            nf_note,
            cm_note,
            cm_undo,
            nf_fill,
            cm_dispense,
            ctx,
        })
    }
}

/// The parts in order, each with the numbers of constraints and of private variables so far.
pub(super) type Parts = Vec<(&'static str, usize, usize)>;

/// The part that checks the prescriber's key and signature.
pub(super) const SIGNED: &str = "prescription: key and signature";

pub(super) fn synthesise(cs: ConstraintSystemRef<Fr>, public: &DispensePublic, w: &Witness) -> Result<Parts> {
    let mut parts = Parts::new();
    let mut mark = |name: &'static str| parts.push((name, cs.num_constraints(), cs.num_witness_variables()));
    let inputs = Inputs::new(&cs, public)?;
    let alloc = Allocator(&cs);
    // `ctx` means nothing to the circuit; the square keeps it from being an input without a constraint, which
    // whoever holds a proof could change.
    bind_input(&inputs.ctx)?;
    // Ages are differences to the date, so it must be a 16-bit day too.
    enforce_range(&inputs.date, DAY_BITS)?;
    let identity = IdentityVar::new_witness(cs.clone(), &w.identity)?;
    identity.enforce_member(&inputs.identity_root, &inputs.domain)?;
    mark("identity");
    let ring = RingVar::new(&alloc, &w.note.ring, &inputs.date)?;
    mark("ring: entries and digest");
    let note = NoteVar::new(&alloc, &inputs, &identity, &ring, w)?;
    mark("account note, nullifier, undo note");
    let rx = PrescriptionVar::new(&alloc, w)?;
    rx.enforce_signed(&alloc, &inputs, &identity, w)?;
    mark(SIGNED);
    let quantities = rx.enforce_fill(&alloc, &inputs, w)?;
    mark("prescription: dates, fill, quantity, days");
    let policy = PolicyVar::new(&alloc, &inputs, &rx, w)?;
    mark("policy: drug leaf and class row");
    let milli_mme = dose(&policy.micro_mme, &rx)?;
    let fill = FillVar {
        class: policy.class.clone(),
        ingredient: policy.ingredient.clone(),
        micro_mme: policy.micro_mme.clone(),
        milli_mme,
        days: quantities.d.clone(),
        quantity: quantities.q.clone(),
    };
    let exempt = policy.exempt(&alloc, &rx.exemption, w.exemption)?;
    mark("daily dose and exemption");
    let kept = policy.limits.kept(&ring, &fill)?;
    // Class 0 has no limits: the class is bound to the drug by the table.
    (&(&policy.other | &exempt) | &kept).enforce_equal(&Boolean::TRUE)?;
    mark("rules over the ring");
    let digest = ring.insert(&alloc, &inputs.date, &fill, &policy.other, w.slot)?;
    enforce_equal(&note.next(&digest)?, &inputs.cm_note)?;
    mark("new entry and next note");
    outputs(&alloc, &inputs, &identity, &rx, &quantities, w)?;
    mark("fill nullifier and opening");
    Ok(parts)
}

/// The account note that is spent, as far as the next one needs it.
struct NoteVar {
    owner: Var,
    seq: Var,
    nf: Var,
    rcm: Var,
}

impl NoteVar {
    /// The note with this ring, its place under the anchor, its nullifier and its undo note.
    fn new(
        alloc: &Allocator<'_>,
        inputs: &Inputs,
        identity: &IdentityVar,
        ring: &RingVar,
        w: &Witness,
    ) -> Result<Self> {
        let seq = alloc.any(Fr::from(w.note.seq))?;
        let rho = alloc.any(w.note.rho)?;
        let rcm = alloc.any(w.note.rcm)?;
        // The owner is the leaf proven in the identity tree, so the note is the holder's, and a note of an
        // owner who was closed has no such leaf. The commitment fixes ring, seq, rho and rcm.
        let cm = tagged(Tag::Note, [&identity.owner, ring.digest(), &seq, &rho, &rcm])?;
        // The ledger made the leaf with kind and domain: a benefit note or another domain's is none.
        let place = constant(ACCOUNT_KIND) + &inputs.domain * Fr::from(256u64);
        let leaf = tagged(Tag::Leaf, [&place, &cm])?;
        let path = PathVar::new_witness(alloc.0.clone(), &w.note_path)?;
        enforce_equal(&path.root(&leaf)?, &inputs.anchor)?;
        // One note has one nullifier: rho is in its commitment, nk is a function of the sk in its owner.
        let nk = identity.nk()?;
        enforce_equal(&tagged(Tag::Nf, [&nk, &rho])?, &inputs.nf_note)?;
        // rho' = nf, rcm' = H(RCM; nk, nf) and seq' = seq + 1 leave the prover no choice.
        let next = Self {
            owner: identity.owner.clone(),
            seq: seq + Fr::from(1u64),
            nf: inputs.nf_note.clone(),
            rcm: tagged(Tag::Rcm, [&nk, &inputs.nf_note])?,
        };
        // The undo note holds the very ring that was spent, behind the nullifier of the next note. Its
        // blinding is one more, so that an unchanged ring does not show as two equal commitments.
        let blinding = &next.rcm + Fr::from(1u64);
        let cm_undo = tagged(
            Tag::Note,
            [&next.owner, ring.digest(), &next.seq, &next.nf, &blinding],
        )?;
        enforce_equal(&cm_undo, &inputs.cm_undo)?;
        Ok(next)
    }

    /// The commitment of the note after this one with the given ring.
    fn next(&self, digest: &Var) -> Result<Var> {
        tagged(Tag::Note, [&self.owner, digest, &self.seq, &self.nf, &self.rcm])
    }
}

/// A prescription; every part but the secret is in range.
struct PrescriptionVar {
    drug: Var,
    quantity: Var,
    days: Var,
    fills: Var,
    issued: Var,
    earliest: Var,
    expires: Var,
    rx_secret: Var,
    exemption: Var,
    key: AcceptedKeyVar,
}

/// What is handed over.
struct QuantitiesVar {
    fill_no: Var,
    q: Var,
    d: Var,
}

impl PrescriptionVar {
    fn new(alloc: &Allocator<'_>, w: &Witness) -> Result<Self> {
        let rx = &w.prescription;
        Ok(Self {
            drug: alloc.ranged(rx.drug.packed(), CODE_BITS)?,
            quantity: alloc.ranged(rx.quantity, QUANTITY_BITS)?,
            days: alloc.ranged(rx.days, DAYS_BITS)?,
            fills: alloc.ranged(rx.fills, 8)?,
            issued: alloc.ranged(rx.issued.0, DAY_BITS)?,
            earliest: alloc.ranged(rx.earliest.0, DAY_BITS)?,
            expires: alloc.ranged(rx.expires.0, DAY_BITS)?,
            rx_secret: alloc.any(rx.rx_secret)?,
            exemption: alloc.ranged(rx.exemption.packed(), CODE_BITS)?,
            key: AcceptedKeyVar::new_witness(alloc.0.clone(), &w.prescriber)?,
        })
    }

    /// Signed by an accepted prescriber of the domain, for the holder's pseudonym there and the person.
    fn enforce_signed(
        &self,
        alloc: &Allocator<'_>,
        inputs: &Inputs,
        identity: &IdentityVar,
        w: &Witness,
    ) -> Result<()> {
        self.key.enforce_accepted(
            &inputs.registry_root,
            Role::Prescriber,
            &inputs.domain,
            &self.issued,
        )?;
        // Every part is in range, so the signed word has one reading.
        let word = join(&[
            (&self.quantity, QUANTITY_BITS),
            (&self.days, DAYS_BITS),
            (&self.fills, 8),
            (&self.issued, DAY_BITS),
            (&self.earliest, DAY_BITS),
            (&self.expires, DAY_BITS),
        ])?;
        // Subject and person are not given. The subject is computed from `sk`, and the person is the very
        // variable of the identity leaf, which the opening commits to as well: someone else's prescription,
        // also that of somebody enrolled under the same `sk`, has another message, which the signature does
        // not cover.
        let subject = identity.subject(&self.key.party)?;
        let message = tagged(
            Tag::Rx,
            [
                &subject,
                &identity.person,
                &self.drug,
                &word,
                &self.rx_secret,
                &self.exemption,
            ],
        )?;
        let signature = SignatureVar::new_witness(alloc.0.clone(), &w.signature)?;
        verify(&self.key.public_key, &message, &signature)
    }

    /// The date, number, quantity and days of the fill.
    fn enforce_fill(&self, alloc: &Allocator<'_>, inputs: &Inputs, w: &Witness) -> Result<QuantitiesVar> {
        // All days are below 2^16, so each difference is in range only if it is not negative.
        enforce_range(&(&inputs.date - &self.issued), DAY_BITS)?;
        enforce_range(&(&inputs.date - &self.earliest), DAY_BITS)?;
        enforce_range(&(&self.expires - &inputs.date), DAY_BITS)?;
        let one = Fr::from(1u64);
        // fill_no < fills, both below 2^8.
        let fill_no = alloc.ranged(w.fill_no, 8)?;
        enforce_range(&(&self.fills - &fill_no - one), 8)?;
        // q - 1 and quantity - q are both in 0..2^32: 1 <= q <= quantity < 2^32.
        let q = alloc.any(Fr::from(w.q))?;
        enforce_range(&(&q - one), QUANTITY_BITS)?;
        enforce_range(&(&self.quantity - &q), QUANTITY_BITS)?;
        // days >= 1, or the daily dose would be divided by 0.
        enforce_nonzero(&self.days)?;
        // d is the only one with (d-1) * quantity < q * days <= d * quantity: rest = d * quantity - q * days
        // is 0 <= rest < quantity. The products are below 2^48, so a negative rest is no 32-bit number;
        // d = 0 would make it negative, since q * days >= 1.
        let d = alloc.ranged(w.d, DAYS_BITS)?;
        let rest = &d * &self.quantity - &q * &self.days;
        enforce_range(&rest, QUANTITY_BITS)?;
        enforce_range(&(&self.quantity - &rest - one), QUANTITY_BITS)?;
        Ok(QuantitiesVar { fill_no, q, d })
    }
}

/// The opened parts of the policy.
struct PolicyVar {
    class: Var,
    ingredient: Var,
    micro_mme: Var,
    /// Whether the class is 0.
    other: Boolean<Fr>,
    limits: LimitsVar,
    exemptions: Vec<Var>,
}

impl PolicyVar {
    /// Everything here hashes to `policy_id`, which names one policy that the pharmacy and the ledger know;
    /// the drug picks the leaf, and the leaf's class the row. So the prover chooses nothing.
    fn new(alloc: &Allocator<'_>, inputs: &Inputs, rx: &PrescriptionVar, w: &Witness) -> Result<Self> {
        let (opened, leaf) = (&w.policy, &w.policy.drug);
        let rules = alloc.any(opened.rules)?;
        let table_root = alloc.any(opened.table_root)?;
        let version = alloc.any(opened.version)?;
        let id = tagged(
            Tag::Policy,
            [
                &constant(STATEMENT_KIND),
                &inputs.domain,
                &rules,
                &table_root,
                &version,
            ],
        )?;
        enforce_equal(&id, &inputs.policy_id)?;
        let lo = alloc.any(Fr::from(leaf.lo))?;
        let hi = alloc.any(Fr::from(leaf.hi))?;
        let next_lo = alloc.any(Fr::from(leaf.next_lo))?;
        let (class, ingredient) = (leaf.mask & 0xff, leaf.mask >> 8);
        let class = alloc.ranged(class, 8)?;
        let ingredient = alloc.ranged(ingredient, 32)?;
        let micro_mme = alloc.ranged(leaf.number, 64)?;
        // Both parts are in range, so the mask has one reading; a mask of more than 40 bits has none.
        let mask = join(&[(&class, 8), (&ingredient, 32)])?;
        let hash = tagged(Tag::Table, [&lo, &hi, &next_lo, &mask, &micro_mme])?;
        let path = PathVar::new_witness(alloc.0.clone(), &opened.drug_path)?;
        enforce_equal(&path.root(&hash)?, &table_root)?;
        // lo <= drug <= hi: the drug is below 2^72, and so are lo and hi in a compiled table, so neither
        // difference can wrap. A drug in the gap after the leaf is above hi.
        enforce_range(&(&rx.drug - &lo), CODE_BITS)?;
        enforce_range(&(&hi - &rx.drug), CODE_BITS)?;
        // The table's sentinel has lo = hi = 0 and would make "no drug" one of class 0.
        enforce_nonzero(&rx.drug)?;
        let limits = LimitsVar::new(alloc, &opened.row.limits)?;
        let words = opened.row.exemption_words();
        let exemptions = words
            .iter()
            .map(|word| alloc.any(*word))
            .collect::<Result<Vec<_>>>()?;
        let mut this = Self {
            other: is_zero(&class)?,
            class,
            ingredient,
            micro_mme,
            limits,
            exemptions,
        };
        this.enforce_row(alloc, &rules, w)?;
        Ok(this)
    }

    /// The limits and exemptions are those of the class, unless it is 0.
    fn enforce_row(&mut self, alloc: &Allocator<'_>, rules: &Var, w: &Witness) -> Result<()> {
        let [a, b, c, d, e, f, g, h] = &self.exemptions[..] else {
            return Err(SynthesisError::AssignmentMissing);
        };
        let word = self.limits.word()?;
        let leaf = tagged(Tag::Class, [&self.class, &word, a, b, c, d, e, f, g, h])?;
        let path = PathVar::new_witness(alloc.0.clone(), &w.policy.row_path)?;
        // The index is the class: without this another class's row could not be used either, since the leaf
        // holds its class; and a class of 16 or more has no place.
        enforce_equal(&from_bits(path.index_bits())?, &self.class)?;
        // A class without a row has the leaf 0, for which no preimage is known.
        enforce_equal_if(&!&self.other, &path.root(&leaf)?, rules)
    }

    /// Whether the exemption code lies in the interval that the prover points at.
    ///
    /// A prover who points at another only fails to be exempt; the intervals are the policy's own. Beyond the
    /// eight there is nothing to point at, exempt or not.
    fn exempt(&self, alloc: &Allocator<'_>, code: &Var, at: usize) -> Result<Boolean<Fr>> {
        let chosen = one_hot(alloc.0, || Ok(at), EXEMPTIONS)?;
        let interval = split(&dot(&chosen, &self.exemptions)?, &[CODE_BITS, CODE_BITS])?;
        // All three are below 2^72. An unused interval is 0 to 0 and would hold only the code 0, which means
        // that the prescription names no condition.
        let above = less_or_equal(&interval[0], code, CODE_BITS)?;
        let below = less_or_equal(code, &interval[1], CODE_BITS)?;
        let named = !is_zero(code)?;
        Ok(&(&above & &below) & &named)
    }
}

/// Daily dose in 0.001 MME: half-up(micro-MME * quantity / (10^6 * days)), at the prescribed rate.
fn dose(micro_mme: &Var, rx: &PrescriptionVar) -> Result<Var> {
    // 64 + 32 bits, and below 2^36; days are not 0.
    let numerator = micro_mme * &rx.quantity;
    let divisor = &rx.days * Fr::from(1_000_000u64);
    let dose = half_up(&numerator, &divisor, DOSE_NUMERATOR_BITS, DOSE_DIVISOR_BITS)?;
    // It must fit its place in the entry.
    enforce_range(&dose, DOSE_BITS)?;
    Ok(dose)
}

/// The fill's nullifier and what is opened to the pharmacy.
fn outputs(
    alloc: &Allocator<'_>,
    inputs: &Inputs,
    identity: &IdentityVar,
    rx: &PrescriptionVar,
    quantities: &QuantitiesVar,
    w: &Witness,
) -> Result<()> {
    // rx_secret is signed and fill_no is below the signed number of fills: one fill has one nullifier.
    let fk = tagged(Tag::Fk, [&rx.rx_secret, &quantities.fill_no])?;
    enforce_equal(&tagged(Tag::Fill, [&fk])?, &inputs.nf_fill)?;
    // Every part is in range, so the word has one reading; r only blinds.
    let word = join(&[
        (&quantities.q, QUANTITY_BITS),
        (&quantities.d, DAYS_BITS),
        (&rx.quantity, QUANTITY_BITS),
        (&rx.days, DAYS_BITS),
    ])?;
    let r = alloc.any(w.r)?;
    let opening = tagged(Tag::Disp, [&rx.drug, &word, &rx.key.party, &identity.person, &r])?;
    enforce_equal(&opening, &inputs.cm_dispense)
}
