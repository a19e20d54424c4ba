//! The benefit note, the arithmetic and the nullifiers: each clause broken once, and the bounds.

use super::World;
use super::world::{Key, changed, code, name};
use crate::statements::claim::Refused::*;
use crate::statements::claim::Witness;
use ark_bn254::Fr;
use medproof_records::claim::BenefitNote;
use medproof_records::identity::Secret;
use medproof_records::record::Cents;
use medproof_verifier::opening::Amounts;
use medproof_verifier::{Path, Tag, tagged};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

fn one() -> Fr {
    Fr::from(1u64)
}

#[test]
fn a01_the_balance_must_be_the_holders_for_this_plan_year_and_on_the_ledger() {
    let owner = changed(|w| {
        w.witness.note.owner += one();
        w.refresh();
    });
    assert_eq!(owner, Err(NoteOwner));
    let plan = changed(|w| {
        w.witness.note.plan += one();
        w.refresh();
    });
    assert_eq!(plan, Err(NotePlan));
    // Another payer's balance for the same plan, year and member.
    let payer = changed(|w| {
        w.witness.note.plan = w.witness.coverage.content.plan.digest(&name("other-payer"));
        w.refresh();
    });
    assert_eq!(payer, Err(NotePlan));
    let made_up: [fn(&mut BenefitNote); 5] = [
        |n| n.balances.deductible = 0,
        |n| n.balances.out_of_pocket = 0,
        |n| n.balances.annual = u64::MAX,
        |n| n.rcm += one(),
        // Another rho would give the note a second nullifier (P2).
        |n| n.rho += one(),
    ];
    for change in made_up {
        let refused = changed(|w| {
            let anchor = w.public.anchor;
            change(&mut w.witness.note);
            w.refresh();
            w.public.anchor = anchor;
        });
        assert_eq!(refused, Err(NoteAnchor));
    }
    assert_eq!(changed(|w| w.witness.note_path = Path::zero()), Err(NoteAnchor));
    // An account note, a leaf of another domain, and a commitment that is no leaf.
    for (kind, domain) in [(1u64, "acme-members"), (2, "elsewhere")] {
        let refused = changed(|w| {
            let place = Fr::from(kind) + Fr::from(256u64) * name(domain).to_fr();
            let leaf = tagged(Tag::Leaf, [place, w.witness.note.commitment()]);
            w.public.anchor = w.witness.note_path.root(leaf);
        });
        assert_eq!(refused, Err(NoteAnchor));
    }
    let bare = changed(|w| w.public.anchor = w.witness.note_path.root(w.witness.note.commitment()));
    assert_eq!(bare, Err(NoteAnchor));
}

#[test]
fn a_payment_over_the_annual_rest_is_refused_and_never_cut() {
    let with = |deductible: u64, out_of_pocket: u64, annual: u64| {
        changed(|w| {
            w.witness.note.balances.deductible = deductible;
            w.witness.note.balances.out_of_pocket = out_of_pocket;
            w.witness.note.balances.annual = annual;
            w.refresh();
        })
    };
    assert_eq!(with(500, 850, 1550), Ok(()));
    assert_eq!(with(500, 850, 1549), Err(AnnualLimit));
    assert_eq!(with(0, 0, 2400), Ok(()));
    assert_eq!(with(0, 0, 2399), Err(AnnualLimit));
    assert_eq!(with(0, 0, 0), Err(AnnualLimit));
    assert_eq!(with(2400, 2400, 0), Ok(()));
    assert_eq!(with(u64::MAX, u64::MAX, u64::MAX), Ok(()));
    assert_eq!(with(u64::MAX, 0, 2400), Ok(()));
    assert_eq!(with(u64::MAX, 300, 2100), Ok(()));
}

#[test]
fn what_is_left_and_what_is_payable_are_the_plans_amounts() {
    let lies: [fn(&mut Amounts); 4] = [
        |c| c.pay -= 1,
        |c| {
            c.coinsurance -= 1;
            c.pay += 1;
        },
        |c| {
            c.deductible = 0;
            c.pay += 500;
        },
        |c| c.allowed += 1,
    ];
    for lie in lies {
        let payable = changed(|w| {
            let mut opening = w.witness.opening();
            lie(&mut opening.amounts);
            w.public.cm_payable = opening.commitment().unwrap();
        });
        assert_eq!(payable, Err(Payable));
    }
    let lies: [fn(&mut BenefitNote); 7] = [
        |n| n.balances.annual += 1,
        |n| n.balances.deductible += 1,
        |n| n.balances.out_of_pocket += 1,
        |n| n.owner += one(),
        |n| n.plan += one(),
        |n| n.rho += one(),
        |n| n.rcm += one(),
    ];
    for lie in lies {
        let refused = changed(|w| {
            let mut next = w.witness.next_note().unwrap();
            lie(&mut next);
            w.public.cm_benefit = next.commitment();
        });
        assert_eq!(refused, Err(NextNote));
    }
}

