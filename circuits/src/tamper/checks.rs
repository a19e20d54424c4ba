//! What the tests of gadgets and statements ask of a system, with the exceptions that they allow.

use super::{Deletion, Freedom, Loose, System};
use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Honest assignments from which what follows from a change is recomputed, for the constraints that are left.
const RECOMPUTED: usize = 6;

/// A kind of variable that may be loose, and why that is harmless.
pub(crate) type Exception = (Loose, &'static str);

/// Why the hint of an equality is harmless.
pub(crate) const EQUALITY_HINT: Exception = (
    Loose::Hint,
    "of two equal values the hint that proves them different is multiplied by 0, and nothing else reads it",
);
/// Why the hints of a bound are harmless.
pub(crate) const BOUND_HINTS: [Exception; 2] = [
    (
        Loose::Hint,
        "where all ones of a run are matched, the hint that would release the bound is multiplied by 0",
    ),
    (
        Loose::Released,
        "a number that is below the bound already may keep or drop `equal`; only zeros of the bound read it",
    ),
];

/// A gadget alone, over honest values.
pub(crate) struct Gadget {
    pub(crate) name: &'static str,
    /// What the gadget and the checks of its operands cost.
    pub(crate) constraints: usize,
    pub(crate) synthesise: Synthesis,
    /// Kinds of variables that may be loose.
    pub(crate) loose: &'static [Exception],
    /// Auxiliaries, by number, that have other values together, and why that is harmless.
    pub(crate) choices: &'static [(&'static [usize], &'static str)],
}

/// Synthesises over values drawn from the generator and returns the private variables that are given to the
/// gadget, in order of allocation.
pub(crate) type Synthesis = fn(&ConstraintSystemRef<Fr>, &mut StdRng) -> Result<Vec<usize>, SynthesisError>;

/// Notes which private variables are allocated.
pub(crate) fn given(cs: &ConstraintSystemRef<Fr>, since: usize) -> Range<usize> {
    since..cs.num_witness_variables()
}

/// The system of a gadget over the values of a seed, and what is given to it.
pub(crate) fn honest(synthesise: Synthesis, seed: u64) -> (System, Vec<usize>) {
    let mut given = Vec::new();
    let system = System::prove(|cs| {
        given = synthesise(&cs, &mut StdRng::seed_from_u64(seed))?;
        Ok(())
    });
    (system.unwrap(), given)
}

impl Gadget {
    /// The digest of its shape.
    pub(crate) fn digest(&self) -> u64 {
        self.honest(0).0.digest()
    }

    pub(crate) fn honest(&self, seed: u64) -> (System, Vec<usize>) {
        let (system, given) = honest(self.synthesise, seed);
        assert!(system.is_satisfied(), "{}: {:?}", self.name, system.broken());
        (system, given)
    }

    /// C1: the shape is that of the set-up for every seed.
    pub(crate) fn has_one_shape(&self, seeds: Range<u64>) {
        let rng = || StdRng::seed_from_u64(0);
        let setup = System::setup(|cs| (self.synthesise)(&cs, &mut rng()).map(|_| ())).unwrap();
        for seed in seeds {
            assert_eq!(
                self.honest(seed).0.digest(),
                setup.digest(),
                "{}: {seed}",
                self.name
            );
        }
    }

    /// C2: one predicate, and the documented count.
    pub(crate) fn has_one_predicate(&self) {
        let (system, _) = self.honest(0);
        let found = (system.predicates(), system.constraints());
        assert_eq!(found, (1, self.constraints), "{}", self.name);
    }

    /// C3: every auxiliary is in a constraint.
    pub(crate) fn uses_every_variable(&self) {
        let (system, given) = self.honest(0);
        assert!(system.unused_inputs().is_empty(), "{}", self.name);
        let mut unused = system.unused_variables();
        unused.retain(|variable| !given.contains(variable));
        assert_eq!(unused, [0usize; 0], "{}", self.name);
    }

    /// C4: no auxiliary can be changed alone, nor with those that repair it; but for the exceptions.
    pub(crate) fn binds_every_variable(&self, seeds: Range<u64>) {
        for seed in seeds {
            let (system, given) = self.honest(seed);
            for (variable, freedom) in system.freedoms() {
                match freedom {
                    _ if given.contains(&variable) => {}
                    Freedom::Idle(kind) => self.allows(variable, kind),
                    Freedom::Other(value) => panic!("{}: {variable} may be {value}", self.name),
                }
            }
        }
        let (system, given) = self.honest(0);
        let mut alternatives = system.alternatives(&given);
        alternatives.retain(|changed| self.choices.iter().all(|(choice, _)| choice != changed));
        assert!(alternatives.is_empty(), "{}: {alternatives:?}", self.name);
    }

    fn allows(&self, variable: usize, kind: Loose) {
        assert!(
            self.loose.iter().any(|(k, _)| *k == kind),
            "{}: variable {variable} is loose ({kind:?})",
            self.name
        );
    }

    /// C5: the derivatives determine every auxiliary, but for the exceptions.
    pub(crate) fn has_full_rank(&self, seeds: Range<u64>) {
        for seed in seeds {
            let (system, given) = self.honest(seed);
            for (variable, kind) in system.undetermined(&given) {
                self.allows(variable, kind);
            }
        }
    }
}

/// C7: the constraints of gadgets with the same shape of which nothing shows that they are needed. Gadgets that
/// differ in their values only have one set of constraints, each of which one of them may need.
pub(crate) fn unneeded(gadgets: &[&Gadget], seeds: Range<u64>) -> Vec<usize> {
    let worlds = seeds.flat_map(|seed| gadgets.iter().map(move |gadget| gadget.honest(seed).0));
    survivors(worlds, |system| (0..system.constraints()).collect())
}

/// C7: those of the chosen constraints of which no assignment among these shows that they are needed: by the rank, by
/// walks, and for what these leave by recomputing what follows from a change. The systems differ in their
/// assignments only; one that breaks a constraint is a lie.
pub(crate) fn survivors(
    systems: impl Iterator<Item = System> + Clone,
    chosen: impl FnOnce(&System) -> Vec<usize>,
) -> Vec<usize> {
    let harder = systems.clone().filter(System::is_satisfied).take(RECOMPUTED);
    recomputed(harder, needless(systems, chosen))
}

/// Those of `left` of which recomputing what follows from a change shows nothing, in words.
pub(crate) fn recomputed(systems: impl Iterator<Item = System>, mut left: Vec<usize>) -> Vec<usize> {
    let mut last = None;
    for system in systems {
        if left.is_empty() {
            break;
        }
        left = note(left.len(), system.delete_and_recompute(&left));
        last = Some(system);
    }
    if let Some(system) = last {
        left.iter()
            .for_each(|row| println!("{row}: {}", system.describe(*row)));
    }
    left
}

/// Those of `left` of which turning several bits at once shows nothing.
pub(crate) fn exchanged(systems: impl Iterator<Item = System>, mut left: Vec<usize>) -> Vec<usize> {
    for system in systems {
        if left.is_empty() {
            break;
        }
        assert!(system.is_satisfied(), "{:?}", system.broken());
        left = note(left.len(), system.delete_and_exchange(&left));
    }
    left
}

/// [`survivors`] of the rank and the walks alone.
pub(crate) fn needless(
    mut systems: impl Iterator<Item = System>,
    chosen: impl FnOnce(&System) -> Vec<usize>,
) -> Vec<usize> {
    let Some(first) = systems.next() else {
        return Vec::new();
    };
    let chosen = chosen(&first);
    let mut left = note(chosen.len(), first.delete_each(&chosen));
    for system in systems {
        if left.is_empty() {
            break;
        }
        left = note(left.len(), system.delete_each(&left));
    }
    left
}

fn note(all: usize, deletion: Deletion) -> Vec<usize> {
    let Deletion {
        by_rank,
        by_vector,
        survivors,
    } = deletion;
    let rest = survivors.len();
    println!("of {all}: {by_rank} by rank, {by_vector} by vector, {rest} left");
    survivors
}

/// A seeded sample of the constraints: a twentieth of those of each shape, and of each at least one. The shape is the
/// number of terms on the three sides.
pub(crate) fn sample(system: &System, seed: u64) -> Vec<usize> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut kinds: BTreeMap<[usize; 3], Vec<usize>> = BTreeMap::new();
    for row in 0..system.constraints() {
        kinds.entry(system.shape(row)).or_default().push(row);
    }
    let mut rows: Vec<usize> = Vec::new();
    for of_kind in kinds.values() {
        rows.extend(of_kind.choose_multiple(&mut rng, of_kind.len().div_ceil(20)));
    }
    rows.sort_unstable();
    println!(
        "seed {seed}: {} constraints of {} shapes",
        rows.len(),
        kinds.len()
    );
    rows
}

