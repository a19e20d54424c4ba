//! Holder, policy, signed data, filing time, codes and units: each clause broken once (P1 to P9, A7 and D3 of
//! the specification).

use super::World;
use super::world::{DAY, Key, changed, code, key, name};
use crate::gadgets::registry::KeyRefused::{NotRegistered, Role as WrongRole, Scope, Validity};
use crate::statements::claim::Refused::*;
use crate::statements::claim::no_authorisation;
use ark_bn254::Fr;
use medproof_records::claim::{Cost, PlanWord};
use medproof_records::code::CodeInterval;
use medproof_records::identity::Secret;
use medproof_records::record::{Cents, Record, Status};
use medproof_verifier::{Day, Path};

fn one() -> Fr {
    Fr::from(1u64)
}

#[test]
fn a_claim_that_holds_is_accepted() {
    assert_eq!(World::with_row(true).verdict(), Ok(()));
    assert_eq!(World::with_row(false).verdict(), Ok(()));
    // 2400 allowed, 500 deductible, 20 % of 1900 is 380, of which 350 are left out of pocket.
    let cost = World::new().witness.cost();
    let expected = Cost {
        allowed: 2400,
        deductible: 500,
        coinsurance: 350,
        pay: 1550,
    };
    assert_eq!(cost, expected);
}

#[test]
fn each_public_input_is_bound() {
    let inputs: [(fn(&mut World), _); 10] = [
        (|w| w.public.anchor += one(), NoteAnchor),
        (|w| w.public.identity_root += one(), Identity),
        (|w| w.public.registry_root += one(), CoverageKey(NotRegistered)),
        (|w| w.public.domain += one(), Identity),
        (|w| w.public.policy_id += one(), Policy),
        (|w| w.public.received += one(), Filing),
        (|w| w.public.nf_claim += one(), ClaimNullifier),
        (|w| w.public.nf_benefit += one(), BenefitNullifier),
        (|w| w.public.cm_benefit += one(), NextNote),
        (|w| w.public.cm_payable += one(), Payable),
    ];
    for (change, refused) in inputs {
        assert_eq!(changed(change), Err(refused));
    }
}

#[test]
fn another_holder_is_refused() {
    assert_eq!(
        changed(|w| w.witness.identity.sk = Secret::new(one())),
        Err(Identity)
    );
    assert_eq!(changed(|w| w.witness.identity.person += one()), Err(Identity));
    assert_eq!(
        changed(|w| w.witness.identity.ts = Secret::new(one())),
        Err(Identity)
    );
    assert_eq!(changed(|w| w.witness.identity.path = Path::zero()), Err(Identity));
    // Another enrolled person with someone's signed data, note and all (P1).
    let stolen = changed(|w| {
        w.witness.identity.sk = Secret::new(one());
        w.refresh();
    });
    assert_eq!(stolen, Err(CoverageSubject));
    let of_coverage = changed(|w| {
        w.witness.identity.sk = Secret::new(one());
        w.witness.coverage.content.subject = w.witness.identity.sk.subject(name("acme").to_fr());
        w.sign_coverage(Key::Payer);
        w.refresh();
    });
    assert_eq!(of_coverage, Err(ServiceSubject));
    // The same holder's identity in another domain.
    let domain = changed(|w| {
        w.witness.identity.domain = name("elsewhere").to_fr();
        w.refresh();
    });
    assert_eq!(domain, Err(CoverageKey(Scope)));
}

#[test]
fn d03_another_policy_or_row_is_refused() {
    assert_eq!(changed(|w| w.witness.rules.max_days = 366), Err(Policy));
    assert_eq!(changed(|w| w.witness.rules.coinsurance_bp = 0), Err(Policy));
    assert_eq!(changed(|w| w.witness.rules.version += one()), Err(Policy));
    assert_eq!(
        changed(|w| w.witness.rules.payer = name("other-payer")),
        Err(Policy)
    );
    assert_eq!(
        changed(|w| w.witness.rules.plan = "hmo-2026".parse().unwrap()),
        Err(Policy)
    );
    // A policy of the same name with another table.
    let table = changed(|w| w.set_row(|row| row.fee = Cents::new(1300).unwrap()));
    assert_eq!(table, Err(Policy));
    // A share over 100 % is no policy, even if one were accepted.
    for bp in [10_001, 16_384, u16::MAX] {
        let over = changed(|w| {
            w.witness.rules.coinsurance_bp = bp;
            w.witness.note.balances.out_of_pocket = 500;
            w.refresh();
        });
        assert_eq!(over, Err(Policy));
    }
    // A row with better terms.
    assert_eq!(changed(|w| w.witness.row.prior_authorisation = false), Err(Row));
    assert_eq!(
        changed(|w| w.witness.row.fee = Cents::new(1300).unwrap()),
        Err(Row)
    );
    assert_eq!(changed(|w| w.witness.row.max_units = 3), Err(Row));
    assert_eq!(changed(|w| w.witness.row.procedure = code("cpt|95251")), Err(Row));
    assert_eq!(
        changed(|w| w.witness.row.diagnosis = CodeInterval::parse("icd10cm|E1*").unwrap()),
        Err(Row)
    );
    assert_eq!(changed(|w| w.witness.row_path = Path::zero()), Err(Row));
}

