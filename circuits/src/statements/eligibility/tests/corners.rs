//! What a prover could try with windows, values and clauses at their edges. Relation and circuit must both refuse.

use super::super::{AtomClaim, Refused};
use super::agreement::without_clauses;
use super::fixture::{POLICY, World, accepted, at, code, refused};
use crate::gadgets::registry::KeyRefused;
use ark_bn254::Fr;
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::identity::{Identity, Secret};
use medproof_records::policy::eligibility::{Clause, MAX_ATOMS, MAX_CLAUSES, compile};
use medproof_records::record::{Kind, Record};
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Day, Tag, tagged};

/// The world of the fixture under a policy in which some text is another.
pub(super) fn under(changes: &[(&str, &str)]) -> World {
    let text = changes.iter().fold(POLICY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    World {
        policy: compile(&text).unwrap(),
        ..World::eligible()
    }
}

/// A condition with a code of its own.
fn condition(world: &World, text: &str) -> Record {
    let mut record = world.records[1].clone();
    (record.code, record.code2) = (code(text), Code::NONE);
    record.source = Fr::from(7u64);
    record
}

#[test]
fn a_window_begins_on_the_first_day_or_later() {
    let window = (
        "valueset = \"cancer\" }",
        "valueset = \"cancer\", within_days = 36500 }",
    );
    for (on, fits) in [(36_500, true), (36_499, false)] {
        let mut world = under(&[window]);
        let earlier = world.on.0 - on;
        for record in world.records.iter_mut().filter(|r| r.kind != Kind::Demographics) {
            record.start.0 -= earlier;
        }
        world.on = Day(on);
        world.valid = (world.on, world.on);
        let (public, witness) = world.assignment();
        match fits {
            true => accepted(&public, &witness),
            false => refused(&public, &witness, &Refused::Window),
        }
    }
}

#[test]
fn atoms_without_a_window_ask_for_the_whole_year() {
    let unwindowed = [
        (", within_days = 90", ""),
        (", within_days = 365", ""),
        (", within_days = 60", ""),
    ];
    let mut world = under(&unwindowed);
    let (public, mut witness) = world.assignment();
    assert_eq!(witness.rules.lookback_days, 365);
    accepted(&public, &witness);
    // Signed over the same records by an issuer who covers a day less, or its own day only.
    for from in [world.on.0 - 364, world.on.0] {
        witness.snapshot.header.from = Day(from);
        world.sign_again(&mut witness);
        refused(&public, &witness, &Refused::Coverage);
    }
}

#[test]
fn a_value_is_outside_on_its_own_side_only() {
    let mut world = World::eligible();
    let (a1c, egfr) = (at(&world, "a1c"), at(&world, "egfr"));
    // Below, above: the wrong side, and the claim that it is inside.
    for value in [OFFSET + 69_999, OFFSET + 105_001] {
        world.records[2].value = value;
        let (public, mut witness) = without_clauses(&mut world);
        assert_eq!(witness.claims[a1c].truth, Some(false));
        accepted(&public, &witness);
        witness.claims[a1c].above = !witness.claims[a1c].above;
        refused(&public, &witness, &Refused::Claim(a1c));
        witness.claims[a1c].truth = Some(true);
        refused(&public, &witness, &Refused::Claim(a1c));
    }
    // `any` is never false, also where every value lies outside.
    world.records[5].value = OFFSET + 1;
    let (public, mut witness) = without_clauses(&mut world);
    let mut standing = vec![false; 8];
    standing[5] = true;
    witness.claims[egfr] = AtomClaim {
        truth: Some(false),
        day: world.records[5].start.0,
        value: OFFSET + 1,
        standing,
        above: false,
    };
    refused(&public, &witness, &Refused::Claim(egfr));
    witness.claims[egfr].truth = None;
    accepted(&public, &witness);
}

#[test]
fn d03_an_age_does_not_wrap() {
    // Born after the date, and with a value that no date has: outside on one side each.
    for (born, above) in [(OFFSET + 20_990_101, false), (5, true), (u64::MAX, false)] {
        let mut world = World::eligible();
        world.records[0].value = born;
        let (public, mut witness) = without_clauses(&mut world);
        let adult = at(&world, "adult");
        let claim = witness.claims[adult].clone();
        assert_eq!((claim.truth, claim.above), (Some(false), above), "{born}");
        accepted(&public, &witness);
        for (truth, above) in [(false, !above), (true, true), (true, false)] {
            let truth = Some(truth);
            let lie = AtomClaim {
                truth,
                above,
                ..claim.clone()
            };
            witness.claims[adult] = lie;
            refused(&public, &witness, &Refused::Claim(adult));
        }
    }
}

#[test]
fn a_clause_of_two_signs_needs_one_literal_that_is_known() {
    let either = ("t2d and not cancer", "(t2d or not cancer)");
    // Diabetes is known or not, cancer is there or not.
    for (known, ill) in [(true, true), (false, false), (false, true)] {
        let mut world = under(&[either]);
        if !known {
            world.records[1].status = 0;
        }
        if ill {
            let cancer = condition(&world, "icd10cm|C50.911");
            world.records.push(cancer);
        }
        let (public, mut witness) = world.assignment();
        let (t2d, cancer) = (at(&world, "t2d"), at(&world, "cancer"));
        if known || !ill {
            accepted(&public, &witness);
        }
        // Without the literal that holds, or with none that does.
        witness.claims[if known { t2d } else { cancer }].truth = None;
        let both = Clause {
            positive: 1 << t2d,
            negative: 1 << cancer,
        };
        let clause = witness.rules.clauses.iter().position(|c| *c == both).unwrap();
        refused(&public, &witness, &Refused::Clause(clause));
        if known || !ill {
            continue;
        }
        for (atom, truth) in [(t2d, Some(true)), (cancer, Some(false))] {
            witness.claim_what_is_known(world.on);
            witness.claims[atom].truth = truth;
            refused(&public, &witness, &Refused::Claim(atom));
        }
    }
}

#[test]
fn an_atom_and_its_negation_do_not_cancel() {
    let mut world = World::eligible();
    let cancer = at(&world, "cancer");
    let (mut public, mut witness) = world.assignment();
    witness.rules.clauses = vec![Clause {
        positive: 1 << cancer,
        negative: 1 << cancer,
    }];
    public.policy_id = witness.rules.policy_id();
    accepted(&public, &witness);
    witness.claims[cancer].truth = None;
    refused(&public, &witness, &Refused::Clause(0));
}

#[test]
fn the_last_atoms_and_clauses_are_judged() {
    let codes = ["C60.9", "C61", "C62.90", "C63.9", "C64.9", "C65.9", "C66.9"];
    let list = |each: &dyn Fn(usize, &str) -> String| {
        let lines = codes.iter().enumerate().map(|(i, code)| each(i, code));
        lines.collect::<String>()
    };
    let sets = list(&|i, code| format!("x{i} = [\"icd10cm|{code}\"]\n"));
    let atoms = list(&|i, _| {
        format!("x{i} = {{ kind = \"exists\", category = \"condition\", valueset = \"x{i}\" }}\n")
    });
    let rule = list(&|i, _| format!(" and not x{i}"));
    let changes = [
        ("[atom]\n", format!("{sets}[atom]\n")),
        ("[rule]\n", format!("{atoms}[rule]\n")),
        ("insulin and metformin", format!("insulin and metformin{rule}")),
    ];
    let changes = changes.each_ref().map(|(from, to)| (*from, to.as_str()));
    let mut world = under(&changes);
    assert_eq!(world.policy.rules().atoms.len(), MAX_ATOMS);
    let clauses = world.policy.rules().clauses.clone();
    assert_eq!(clauses.len(), MAX_CLAUSES);
    let (public, mut witness) = world.assignment();
    accepted(&public, &witness);
    let honest = witness.claims.clone();
    // The third word holds the last four clauses, here of atoms that are asked for.
    for (clause, asked) in clauses.iter().enumerate().skip(12) {
        let atom = asked.positive.trailing_zeros() as usize;
        witness.claims[atom].truth = None;
        refused(&public, &witness, &Refused::Clause(clause));
        witness.claims = honest.clone();
    }
    for i in [3, 4, 5, 6] {
        let atom = at(&world, &format!("x{i}"));
        let clause = clauses.iter().position(|c| c.negative == 1 << atom).unwrap();
        assert!(atom >= 12);
        let mut world = under(&changes);
        let ill = condition(&world, &format!("icd10cm|{}", codes[i]));
        world.records.push(ill);
        let (public, mut witness) = world.assignment();
        refused(&public, &witness, &Refused::Clause(clause));
        witness.claims = honest.clone();
        refused(&public, &witness, &Refused::Claim(atom));
    }
}

#[test]
fn a_policy_of_another_statement_is_refused() {
    let mut world = World::eligible();
    let (mut public, witness) = world.assignment();
    let rules = &witness.rules;
    let of_kind = |kind: u64| {
        let (domain, hash) = (rules.identity_domain, rules.hash());
        let inputs = [Fr::from(kind), domain, hash, rules.table_root, rules.version];
        tagged(Tag::Policy, inputs)
    };
    assert_eq!(of_kind(3), public.policy_id);
    for kind in [2, 4] {
        public.policy_id = of_kind(kind);
        refused(&public, &witness, &Refused::Policy);
    }
}

#[test]
fn d01_an_issuers_leaf_names_its_own_party() {
    // Another party would give another pseudonym, for which somebody else's snapshot may be signed.
    let mut world = World::eligible();
    let (public, mut witness) = world.assignment();
    witness.issuer.leaf.party = "clinic".parse().unwrap();
    let party = witness.issuer.leaf.party.to_fr();
    witness.snapshot.header.subject = witness.identity.sk.subject(party);
    witness.snapshot.header.root = witness.snapshot.computed_root();
    world.sign_again(&mut witness);
    refused(&public, &witness, &KeyRefused::NotRegistered.into());
}

#[test]
fn a_snapshot_serves_every_identity_of_its_secret() {
    // The known gap of E4 and P1 (`docs/threat-model.md`): the snapshot names the secret's pseudonym and no person.
    let mut world = World::eligible();
    let (public, mut witness) = world.assignment();
    witness.identity = Identity {
        sk: Secret::new(witness.identity.sk.expose()),
        person: witness.identity.person + Fr::from(1u64),
        ts: Secret::new(Fr::from(77u64)),
        domain: witness.identity.domain,
        path: witness.identity.path.clone(),
    };
    let other = EligibilityPublic {
        identity_root: witness.identity.root(),
        ..public
    };
    // Not under the first one's nullifier, but under its own.
    refused(&other, &witness, &Refused::Nullifier);
    let scope = witness.rules.trial_scope();
    let other = EligibilityPublic {
        nf_trial: tagged(Tag::Trial, [witness.identity.ts.expose(), scope]),
        ..other
    };
    assert_ne!(other.nf_trial, public.nf_trial);
    accepted(&other, &witness);
}
