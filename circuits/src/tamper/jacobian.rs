//! First-order freedom: the derivatives of all constraints at an assignment, and what they leave open.

use super::System;
use super::probe::Probe;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A variable that the derivatives do not determine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loose {
    /// It stands in one constraint only, alone as a factor beside another: the inverse or quotient that makes
    /// it good, where what it would divide by is 0.
    Hint,
    /// Every constraint that holds it multiplies it by 0, or has a hint that makes it good.
    Released,
    /// Anything else.
    Open,
}

impl System {
    /// Private variables, in order of allocation, that the constraints leave open to first order once public
    /// inputs and the `given` private variables are fixed: the columns in which some vector of the
    /// Jacobian's kernel is not 0. Empty exactly if the other columns have full rank. None in set-up mode.
    pub fn undetermined(&self, given: &[usize]) -> Vec<(usize, Loose)> {
        let Some(probe) = Probe::new(self) else {
            return Vec::new();
        };
        let unknowns = self.movable(given);
        let mut equations: Vec<Vec<(usize, Fr)>> = vec![Vec::new(); self.rows.len()];
        for (unknown, column) in unknowns.iter().enumerate() {
            for (row, p) in probe.polynomials(*column) {
                if p.slope != Fr::ZERO {
                    equations[row].push((unknown, p.slope));
                }
            }
        }
        let open = open(equations, unknowns.len()).into_iter();
        open.map(|unknown| unknowns[unknown])
            .map(|column| (column - self.inputs, probe.looseness(column)))
            .collect()
    }

    /// The constraints whose derivative, over all variables and public inputs, is a combination of the
    /// others': deleting any other constraint gives the solutions a dimension more.
    pub(super) fn dependent(&self, probe: &Probe<'_>) -> Vec<usize> {
        // A combination of rows that vanishes is a kernel vector of the transpose.
        let equations = (1..self.variables).map(|column| {
            let terms = probe.polynomials(column).filter(|(_, p)| p.slope != Fr::ZERO);
            terms.map(|(row, p)| (row, p.slope)).collect()
        });
        open(equations.collect(), self.rows.len())
    }
}

impl Probe<'_> {
    /// Whether a variable stands in one constraint only, alone as a factor, beside one that is no constant.
    pub(super) fn is_hint(&self, column: usize) -> bool {
        let [only] = &self.uses[column][..] else {
            return false;
        };
        let row = &self.rows[only.row];
        only.matrix < 2
            && row[only.matrix].len() == 1
            && row[1 - only.matrix].iter().any(|(_, other)| *other != 0)
    }

    pub(super) fn looseness(&self, column: usize) -> Loose {
        if self.is_hint(column) {
            return Loose::Hint;
        }
        let released = self.polynomials(column).all(|(row, p)| {
            let idle = p.slope == Fr::ZERO && p.square == Fr::ZERO;
            idle || self.variables(row).into_iter().any(|v| self.is_hint(v))
        });
        if released { Loose::Released } else { Loose::Open }
    }
}

/// The unknowns that are not 0 in every solution of `sum of coefficient * unknown = 0`.
fn open(equations: Vec<Vec<(usize, Fr)>>, unknowns: usize) -> Vec<usize> {
    let mut known = vec![false; unknowns];
    peel(&equations, &mut known);
    let core = equations.into_iter().filter_map(|terms| {
        let terms: BTreeMap<usize, Fr> = terms.into_iter().filter(|(u, _)| !known[*u]).collect();
        (!terms.is_empty()).then_some(terms)
    });
    eliminate(core.collect(), &mut known);
    (0..unknowns).filter(|u| !known[*u]).collect()
}

/// Marks the unknowns that are alone in an equation once those already marked are left out. Circuits are
/// written so that nearly every variable follows from earlier ones, so this leaves little.
fn peel(equations: &[Vec<(usize, Fr)>], known: &mut [bool]) {
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); known.len()];
    // Of each equation how many unknowns are left, and their sum: with one left, its number.
    let mut left: Vec<(usize, usize)> = Vec::with_capacity(equations.len());
    for (at, terms) in equations.iter().enumerate() {
        for (unknown, _) in terms {
            places[*unknown].push(at);
        }
        left.push((terms.len(), terms.iter().map(|(u, _)| u).sum()));
    }
    let mut alone: Vec<usize> = (0..left.len()).filter(|at| left[*at].0 == 1).collect();
    while let Some(at) = alone.pop() {
        let (1, unknown) = left[at] else { continue };
        known[unknown] = true;
        for place in &places[unknown] {
            let (count, sum) = &mut left[*place];
            *count -= 1;
            *sum -= unknown;
            if *count == 1 {
                alone.push(*place);
            }
        }
    }
}

