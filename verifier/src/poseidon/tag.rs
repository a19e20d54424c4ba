//! The domain-separation tags of all hashes: one enum, one file.

use ark_bn254::Fr;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $arity:literal;)*) => {
        /// What a tagged hash commits to. Numbers and arities are those of `docs/format.md`, section 2.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Tag { $($(#[$doc])* $name = $number,)* }

        impl Tag {
            /// Every tag.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number of inputs after the tag.
            pub const fn arity(self) -> usize {
                match self { $(Self::$name => $arity,)* }
            }
        }
    };
}

tags! {
    /// Owner key of a secret.
    Owner = 1, 1;
    /// Nullifier key of a secret.
    Nk = 2, 1;
    /// Note nullifier.
    Nf = 3, 2;
    /// Blinding of the next note.
    Rcm = 4, 2;
    /// Identity leaf (`owner`).
    Ident = 5, 2;
    /// Identity inside a domain.
    Id = 6, 5;
    /// Salted identity digest of a person.
    Person = 7, 2;
    /// Pseudonym of a holder at an issuer.
    Subject = 8, 2;
    /// Registry leaf.
    Key = 9, 6;
    /// Commitment-tree leaf.
    Leaf = 10, 2;
    /// Account note.
    Note = 11, 5;
    /// Eight ring entries.
    Ring = 12, 8;
    /// Ring digest.
    RingTop = 13, 5;
    /// Context of a statement.
    Ctx = 14, 5;
    /// Record.
    Rec = 15, 6;
    /// Snapshot header.
    Snap = 16, 5;
    /// Prescription.
    Rx = 17, 6;
    /// Coverage.
    Cov = 18, 5;
    /// Code-table leaf.
    Table = 19, 5;
    /// Pair-table leaf.
    Pair = 20, 5;
    /// Policy id.
    Policy = 21, 5;
    /// Class row of a dispensing policy.
    Class = 22, 10;
    /// Eight words of compiled atoms.
    Rules = 23, 8;
    /// Compiled rules of an eligibility policy.
    RulesTop = 24, 11;
    /// Compiled rules of a claim policy.
    ClaimRules = 25, 5;
    /// Fill key.
    Fk = 26, 2;
    /// Fill nullifier.
    Fill = 27, 1;
    /// Dispense opening.
    Disp = 28, 5;
    /// Trial nullifier.
    Trial = 29, 2;
    /// Trial scope.
    Scope = 30, 2;
    /// Claim nullifier.
    Claim = 31, 2;
    /// Benefit note.
    Ben = 32, 5;
    /// Plan membership.
    Plan = 33, 2;
    /// Payable opening.
    Pay = 34, 5;
}

impl Tag {
    /// The tag as the first hash input.
    pub fn to_fr(self) -> Fr {
        Fr::from(self as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tag_has_the_width_of_a_node_or_a_signature_challenge() {
        for (i, tag) in Tag::ALL.iter().enumerate() {
            assert_eq!(*tag as usize, i + 1);
            let width = tag.arity() + 1;
            assert!(width <= 12 && width != 4 && width != 5, "{tag:?}");
        }
    }
}
