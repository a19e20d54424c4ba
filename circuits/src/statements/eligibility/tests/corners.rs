//! What a prover could try at the edges: padding slots, the last slot and clause, windows, signs and codes between
//! two intervals. Relation and circuit must both refuse.

use super::super::circuit::{TableVar, parts};
use super::super::{AtomClaim, Choice, Eligibility, OpenedLeaf, Refused, Standard, Tier, Witness};
use super::agreement::without_clauses;
use super::fixture::{POLICY, Small, World, accepted, at, code, refused};
use crate::gadgets::linear;
use crate::gadgets::registry::KeyRefused;
use crate::statement::Circuit;
use ark_bn254::Fr;
use ark_relations::gr1cs::ConstraintSystem;
use medproof_records::code::Code;
use medproof_records::decimal::OFFSET;
use medproof_records::identity::{Identity, Secret};
use medproof_records::policy::eligibility::{Clause, MAX_ATOMS, MAX_CLAUSES, compile};
use medproof_records::record::{Kind, Record};
use medproof_records::table::TABLE_END;
use medproof_verifier::statement::EligibilityPublic;
use medproof_verifier::{Day, Tag, tagged};

/// The world of the fixture under a policy in which some text is another.
fn under(changes: &[(&str, &str)]) -> World {
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
fn a_filled_padding_slot_matches_nothing() {
    let mut world = World::eligible();
    let (public, mut witness) = world.assignment();
    // Slot 8 holds a third metformin with its choice of a leaf, but the signed count ends before it.
    witness.snapshot.records.push(witness.snapshot.records[7].clone());
    witness.opening.choices.push(witness.opening.choices[7]);
    let metformin = at(&world, "metformin");
    let [definite, possible] = parts::matches_of::<Small>(&public, &witness, 8, true).unwrap();
    let (zero, one) = (Fr::from(0u64), Fr::from(1u64));
    assert_eq!((definite[metformin], possible[metformin]), (one, one));
    let [definite, possible] = parts::matches_of::<Small>(&public, &witness, 8, false).unwrap();
    assert!(definite.iter().chain(&possible).all(|bit| *bit == zero));
    // Nor do the slots in use have a gap, or another number than is signed.
    for (held, count, fits) in [
        ([true, true, false, false], 2, true),
        ([true, false, true, false], 2, false),
        ([false, true, true, false], 2, false),
        ([true, true, false, false], 1, false),
        ([true; 4], 5, false),
    ] {
        assert_eq!(parts::may_be_in_use(&held, count), fits, "{held:?} {count}");
    }
}

#[test]
fn fields_keep_to_their_numbers() {
    for (value, bits, fits) in [
        (0xffff, 16, true),
        (0x1_0000, 16, false),
        (u32::MAX, 32, true),
        (u32::MAX, 31, false),
    ] {
        assert_eq!(parts::is_number(value, bits), fits, "{value} {bits}");
    }
    let kinds = Kind::ALL.len();
    for (value, first, n, fits) in [
        (1, 1, kinds, true),
        (0, 1, kinds, false),
        (kinds as u64, 1, kinds, true),
        (kinds as u64 + 1, 1, kinds, false),
        (7, 0, 8, true),
        (8, 0, 8, false),
    ] {
        assert_eq!(parts::has_bit(value, first, n), fits, "{value} of {n}");
    }
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
fn d01_the_last_slot_of_a_full_circuit_is_judged() {
    // Eighteen more drugs, each with a leaf of its own.
    let drugs: Vec<String> = (0..18).map(|i| format!("rxnorm|{}", 20_000 + 10 * i)).collect();
    let listed: Vec<String> = drugs.iter().map(|d| format!("\"{d}\"")).collect();
    let set = format!("metformin = [\"rxnorm|6809\", {}]", listed.join(", "));
    let full = |drugs: &[String]| {
        let mut world = under(&[("metformin = [\"rxnorm|6809\"]", set.as_str())]);
        for drug in drugs.iter().cycle().take(Standard::RECORDS - world.records.len()) {
            let mut fill = world.records[7].clone();
            fill.code = code(drug);
            fill.source = Fr::from(2000 + world.records.len() as u64);
            world.records.push(fill);
        }
        world
    };
    let filled = |witness: &Witness| {
        let (records, leaves) = (witness.snapshot.records.len(), witness.opening.leaves.len());
        assert_eq!((records, leaves), (Standard::RECORDS, Standard::LEAVES));
    };
    let (public, witness) = full(&drugs).assignment();
    filled(&witness);
    assert_eq!(in_standard(&public, &witness), (Ok(()), true));
    let honest = witness.claims.clone();
    // One drug fewer, and the last record is insulin of the day before.
    let mut world = full(&drugs[1..]);
    let last = world.records.last_mut().unwrap();
    (last.code, last.start) = (code("rxnorm|5856"), Day(world.on.0 - 1));
    let (public, mut witness) = world.assignment();
    filled(&witness);
    witness.claims = honest;
    let lie = Refused::Claim(at(&world, "insulin"));
    assert_eq!(in_standard(&public, &witness), (Err(lie), false));
}

/// What the relation says in the standard tier, and whether its circuit is satisfied.
fn in_standard(public: &EligibilityPublic, witness: &Witness) -> (Result<(), Refused>, bool) {
    let cs = ConstraintSystem::<Fr>::new_ref();
    Eligibility::<Standard>::synthesise(cs.clone(), public, witness).unwrap();
    let relation = Eligibility::<Standard>::relation(public, witness);
    (relation, cs.is_satisfied().unwrap())
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
fn d01_a_code_between_two_intervals_is_in_neither() {
    let world = World::eligible();
    let table = world.policy.table();
    let open = |code: Code| {
        let found = table.lookup(code);
        OpenedLeaf {
            leaf: found.leaf,
            path: found.path,
        }
    };
    // Whether one leaf, opened beside the sentinel, decides a code in its interval or in the gap after it.
    let decides = |opened: &OpenedLeaf, code: u128| {
        [true, false].map(|inside| {
            let cs = ConstraintSystem::<Fr>::new_ref();
            let new = |x: Fr| linear::witness(&cs, || Ok(x)).unwrap();
            let leaves = [open(Code::NONE), opened.clone()];
            let opened = TableVar::new(&cs, &leaves, leaves.len(), &new(table.root())).unwrap();
            let choice = Choice { leaf: 1, inside };
            opened.lookup(&cs, &new(Fr::from(code)), choice).unwrap();
            cs.is_satisfied().unwrap()
        })
    };
    let (inside, gap, neither) = ([true, false], [false, true], [false, false]);
    let opened = open(code("icd10cm|C50.911"));
    let (lo, hi, next) = (opened.leaf.lo, opened.leaf.hi, opened.leaf.next_lo);
    assert!(lo < hi && hi + 2 < next && next < TABLE_END);
    for (code, decided) in [
        (lo - 1, neither),
        (lo, inside),
        (hi, inside),
        (hi + 1, gap),
        (next - 1, gap),
        (next, neither),
        (TABLE_END, neither),
    ] {
        assert_eq!(decides(&opened, code), decided, "{code:#x}");
    }
    // After the last interval the gap ends below the greatest number of 72 bits, which is no code.
    let listed = ["sct|44054006", "icd10cm|E11.9", "loinc|4548-4", "rxnorm|6809"];
    let mut opened = listed.map(|text| open(code(text))).into_iter();
    let last = opened.find(|o| o.leaf.next_lo == TABLE_END).unwrap();
    assert_eq!(decides(&last, TABLE_END - 1), gap);
    assert_eq!(decides(&last, TABLE_END), neither);
    assert_eq!(decides(&last, TABLE_END + 1), neither);
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
