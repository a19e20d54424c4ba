//! The tamper harness over the whole circuit: in the small tier, and in the standard one by `make soak`.

use super::super::circuit::in_parts;
use super::super::{Eligibility, Standard, Tier, Witness};
use super::agreement::random_records;
use super::fixture::{Small, World};
use crate::scenario::eligibility::{Assignment, example};
use crate::statement::Circuit;
use crate::tamper::checks::Statement;
use crate::tamper::{Freedom, Loose, System};
use ark_bn254::Fr;
use medproof_records::decimal::OFFSET;
use medproof_records::policy::eligibility::{Clause, Operation, compile};
use medproof_records::record::Kind;
use medproof_verifier::Day;
use medproof_verifier::statement::EligibilityPublic;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(super) type Pair = (EligibilityPublic, Witness);

fn setup<T: Tier>() -> System {
    let (public, witness) = Eligibility::<T>::blank();
    System::setup(|cs| Eligibility::<T>::synthesise(cs, &public, &witness)).unwrap()
}

pub(super) fn system<T: Tier>((public, witness): &Pair) -> System {
    System::prove(|cs| Eligibility::<T>::synthesise(cs, public, witness)).unwrap()
}

fn statement<T: Tier>((public, witness): &Pair) -> Statement {
    let mut parts = Vec::new();
    let system = System::prove(|cs| {
        in_parts::<T>(cs.clone(), public, witness, &mut |name| {
            parts.push((name, cs.num_witness_variables()));
        })
    });
    Statement {
        system: system.unwrap(),
        parts,
    }
}

/// How many private variables come before those of the records: the next are the bits of the slots in use.
pub(super) fn records_begin<T: Tier>() -> usize {
    let parts = statement::<T>(&Eligibility::<T>::blank()).parts;
    let (_, end) = parts
        .iter()
        .find(|(name, _)| *name == "opened table leaves")
        .unwrap();
    *end
}

/// Another holder with random records, most of whom are not eligible.
fn random(seed: u64) -> Pair {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::eligible();
    world.records = random_records(&mut rng, &world.records, world.on);
    world.rng = rng;
    world.assignment()
}

fn screened(seed: u64) -> Pair {
    match example(&mut StdRng::seed_from_u64(seed), Fr::from(seed)) {
        Assignment::Standard(public, witness) | Assignment::Large(public, witness) => (public, witness),
    }
}

fn one_shape<T: Tier>(pairs: impl Iterator<Item = Pair>) {
    let setup = setup::<T>();
    assert_eq!(system::<T>(&Eligibility::<T>::blank()).digest(), setup.digest());
    for (i, pair) in pairs.enumerate() {
        assert_eq!(system::<T>(&pair).digest(), setup.digest(), "{i}");
    }
}

#[test]
fn c01_the_shape_is_the_same_for_every_snapshot_and_in_set_up() {
    one_shape::<Small>((0..12).map(random));
    one_shape::<Standard>((0..1).map(screened));
}

#[test]
#[ignore = "soak: 100 witnesses"]
fn c01_the_shape_is_the_same_for_100_snapshots() {
    one_shape::<Small>((0..100).map(random));
    one_shape::<Standard>((0..20).map(random));
}

#[test]
fn c02_c03_one_predicate_and_nothing_outside_it() {
    for setup in [setup::<Small>(), setup::<Standard>()] {
        assert_eq!(setup.predicates(), 1);
        assert_eq!(setup.unused_inputs(), [0usize; 0]);
        assert_eq!(setup.unused_variables(), [0usize; 0]);
    }
}

/// Of every claim the parts that nothing reads, each with what it may be instead.
///
/// Value and day are range-checked with their bits, so that alone only the top bit can be another. The value is read
/// where the atom measures, the day where the latest counts, and both where a record stands for them; claims of
/// other atoms have whatever value and day the prover likes, and what is proven names neither. The side on which the
/// tested value lies outside the bounds is only a choice between two differences: where they are equal it is none.
fn unread(witness: &Witness) -> Vec<[Fr; 2]> {
    let mut records = witness.snapshot.records.iter().map(|r| &r.record);
    let person = records.find(|r| r.kind == Kind::Demographics).unwrap();
    let mut unread = Vec::new();
    for (i, claim) in witness.claims.iter().enumerate() {
        let atom = witness.rules.atoms.get(i);
        let operation = atom.map(|atom| atom.operation);
        let stands = claim.standing.iter().any(|stands| *stands);
        let measures = matches!(operation, Some(Operation::Latest | Operation::Any));
        if !stands && !measures {
            unread.push([claim.value, claim.value ^ 1 << 63].map(Fr::from));
        }
        if !stands && operation != Some(Operation::Latest) {
            unread.push([claim.day, claim.day ^ 1 << 15].map(Fr::from));
        }
        let tested = match operation {
            None | Some(Operation::Exists) => Some(0),
            Some(Operation::Sex) => Some(u128::from(person.quantity)),
            Some(Operation::Alive) => Some(u128::from(person.status)),
            _ => None,
        };
        let bounds = atom.map_or(0, |atom| u128::from(atom.low) + u128::from(atom.high));
        if tested.is_some_and(|tested| 2 * tested == bounds) {
            unread.push([claim.above, !claim.above].map(Fr::from));
        }
    }
    unread
}

