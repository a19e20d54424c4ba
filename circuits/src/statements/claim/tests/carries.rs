//! Carries from one field of a packed word into the next: values that no typed witness can hold, so that the prover
//! assigns them to the circuit's variables itself. Word and hash are then those that were signed or accepted; what
//! is left to refuse them is counted.

use super::World;
use super::world::Key;
use crate::statement::Circuit;
use crate::statements::claim::Refused::*;
use crate::statements::claim::{Claim, Refused, no_authorisation};
use crate::tamper::System;
use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField};
use medproof_records::claim::{Balances, Cost, Fee};
use medproof_records::policy::claim::STATEMENT_KIND;
use medproof_records::record::Cents;
use medproof_verifier::{Name, Tag, tagged};

fn two_to(n: u64) -> Fr {
    Fr::from(2u64).pow([n])
}

fn fr(x: u64) -> Fr {
    Fr::from(x)
}

/// Positions of private variables; the same for every claim.
struct Layout {
    max_days: usize,
    coinsurance_bp: usize,
    fee: usize,
    max_units: usize,
    procedure: usize,
    diagnosis: usize,
    units: usize,
    charge: usize,
    day: usize,
    npi: usize,
    plan: usize,
    year: usize,
    member: usize,
    deductible: usize,
    out_of_pocket: usize,
    /// The coinsurance before it is capped.
    share: usize,
}

impl Layout {
    fn new() -> Self {
        let world = World::new();
        let system = world.system();
        let w = &world.witness;
        let mut at = 0;
        // In the order of allocation. Bits have no value above 1 and hashes none that is looked for.
        let mut next = |value: Fr| {
            at = system.position(at + 1, value);
            at
        };
        next(w.rules.payer.to_fr());
        let (max_days, coinsurance_bp) = (next(fr(365)), next(fr(2000)));
        let (fee, max_units) = (next(fr(1200)), next(fr(2)));
        let service = &w.service.content;
        next(service.subject);
        let (procedure, diagnosis) = (next(service.procedure.to_fr()), next(service.diagnosis.to_fr()));
        let (units, charge) = (next(fr(2)), next(fr(3000)));
        let (day, npi) = (next(fr(46_000)), next(fr(1_234_567_893)));
        let coverage = &w.coverage.content;
        let (plan, year) = (next(coverage.plan.plan.to_fr()), next(fr(2026)));
        let member = next(Fr::from(coverage.plan.member.to_u128()));
        next(w.note.rcm);
        let (deductible, out_of_pocket) = (next(fr(500)), next(fr(850)));
        next(fr(1550));
        Self {
            max_days,
            coinsurance_bp,
            fee,
            max_units,
            procedure,
            diagnosis,
            units,
            charge,
            day,
            npi,
            plan,
            year,
            member,
            deductible,
            out_of_pocket,
            share: next(fr(380)),
        }
    }
}

/// How many constraints refuse the lies.
fn refusals(world: &World, lies: &[(usize, Fr)]) -> usize {
    let synthesise = |cs| Claim::synthesise(cs, &world.public, &world.witness);
    System::prove_lying(lies, synthesise).broken().len()
}

/// A claim with enough left to pay, and what the relation says of it after a change.
fn world(change: impl FnOnce(&mut World)) -> (World, Result<(), Refused>) {
    let mut world = World::new();
    world.witness.note.balances.annual = 10_000;
    change(&mut world);
    let verdict = Claim::relation(&world.public, &world.witness);
    (world, verdict)
}

impl World {
    /// Public inputs for other amounts than those of the witness.
    fn pay(&mut self, cost: &Cost) {
        let w = &self.witness;
        let next = w.note.next(w.identity.sk.nk(), cost).unwrap();
        self.public.cm_benefit = next.commitment();
        let mut opening = w.opening();
        opening.amounts = cost.amounts();
        opening.policy_id = self.public.policy_id;
        self.public.cm_payable = opening.commitment().unwrap();
    }

