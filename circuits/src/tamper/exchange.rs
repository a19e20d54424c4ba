//! Turns several bits at once. What a set of bits that are summed lets in when one of its constraints is gone is out of
//! reach of changes of single variables, since each change breaks two of the set's constraints.

use super::probe::Probe;
use super::settle::Order;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use std::collections::BTreeSet;

/// Most bits of which up to three are turned together; of more one is.
const FEW: usize = 16;
/// Exchanges that are followed up for one constraint, those that break least first.
const FOLLOWED: usize = 24;
/// Most changes that are tried for one constraint.
const STEPS: usize = 3_000;
/// Variables of a constraint, the newest first, that are moved by little.
const NEWEST: usize = 3;
/// Constraints of a bit that are looked at for others to turn with it.
const PLACES: usize = 8;

type Changes = Vec<(usize, Fr)>;

impl Probe<'_> {
    /// Whether some assignment was found that breaks `target` and nothing else, where bits are turned together: if
    /// `target` says that a variable is a bit, up to three others, the variable itself becoming what makes their
    /// sum good, or it becomes 2 or -1 alone; otherwise up to three of the bits in `target`, or one of its newest
    /// variables is moved by little. What follows is recomputed.
    pub(super) fn exchanges_alone(&mut self, target: usize, order: &Order) -> bool {
        let mut steps = STEPS;
        let mut found = match self.variables(target)[..] {
            [bit] => self.no_bit(target, bit, order),
            _ => self.turned(target, order),
        };
        found.sort_by_key(|(damage, _)| *damage);
        found.truncate(FOLLOWED);
        let mut found = found.into_iter();
        found.any(|(_, changes)| steps > 0 && self.follow(target, order, &[], changes, &mut steps))
    }

    /// Bits turned beside `bit`, and what it must be for a constraint that sums them; each with the damage.
    fn no_bit(&mut self, target: usize, bit: usize, order: &Order) -> Vec<(usize, Changes)> {
        let mut sums: Vec<(usize, usize)> = self.uses[bit].iter().map(|u| (u.row, u.matrix)).collect();
        sums.dedup_by_key(|(row, _)| *row);
        let mut found = Vec::new();
        for value in [2i64, -1].map(Fr::from) {
            let changes = vec![(bit, value - self.z[bit])];
            self.make(&changes);
            if self.is_broken(target) {
                found.push((self.damage(&changes, target, order), changes.clone()));
            }
            self.unmake(&changes);
        }
        for (row, matrix) in sums.into_iter().filter(|(row, _)| *row != target).take(PLACES) {
            let mut others: Vec<usize> = self.rows[row][matrix].iter().map(|(_, c)| *c).collect();
            others.retain(|c| *c != bit && order.bits[*c]);
            for mut changes in self.turns(&others) {
                self.make(&changes);
                let here = self.polynomials(bit).find(|(r, _)| *r == row);
                for by in here.map(|(_, p)| p.roots()).unwrap_or_default() {
                    self.shift(bit, by);
                    changes.push((bit, by));
                    if self.is_broken(target) {
                        found.push((self.damage(&changes, target, order), changes.clone()));
                    }
                    changes.pop();
                    self.shift(bit, -by);
                }
                self.unmake(&changes);
            }
        }
        found
    }

    /// Bits of `target` turned, or its newest variables moved by little, so that it is broken; each with the damage.
    fn turned(&mut self, target: usize, order: &Order) -> Vec<(usize, Changes)> {
        let mut bits = self.variables(target);
        bits.retain(|c| order.bits[*c]);
        let mut found = Vec::new();
        for changes in self.turns(&bits) {
            self.make(&changes);
            if self.is_broken(target) {
                found.push((self.damage(&changes, target, order), changes.clone()));
            }
            self.unmake(&changes);
        }
        let newest = self.variables(target).into_iter().rev().take(NEWEST);
        for (age, column) in newest.enumerate() {
            for by in [1i64, -1, 2, -2].map(Fr::from) {
                let changes = vec![(column, by)];
                self.make(&changes);
                if self.is_broken(target) {
                    // Of the newest least follows, so that it is tried first.
                    let damage = if age == 0 {
                        0
                    } else {
                        self.damage(&changes, target, order)
                    };
                    found.push((damage, changes.clone()));
                }
                self.unmake(&changes);
            }
        }
        found
    }

    /// One bit turned, and of a few up to three.
    fn turns(&self, bits: &[usize]) -> Vec<Changes> {
        let turn = |i: usize| (bits[i], Fr::ONE - self.z[bits[i]].double());
        let mut found = Vec::new();
        for i in 0..bits.len() {
            found.push(vec![turn(i)]);
            let more = if bits.len() > FEW { 0..0 } else { 0..i };
            for j in more {
                found.push(vec![turn(i), turn(j)]);
                found.extend((0..j).map(|k| vec![turn(i), turn(j), turn(k)]));
            }
        }
        found
    }

    fn make(&mut self, changes: &[(usize, Fr)]) {
        changes.iter().for_each(|(column, by)| self.shift(*column, *by));
    }

    fn unmake(&mut self, changes: &[(usize, Fr)]) {
        changes.iter().for_each(|(column, by)| self.shift(*column, -*by));
    }

    /// How much is to be repaired: one for each broken constraint that defines a variable, and for each other one
    /// more the further it is from holding.
    fn damage(&self, changes: &[(usize, Fr)], target: usize, order: &Order) -> usize {
        let rows = changes
            .iter()
            .flat_map(|(column, _)| self.uses[*column].iter().map(|u| u.row));
        let rows: BTreeSet<usize> = rows.collect();
        let broken = rows
            .into_iter()
            .filter(|row| *row != target && self.is_broken(*row));
        let of = |row: usize| {
            let newest = self.variables(row).last().copied();
            if newest.is_some_and(|c| order.definitions[c] == Some(row)) {
                return 1;
            }
            let [a, b, c] = self.values[row];
            let off = a * b - c;
            let bits = [off, -off].map(|x| x.into_bigint().num_bits());
            16 + bits[0].min(bits[1]) as usize
        };
        broken.map(of).sum()
    }
}