/// Hints are those of equalities that hold, of the signature's bounds, and of conditions that are not asked for.
#[test]
fn c04_no_private_variable_can_be_changed_alone_but_for_hints_and_claims_that_nothing_reads() {
    let hints = ["atoms", "clauses", "issuer and header", "records"];
    let pairs = std::iter::once_with(|| World::eligible().assignment()).chain((1..5).map(satisfying));
    for (public, witness) in pairs {
        let unread = unread(&witness);
        let statement = statement::<Small>(&(public, witness));
        assert!(statement.system.is_satisfied());
        let mut found = Vec::new();
        for (variable, freedom) in statement.system.freedoms() {
            match freedom {
                Freedom::Idle(kind) => {
                    let part = statement.part(variable);
                    assert!(kind != Loose::Open && hints.contains(&part), "{part}: {kind:?}");
                }
                Freedom::Other(value) => {
                    found.push([statement.system.private(variable).unwrap(), value]);
                }
            }
        }
        assert_eq!(found, unread);
    }
}

/// As many atoms as a policy may have.
const FULL: &str = r#"
schema = "medproof/eligibility/1"
id = "full"
version = "1"
sponsor = "sponsor"
identity_domain = "us-ma"
uniqueness_scope = "full"

[source]
categories = ["demographics", "condition", "laboratory", "medication"]
freshness_days = 14

[valueset]
t2d = ["sct|44054006", "icd10cm|E11.*"]
cancer = ["icd10cm|C50.*"]
a1c = ["loinc|4548-4"]
egfr = ["loinc|33914-3"]
insulin = ["rxnorm|5856"]
metformin = ["rxnorm|6809"]

[atom]
adult = { kind = "age", min_years = 18, max_years = 75 }
minor = { kind = "age", max_years = 17 }
woman = { kind = "sex", is = "female" }
other = { kind = "sex", is = "other" }
alive = { kind = "alive" }
t2d = { kind = "exists", category = "condition", valueset = "t2d", clinical = ["active"], verification = ["confirmed"] }
t2d_twice = { kind = "exists", category = "condition", valueset = "t2d", at_least = 2 }
cancer = { kind = "exists", category = "condition", valueset = "cancer", total = ["icd10cm"] }
a1c = { kind = "latest", valueset = "a1c", unit = "%", min = "7.0", max = "10.5", within_days = 90 }
a1c_ever = { kind = "latest", valueset = "a1c", unit = "%", max = "7.0" }
egfr = { kind = "any", valueset = "egfr", unit = "mL/min/{1.73_m2}", min = "45", within_days = 365 }
egfr_low = { kind = "latest", valueset = "egfr", unit = "mL/min/{1.73_m2}", max = "45", within_days = 365 }
insulin = { kind = "exists", category = "medication", valueset = "insulin", within_days = 60, total = ["rxnorm"] }
insulin_ever = { kind = "exists", category = "medication", valueset = "insulin" }
metformin = { kind = "exists", category = "medication", valueset = "metformin", at_least = 2 }
metformin_now = { kind = "exists", category = "medication", valueset = "metformin", within_days = 90 }

[rule]
eligible = "adult and minor and woman and other and alive and t2d and t2d_twice and cancer and a1c and a1c_ever and egfr and egfr_low and insulin and insulin_ever and metformin and metformin_now"
"#;

/// Somebody with random records on another day, and sixteen clauses that happen to hold for them.
pub(super) fn satisfying(seed: u64) -> Pair {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::eligible();
    world.policy = compile(FULL).unwrap();
    world.on = Day(world.on.0 + rng.gen_range(0..6_000));
    world.valid = (
        Day(world.on.0 - rng.gen_range(0..400)),
        Day(world.on.0 + rng.gen_range(0..400)),
    );
    for record in &mut world.records[1..] {
        record.start = Day(world.on.0 - (46_081 - record.start.0));
    }
    world.records = random_records(&mut rng, &world.records, world.on);
    (world.records[0].value, world.records[0].quantity) = (OFFSET + 19_600_101, rng.gen_range(1..4));
    world.rng = StdRng::seed_from_u64(seed + 1_000);
    let (mut public, mut witness) = world.assignment();
    let mut shown = Clause {
        positive: 0,
        negative: 0,
    };
    for (i, claim) in witness.claims.iter().enumerate() {
        match claim.truth {
            Some(true) => shown.positive |= 1 << i,
            Some(false) => shown.negative |= 1 << i,
            None => {}
        }
    }
    witness.rules.clauses = std::iter::repeat_with(|| {
        loop {
            let (positive, negative): (u16, u16) = (rng.r#gen(), rng.r#gen());
            if positive & shown.positive != 0 || negative & shown.negative != 0 {
                return Clause { positive, negative };
            }
        }
    })
    .take(16)
    .collect();
    public.policy_id = witness.rules.policy_id();
    (public, witness)
}