#[test]
fn a07_coverage_must_be_the_payers_word_on_the_holder() {
    let by = |at: Key| changed(|w| w.sign_coverage(at));
    assert_eq!(by(Key::PayerAsIssuer), Err(CoverageKey(WrongRole)));
    assert_eq!(by(Key::PayerElsewhere), Err(CoverageKey(Scope)));
    assert_eq!(by(Key::PayerEnded), Err(CoverageKey(Validity)));
    assert_eq!(by(Key::PayerLater), Err(CoverageKey(Validity)));
    assert_eq!(by(Key::OtherPayer), Err(CoverageParty));
    let unregistered = changed(|w| {
        w.witness.coverage.key.leaf.ax = key(99).public_key().x;
        w.witness.coverage.key.leaf.ay = key(99).public_key().y;
        w.witness.coverage.signature = key(99).sign(w.witness.coverage.content.hash());
    });
    assert_eq!(unregistered, Err(CoverageKey(NotRegistered)));
    let elsewhere = changed(|w| w.witness.coverage.key.path = Path::zero());
    assert_eq!(elsewhere, Err(CoverageKey(NotRegistered)));
    let forged = changed(|w| w.witness.coverage.signature.s += one());
    assert_eq!(forged, Err(CoverageSignature));
    let swapped = changed(|w| w.witness.coverage.signature = w.witness.authorisation.signature);
    assert_eq!(swapped, Err(CoverageSignature));

    let content: [(fn(&mut World), _); 6] = [
        (|w| w.witness.coverage.content.subject += one(), CoverageSubject),
        (
            |w| w.witness.coverage.content.payer = name("other-payer"),
            CoveragePayer,
        ),
        (
            |w| w.witness.coverage.content.plan.plan = "hmo-2026".parse().unwrap(),
            CoveragePlan,
        ),
        (
            |w| w.witness.coverage.content.start = Day(DAY.0 + 1),
            CoveragePeriod,
        ),
        (
            |w| w.witness.coverage.content.end = Day(DAY.0 - 1),
            CoveragePeriod,
        ),
        // Another member's secret would give the event a second nullifier (P2).
        (
            |w| w.witness.coverage.content.member_secret += one(),
            CoverageSignature,
        ),
    ];
    for (change, refused) in content {
        // Unsigned, and signed by the payer.
        assert_eq!(
            changed(|w| {
                change(w);
                w.refresh()
            }),
            Err(CoverageSignature)
        );
        if refused != CoverageSignature {
            assert_eq!(
                changed(|w| {
                    change(w);
                    w.sign_coverage(Key::Payer);
                    w.refresh()
                }),
                Err(refused)
            );
        }
    }
    // Year and member are bound to the balance.
    let plan: [fn(&mut PlanWord); 2] = [|p| p.year = 2025, |p| p.member = "M-100201".parse().unwrap()];
    for change in plan {
        assert_eq!(
            changed(|w| change(&mut w.witness.coverage.content.plan)),
            Err(CoverageSignature)
        );
        let signed = changed(|w| {
            change(&mut w.witness.coverage.content.plan);
            w.sign_coverage(Key::Payer);
            w.refresh();
        });
        assert_eq!(signed, Err(NotePlan));
    }
}