/// Marks the unknowns that are 0 in every solution. Forward elimination of sparse equations, always by the
/// shortest and in it by the unknown that fewest others hold; then one solution in which what is left free has
/// arbitrary values. An unknown that could be other than 0 is 0 there with probability of the number of
/// unknowns over r.
fn eliminate(mut equations: Vec<BTreeMap<usize, Fr>>, known: &mut [bool]) {
    // For each unknown the equations still to be used that hold it.
    let mut places: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (at, terms) in equations.iter().enumerate() {
        for unknown in terms.keys() {
            places.entry(*unknown).or_default().insert(at);
        }
    }
    let mut values: BTreeMap<usize, Fr> = BTreeMap::new();
    let arbitrary = Fr::from(0x243f_6a88_85a3_08d3_u64).pow([5]);
    for unknown in places.keys() {
        values.insert(*unknown, arbitrary.pow([values.len() as u64 + 1]));
    }
    let lengths = equations.iter().enumerate().map(|(at, terms)| (terms.len(), at));
    let mut shortest: BinaryHeap<_> = lengths.map(Reverse).collect();
    // Each pivot with the terms that its equation gives it.
    let mut solved: Vec<(usize, Vec<(usize, Fr)>)> = Vec::new();
    while let Some(Reverse((length, at))) = shortest.pop() {
        // An equation that changed since stands in the heap with its new length too.
        if equations[at].len() != length || length == 0 {
            continue;
        }
        let terms = std::mem::take(&mut equations[at]);
        for unknown in terms.keys() {
            places.entry(*unknown).or_default().remove(&at);
        }
        let rarest = terms.iter().min_by_key(|(u, _)| places[*u].len());
        let Some((pivot, scale)) = rarest.map(|(u, c)| (*u, c.inverse().unwrap_or_default())) else {
            continue;
        };
        let terms: Vec<(usize, Fr)> = terms.iter().map(|(u, c)| (*u, *c * scale)).collect();
        for other in std::mem::take(places.entry(pivot).or_default()) {
            let factor = equations[other].remove(&pivot).unwrap_or_default();
            for (unknown, coefficient) in terms.iter().filter(|(u, _)| *u != pivot) {
                let place = places.entry(*unknown).or_default();
                let value = equations[other].entry(*unknown).or_default();
                *value -= factor * coefficient;
                if *value == Fr::ZERO {
                    equations[other].remove(unknown);
                    place.remove(&other);
                } else {
                    place.insert(other);
                }
            }
            shortest.push(Reverse((equations[other].len(), other)));
        }
        solved.push((pivot, terms));
    }
    // The last pivot's equation holds unknowns only that are no pivots.
    for (pivot, terms) in solved.iter().rev() {
        let rest = terms.iter().filter(|(u, _)| u != pivot);
        let sum: Fr = rest.map(|(u, c)| values[u] * c).sum();
        values.insert(*pivot, -sum);
    }
    for (unknown, value) in values {
        known[unknown] |= value == Fr::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    /// Rank by plain elimination.
    fn rank(mut rows: Vec<Vec<Fr>>) -> usize {
        let columns = rows.first().map_or(0, Vec::len);
        let mut rank = 0;
        for column in 0..columns {
            let Some(pivot) = (rank..rows.len()).find(|r| rows[*r][column] != Fr::ZERO) else {
                continue;
            };
            rows.swap(rank, pivot);
            let top = rows[rank].clone();
            let inverse = top[column].inverse().unwrap();
            for row in rows.iter_mut().skip(rank + 1) {
                let factor = row[column] * inverse;
                row.iter_mut().zip(&top).for_each(|(x, t)| *x -= factor * t);
            }
            rank += 1;
        }
        rank
    }

    /// An unknown is determined exactly if an equation that asks for it alone adds nothing to the rank.
    #[test]
    fn open_unknowns_are_those_of_dense_elimination() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = [0; 2];
        for _ in 0..300 {
            let (rows, columns) = (rng.gen_range(1..9), rng.gen_range(1..9));
            let dense: Vec<Vec<Fr>> = (0..rows)
                .map(|_| {
                    let mut entry = || match rng.gen_range(0..6) {
                        0 => Fr::rand(&mut rng),
                        1 => Fr::ONE,
                        _ => Fr::ZERO,
                    };
                    (0..columns).map(|_| entry()).collect()
                })
                .collect();
            let sparse = dense.iter().map(|row| {
                let terms = row.iter().copied().enumerate();
                terms.filter(|(_, c)| *c != Fr::ZERO).collect()
            });
            let open = open(sparse.collect(), columns);
            for unknown in 0..columns {
                let mut more = dense.clone();
                more.push((0..columns).map(|c| Fr::from(u64::from(c == unknown))).collect());
                let determined = rank(more) == rank(dense.clone());
                seen[usize::from(determined)] += 1;
                assert_eq!(determined, !open.contains(&unknown));
            }
        }
        assert!(seen.iter().all(|n| *n > 300), "{seen:?}");
    }
}