#[test]
fn c10_the_largest_amounts_do_not_wrap() {
    let largest = Cents::new(medproof_records::decimal::MAX_CENTS).unwrap();
    for bp in [0, 1, 9_999, 10_000] {
        let at_the_limit = changed(|w| {
            w.set_row(|row| {
                row.fee = largest;
                row.max_units = u16::MAX;
            });
            w.witness.rules.coinsurance_bp = bp;
            w.witness.service.content.charge = largest;
            w.witness.service.content.units = u16::MAX;
            w.witness.authorisation.content.units = u16::MAX;
            w.witness.note.balances.deductible = 1;
            w.witness.note.balances.out_of_pocket = u64::MAX;
            w.witness.note.balances.annual = u64::MAX;
            w.sign_service(Key::Provider);
            w.sign_authorisation(Key::Payer);
            w.refresh();
        });
        assert_eq!(at_the_limit, Ok(()));
    }
}

#[test]
fn c11_the_same_event_a_cent_dearer_has_the_same_nullifier() {
    let first = World::new();
    let mut dearer = World::new();
    dearer.witness.service.content.charge = Cents::new(3001).unwrap();
    dearer.witness.service.content.diagnosis = code("icd10cm|E11.65");
    dearer.witness.service.content.salt += one();
    dearer.sign_service(Key::Provider);
    dearer.refresh();
    assert_eq!(dearer.verdict(), Ok(()));
    assert_eq!(dearer.public.nf_claim, first.public.nf_claim);
}

#[test]
fn c11_one_note_in_two_claims_has_one_nullifier() {
    let first = World::new();
    let mut second = World::new();
    second.witness.service.content.procedure = code("cpt|95251");
    second.set_row(|row| row.procedure = code("cpt|95251"));
    second.witness.authorisation.content.procedure = code("cpt|95251");
    second.sign_service(Key::Provider);
    second.sign_authorisation(Key::Payer);
    second.refresh();
    assert_eq!(second.verdict(), Ok(()));
    assert_ne!(second.public.nf_claim, first.public.nf_claim);
    assert_eq!(second.public.nf_benefit, first.public.nf_benefit);
}

/// Whatever private value changes, with the ledger's side as it is: either nothing can be proven, or event and note
/// keep their nullifiers.
#[test]
fn c11_no_private_change_gives_an_event_or_note_a_second_nullifier() {
    let changes: [fn(&mut Witness); 18] = [
        |w| w.identity.sk = Secret::new(one()),
        |w| w.identity.ts = Secret::new(one()),
        |w| w.identity.person += one(),
        |w| w.note.owner += one(),
        |w| w.note.plan += one(),
        |w| w.note.rho += one(),
        |w| w.note.rcm += one(),
        |w| w.note.balances.annual += 1,
        |w| w.note_path = Path::zero(),
        |w| w.coverage.content.member_secret += one(),
        |w| w.coverage.content.plan.member = "M-100201".parse().unwrap(),
        |w| w.service.content.procedure = code("cpt|93000"),
        |w| w.service.content.service.0 -= 1,
        |w| w.service.content.npi = None,
        |w| w.service.content.salt += one(),
        |w| w.service.key.leaf.party = name("other-clinic"),
        |w| w.rules.version += one(),
        // The blinding is the holder's to choose.
        |w| w.r += one(),
    ];
    let honest = World::new().public;
    let mut proven = 0;
    for (i, change) in changes.into_iter().enumerate() {
        let mut world = World::new();
        change(&mut world.witness);
        world.refresh();
        world.public.anchor = honest.anchor;
        world.public.identity_root = honest.identity_root;
        world.public.policy_id = honest.policy_id;
        if world.verdict().is_ok() {
            proven += 1;
            assert_eq!(world.public.nf_claim, honest.nf_claim, "{i}");
            assert_eq!(world.public.nf_benefit, honest.nf_benefit, "{i}");
        }
    }
    assert_eq!(proven, 1);
}

#[test]
fn relation_and_circuit_agree_on_random_amounts() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut seen = [0; 2];
    for _ in 0..24 {
        // Small exponents are as likely as large ones, so that every bound is met.
        let mut upto = |bits: u32| rng.next_u64() >> (64 - 1 - rng.next_u32() % bits);
        let (fee, charge) = (upto(39), upto(39));
        let balances = [upto(60), upto(60), upto(60)];
        let (units, bp) = (1 + (upto(15) as u16 >> 1), (upto(13) % 10_001) as u16);
        let verdict = changed(|w| {
            w.set_row(|row| {
                row.fee = Cents::new(fee).unwrap();
                row.max_units = u16::MAX;
            });
            w.witness.rules.coinsurance_bp = bp;
            w.witness.service.content.charge = Cents::new(charge).unwrap();
            w.witness.service.content.units = units;
            w.witness.authorisation.content.units = units;
            let note = &mut w.witness.note.balances;
            [note.deductible, note.out_of_pocket, note.annual] = balances;
            w.sign_service(Key::Provider);
            w.sign_authorisation(Key::Payer);
            w.refresh();
        });
        assert!(matches!(verdict, Ok(()) | Err(AnnualLimit)), "{verdict:?}");
        seen[usize::from(verdict.is_ok())] += 1;
    }
    // Both outcomes are met.
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}