#[test]
fn a07_the_service_must_be_the_providers_own_word() {
    let by = |at: Key| changed(|w| w.sign_service(at));
    assert_eq!(by(Key::ProviderAsPrescriber), Err(ServiceKey(WrongRole)));
    assert_eq!(by(Key::OtherProvider), Err(ServiceKey(Scope)));
    assert_eq!(by(Key::ProviderEnded), Err(ServiceKey(Validity)));
    assert_eq!(by(Key::Payer), Err(ServiceKey(WrongRole)));
    // An excluded provider has no leaf.
    let excluded = changed(|w| w.witness.service.key.path = Path::zero());
    assert_eq!(excluded, Err(ServiceKey(NotRegistered)));
    let npi = changed(|w| {
        w.witness.service.content.npi = Some("1245319599".parse().unwrap());
        w.sign_service(Key::Provider);
        w.refresh();
    });
    assert_eq!(npi, Err(ServiceKey(Scope)));
    // What another provider signed under its own name is of another pseudonym.
    let other = changed(|w| {
        w.witness.service.content.npi = Some("1245319599".parse().unwrap());
        w.sign_service(Key::OtherProvider);
        w.refresh();
    });
    assert_eq!(other, Err(ServiceSubject));
    let payers_pseudonym = changed(|w| {
        w.witness.service.content.subject = w.witness.coverage.content.subject;
        w.sign_service(Key::Provider);
    });
    assert_eq!(payers_pseudonym, Err(ServiceSubject));

    let unsigned: [fn(&mut World); 9] = [
        |w| w.witness.service.content.charge = Cents::new(3001).unwrap(),
        |w| w.witness.service.content.units = 1,
        |w| w.witness.service.content.service = Day(DAY.0 - 1),
        |w| w.witness.service.content.procedure = code("cpt|93000"),
        |w| w.witness.service.content.diagnosis = code("icd10cm|E11.65"),
        |w| w.witness.service.content.facility = None,
        |w| w.witness.service.content.source += one(),
        |w| w.witness.service.content.salt += one(),
        |w| w.witness.service.signature.r8x += one(),
    ];
    for (i, change) in unsigned.into_iter().enumerate() {
        let refused = changed(|w| {
            change(w);
            w.refresh();
        });
        // The shifted day is before the keys' and the coverage's.
        let expected = if i == 2 {
            CoverageKey(Validity)
        } else {
            ServiceSignature
        };
        assert_eq!(refused, Err(expected), "{i}");
    }
}

#[test]
fn a07_a_record_of_another_kind_or_state_is_no_rendered_service() {
    let states: [fn(&mut Record); 8] = [
        |r| r.status = Status::NotDone.id(),
        |r| r.status = Status::EnteredInError.id(),
        |r| r.status = 0,
        |r| r.negated = true,
        |r| r.kind = medproof_records::record::Kind::Procedure,
        |r| r.kind = medproof_records::record::Kind::PriorAuthorisation,
        |r| r.quantity += 1,
        |r| r.end = Day::OPEN,
    ];
    for change in states {
        let refused = changed(|w| {
            let content = &w.witness.service.content;
            let mut record = content.record();
            change(&mut record);
            w.witness.service.signature = Key::Provider
                .signer()
                .sign(record.leaf(content.subject, content.salt));
        });
        assert_eq!(refused, Err(ServiceSignature));
    }
    let revoked = changed(|w| {
        let content = &w.witness.authorisation.content;
        let mut record = content.record();
        record.status = Status::NotDone.id();
        let leaf = record.leaf(content.subject, content.salt);
        w.witness.authorisation.signature = Key::Payer.signer().sign(leaf);
    });
    assert_eq!(revoked, Err(AuthorisationSignature));
}

#[test]
fn c10_the_filing_time_holds_on_its_bounds_and_not_past_them() {
    let received = |day: Fr| changed(|w| w.public.received = day);
    let day = |day: u16| received(Fr::from(day));
    assert_eq!(day(DAY.0), Ok(()));
    assert_eq!(day(DAY.0 + 365), Ok(()));
    assert_eq!(day(DAY.0 + 366), Err(Filing));
    assert_eq!(day(DAY.0 - 1), Err(Filing));
    assert_eq!(day(0), Err(Filing));
    assert_eq!(day(u16::MAX), Err(Filing));
    // Not a day at all, and one that would wrap.
    assert_eq!(received(Fr::from(DAY.0) + Fr::from(1u64 << 16)), Err(Filing));
    assert_eq!(received(-one()), Err(Filing));
}