    fn price(&self, fee: u64, units: u16, coinsurance_bp: u16) -> Cost {
        let cents = Cents::new(fee).unwrap();
        let w = &self.witness;
        let fee = Fee {
            cents,
            coinsurance_bp,
        };
        Cost::of(fee, w.service.content.charge, units, &w.note.balances)
    }

    /// Public inputs for another event.
    fn claim_event(&mut self, event: Fr) {
        let w = &self.witness;
        self.public.nf_claim = tagged(Tag::Claim, [w.coverage.content.member_secret, event]);
        let opening = w.opening();
        let amounts = opening.amounts.to_fr().unwrap();
        let values = [opening.plan, opening.policy_id, event, amounts, opening.r];
        self.public.cm_payable = tagged(Tag::Pay, values);
    }
}

#[test]
fn c10_no_carry_makes_the_policys_words_say_something_else() {
    let at = Layout::new();
    // A claim filed a day late, under a policy of 2^16 more days and a share of 19.99 %.
    let (late, verdict) = world(|w| {
        w.refresh();
        w.public.received += fr(1);
    });
    assert_eq!(verdict, Err(Filing));
    let lies = [(at.max_days, fr(365) + two_to(16)), (at.coinsurance_bp, fr(1999))];
    assert_eq!(refusals(&late, &lies), 1);

    // The charge instead of the fee: a fee of 2^40 more and a maximum of one less.
    let (dear, verdict) = world(|w| {
        w.witness.service.content.units = 1;
        w.sign_service(Key::Provider);
        w.refresh();
        w.pay(&w.price(5000, 1, 2000));
    });
    assert_eq!(verdict, Err(NextNote));
    let lies = [(at.fee, fr(1200) + two_to(40)), (at.max_units, fr(1))];
    assert_eq!(refusals(&dear, &lies), 1);

    // No authorisation and a unit more: the flag's bit goes to the maximum.
    let (free, verdict) = world(|w| {
        w.witness.service.content.units = 3;
        w.sign_service(Key::Provider);
        w.witness.authorisation = no_authorisation();
        w.witness.row.prior_authorisation = false;
        w.refresh();
    });
    assert_eq!(verdict, Err(Row));
    let lies = [(at.max_units, fr(2) + two_to(16))];
    assert_eq!(refusals(&free, &lies), 1);
    // Without the lie the row is not the table's, and its maximum is kept.
    assert_eq!(refusals(&free, &[]), 2);

    // A share of -1 basis point, under a policy whose hash holds it.
    let (negative, verdict) = world(|w| {
        w.refresh();
        let rules = &w.witness.rules;
        let payer = rules.payer.to_fr();
        let limits = fr(365) - two_to(16);
        let words = tagged(Tag::ClaimRules, [payer, rules.plan.to_fr(), limits, fr(0), fr(0)]);
        let policy = [fr(STATEMENT_KIND), payer, words, rules.table_root, rules.version];
        w.public.policy_id = tagged(Tag::Policy, policy);
        w.pay(&w.price(1200, 2, 0));
    });
    assert_eq!(verdict, Err(Policy));
    let lies = [(at.coinsurance_bp, -fr(1)), (at.share, fr(0))];
    assert_eq!(refusals(&negative, &lies), 1);
}