/// A statement's system at an honest assignment, with the parts that its private variables belong to.
pub(crate) struct Statement {
    pub(crate) system: System,
    /// Name of each part and the number of private variables when it is complete.
    pub(crate) parts: Vec<(&'static str, usize)>,
}

impl Statement {
    pub(crate) fn part(&self, variable: usize) -> &'static str {
        let at = self.parts.iter().find(|(_, end)| variable < *end);
        at.map_or("", |(name, _)| *name)
    }

    /// C4: private variables that can be changed alone, by part and kind, each once; without a kind those that
    /// have one other value.
    pub(crate) fn loose_parts(&self) -> Vec<(&'static str, Option<Loose>)> {
        let freedoms = self.system.freedoms().into_iter();
        let loose = freedoms.map(|(variable, freedom)| {
            let kind = match freedom {
                Freedom::Idle(kind) => Some(kind),
                Freedom::Other(_) => None,
            };
            (self.part(variable), kind)
        });
        BTreeSet::from_iter(loose).into_iter().collect()
    }
}

/// Private variables that can be changed alone in every one of the systems.
pub(crate) fn always_free<'a>(systems: impl IntoIterator<Item = &'a System>) -> Vec<usize> {
    let mut systems = systems.into_iter().map(System::free_variables);
    let first = systems.next().unwrap_or_default();
    systems.fold(first, |common, other| {
        common
            .into_iter()
            .filter(|v| other.binary_search(v).is_ok())
            .collect()
    })
}