#[test]
fn d03_a_diagnosis_or_procedure_of_another_row_is_refused() {
    let with = |diagnosis: &str, procedure: &str| {
        changed(|w| {
            w.witness.service.content.diagnosis = code(diagnosis);
            w.witness.service.content.procedure = code(procedure);
            w.witness.authorisation.content.procedure = code(procedure);
            w.sign_service(Key::Provider);
            w.sign_authorisation(Key::Payer);
            w.refresh();
        })
    };
    for inside in ["icd10cm|E11", "icd10cm|E11.65", "icd10cm|E11.ZZZZ"] {
        assert_eq!(with(inside, "cpt|95250"), Ok(()), "{inside}");
    }
    for outside in [
        "icd10cm|E10.ZZZZ",
        "icd10cm|E12",
        "icd10cm|I10",
        "icd10pcs|0000E11",
        "sct|44054006",
    ] {
        assert_eq!(with(outside, "cpt|95250"), Err(Pair), "{outside}");
    }
    for procedure in ["cpt|95251", "cpt|93000", "hcpcs|95250"] {
        assert_eq!(with("icd10cm|E11.9", procedure), Err(Pair), "{procedure}");
    }
    // A hole in the record is no code.
    let absent = changed(|w| {
        w.witness.service.content.diagnosis = medproof_records::code::Code::ABSENT;
        w.sign_service(Key::Provider);
    });
    assert_eq!(absent, Err(Pair));
}

#[test]
fn d01_units_lie_between_one_and_the_maximum() {
    let units = |units: u16| {
        changed(|w| {
            w.witness.service.content.units = units;
            w.witness.authorisation.content.units = units;
            w.sign_service(Key::Provider);
            w.sign_authorisation(Key::Payer);
            w.refresh();
        })
    };
    assert_eq!(units(1), Ok(()));
    assert_eq!(units(2), Ok(()));
    for bad in [0, 3, u16::MAX] {
        assert_eq!(units(bad), Err(Units));
    }
}

#[test]
fn a07_an_authorisation_must_be_the_payers_for_this_holder_procedure_units_and_day() {
    let by = |at: Key| changed(|w| w.sign_authorisation(at));
    assert_eq!(by(Key::PayerAsIssuer), Err(AuthorisationKey(WrongRole)));
    assert_eq!(by(Key::PayerElsewhere), Err(AuthorisationKey(Scope)));
    assert_eq!(by(Key::PayerEnded), Err(AuthorisationKey(Validity)));
    assert_eq!(by(Key::OtherPayer), Err(AuthorisationPayer));
    assert_eq!(by(Key::Provider), Err(AuthorisationKey(WrongRole)));
    let missing = changed(|w| w.witness.authorisation = no_authorisation());
    assert_eq!(missing, Err(AuthorisationKey(NotRegistered)));
    let forged = changed(|w| w.witness.authorisation.signature.s += one());
    assert_eq!(forged, Err(AuthorisationSignature));

    let content: [(fn(&mut World), _); 6] = [
        (
            |w| w.witness.authorisation.content.subject += one(),
            AuthorisationSubject,
        ),
        (
            |w| w.witness.authorisation.content.payer = name("other-payer"),
            AuthorisationPayer,
        ),
        (
            |w| w.witness.authorisation.content.procedure = code("cpt|93000"),
            AuthorisationScope,
        ),
        (|w| w.witness.authorisation.content.units = 1, AuthorisationScope),
        (
            |w| w.witness.authorisation.content.start = Day(DAY.0 + 1),
            AuthorisationPeriod,
        ),
        (
            |w| w.witness.authorisation.content.end = Day(DAY.0 - 1),
            AuthorisationPeriod,
        ),
    ];
    for (change, refused) in content {
        assert_eq!(
            changed(|w| {
                change(w);
                w.sign_authorisation(Key::Payer)
            }),
            Err(refused)
        );
        assert!(changed(change).is_err());
    }
    let wider = changed(|w| {
        w.witness.authorisation.content.units = u16::MAX;
        w.witness.authorisation.content.end = Day::OPEN;
        w.sign_authorisation(Key::Payer);
    });
    assert_eq!(wider, Ok(()));
    // A claim line that the payer signed is no authorisation.
    let kind = changed(|w| {
        let hash = w.witness.service.content.hash();
        w.witness.authorisation.signature = Key::Payer.signer().sign(hash);
    });
    assert_eq!(kind, Err(AuthorisationSignature));
    // Where none is needed, nobody's will do.
    let mut world = World::with_row(false);
    world.witness.authorisation.content.units = 9;
    world.witness.authorisation.signature.r8x = one();
    world.witness.authorisation.key.leaf.ax = one();
    assert_eq!(world.verdict(), Ok(()));
}