#[test]
fn c10_no_carry_makes_the_signed_words_say_something_else() {
    let at = Layout::new();
    // The coverage and the balance of another plan: the difference of the plans goes to the year.
    let (other, verdict) = world(|w| {
        w.witness.coverage.content.plan.plan = "hmo-2026".parse().unwrap();
        w.sign_coverage(Key::Payer);
        w.witness.note.plan = w.witness.coverage.content.plan_digest();
        w.refresh();
    });
    assert_eq!(verdict, Err(CoveragePlan));
    let (signed, asked) = (
        other.witness.coverage.content.plan.plan.to_fr(),
        other.witness.rules.plan.to_fr(),
    );
    let year = fr(2026) + (signed - asked) * two_to(96).inverse().unwrap();
    assert_eq!(refusals(&other, &[(at.plan, asked), (at.year, year)]), 1);
    let (honest, verdict) = world(World::refresh);
    assert_eq!(verdict, Ok(()));
    let member = Fr::from(honest.witness.coverage.content.plan.member.to_u128());
    let lies = [(at.year, fr(2026) + two_to(16)), (at.member, member - fr(1))];
    assert_eq!(refusals(&honest, &lies), 1);

    // One service under a second nullifier. Beside the range the row's procedure, which has its own, refuses it.
    let (mut again, _) = world(|w| {
        w.set_row(|row| row.prior_authorisation = false);
        w.refresh();
    });
    let service = &again.witness.service.content;
    let (procedure, diagnosis) = (service.procedure.to_fr(), service.diagnosis.to_fr());
    let event = service.event().to_fr().unwrap();
    again.claim_event(event + two_to(34 + 16 + 72));
    let lies = [
        (at.procedure, procedure + two_to(72)),
        (at.diagnosis, diagnosis - fr(1)),
    ];
    assert_eq!(refusals(&again, &lies), 2);
    // A charge of 2^40 more from a provider of another number: beside the range the key's scope.
    again.claim_event(event - fr(1));
    let lies = [(at.charge, fr(3000) + two_to(40)), (at.npi, fr(1_234_567_892))];
    assert_eq!(refusals(&again, &lies), 2);
    // A day far away and a number 65,537 lower, which leave the record's word as it is: nothing about days holds.
    let far = fr(46_000) + two_to(72);
    again.claim_event(event + two_to(34 + 72) - fr(65_537));
    let lies = [(at.day, far), (at.npi, fr(1_234_567_893 - 65_537))];
    assert!(refusals(&again, &lies) > 8);

    // One and a half units, which is a field element like another, and the fee times it 1,800 cents.
    let (half, verdict) = world(|w| {
        let content = &w.witness.service.content;
        let mut record = content.record();
        record.quantity = 1500;
        let leaf = record.leaf(content.subject, content.salt);
        w.witness.service.signature = Key::Provider.signer().sign(leaf);
        w.set_row(|row| row.prior_authorisation = false);
        w.refresh();
        w.pay(&w.price(1800, 1, 2000));
    });
    assert_eq!(verdict, Err(ServiceSignature));
    let units = fr(1500) * fr(1000).inverse().unwrap();
    // Its range, at least one, at most the maximum.
    assert_eq!(refusals(&half, &[(at.units, units)]), 3);
}

#[test]
fn c10_no_carry_makes_the_balance_say_something_else() {
    let at = Layout::new();
    // A cent of the out-of-pocket rest is 2^64 of the deductible.
    let (carried, verdict) = world(|w| {
        w.refresh();
        let cost = Cost {
            allowed: 2400,
            deductible: 849,
            coinsurance: 0,
            pay: 1551,
        };
        let mut next = w.witness.next_note().unwrap();
        next.balances = Balances {
            deductible: u64::MAX - 348,
            out_of_pocket: 0,
            annual: 10_000 - 1551,
        };
        let mut opening = w.witness.opening();
        opening.amounts = cost.amounts();
        w.public.cm_payable = opening.commitment().unwrap();
        w.public.cm_benefit = next.commitment();
    });
    assert_eq!(verdict, Err(NextNote));
    let lies = [(at.deductible, fr(500) + two_to(64)), (at.out_of_pocket, fr(849))];
    assert_eq!(refusals(&carried, &lies), 1);
}

/// The leaf's first element holds kind and domain, `kind + 256 domain`. Two kinds could share one only if their
/// domains differed by 1 / 256 modulo r, and no two names do.
#[test]
fn a_leafs_kind_and_domain_have_one_reading() {
    let step = fr(256).inverse().unwrap();
    for difference in [step, -step] {
        // Names are below 2^240, and so is the absolute difference of two.
        assert!(difference.into_bigint().num_bits() > 240);
    }
    let domains = ["us-ma", "acme-members", &"z".repeat(30)];
    for domain in domains.map(|d| d.parse::<Name>().unwrap().to_fr()) {
        assert!(Name::from_fr(&(domain + step)).is_err());
        assert!(Name::from_fr(&(domain - step)).is_err());
    }
}
