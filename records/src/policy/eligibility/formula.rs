//! The Boolean formula of an eligibility policy and its conjunctive normal form.
//!
//! Only steps that hold in Kleene's three-valued logic are taken (De Morgan, distribution,
//! absorption). A clause that holds an atom beside its negation is kept: when that atom is
//! unknown, the clause is unknown too (no simplification by excluded middle).

use super::MAX_ATOMS;

/// Most clauses of a compiled formula.
pub const MAX_CLAUSES: usize = 16;
/// Longest formula in bytes.
pub(super) const MAX_FORMULA_BYTES: usize = 4096;
/// Deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 64;
/// Most clauses at any step of the conversion.
const MAX_INTERMEDIATE: usize = 512;

/// A disjunction of atoms (bits of `positive`) and negated atoms (bits of `negative`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Clause {
    /// Bit i: atom i.
    pub positive: u16,
    /// Bit i: not atom i.
    pub negative: u16,
}

impl Clause {
    fn within(self, other: Self) -> bool {
        self.positive & !other.positive == 0 && self.negative & !other.negative == 0
    }
}

/// Why a formula cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// The text ends early or holds something unexpected.
    #[error("at byte {at}: found {found}, expected {expected}")]
    Syntax {
        /// Byte offset.
        at: usize,
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// The text is too long or nested too deeply.
    #[error("the formula is longer than {MAX_FORMULA_BYTES} bytes or nested deeper than {MAX_DEPTH}")]
    TooLarge,
    /// More atoms than a policy may have.
    #[error("the formula names more than {MAX_ATOMS} atoms")]
    TooManyAtoms,
    /// More clauses than a policy may have.
    #[error(
        "the formula has more than {MAX_CLAUSES} clauses in conjunctive normal form; split the policy or write it as a conjunction"
    )]
    TooManyClauses,
}

/// A parsed formula; atoms are numbered in the order in which they first appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Formula {
    root: Expression,
    atoms: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    Atom(usize),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    End,
    Other(char),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    atoms: Vec<String>,
}

impl Formula {
    /// Parses atoms joined by `and`, `or`, `not` and parentheses; `not` binds strongest, `or` weakest.
    ///
    /// # Errors
    /// [`FormulaError`].
    pub(super) fn parse(text: &str) -> Result<Self, FormulaError> {
        if text.len() > MAX_FORMULA_BYTES {
            return Err(FormulaError::TooLarge);
        }
        let mut parser = Parser {
            text,
            at: 0,
            atoms: Vec::new(),
        };
        let root = parser.disjunction(0)?;
        match parser.peek() {
            (Token::End, _) => Ok(Self {
                root,
                atoms: parser.atoms,
            }),
            _ => Err(parser.unexpected("`and`, `or` or the end")),
        }
    }

    /// The names of the atoms, in the order of their first appearance.
    pub(super) fn atoms(&self) -> &[String] {
        &self.atoms
    }

    /// The conjunctive normal form, at most [`MAX_CLAUSES`] clauses, sorted.
    ///
    /// # Errors
    /// [`FormulaError::TooManyClauses`].
    pub(super) fn clauses(&self) -> Result<Vec<Clause>, FormulaError> {
        let mut clauses = normal_form(&self.root, false)?;
        if clauses.len() > MAX_CLAUSES {
            return Err(FormulaError::TooManyClauses);
        }
        clauses.sort_unstable();
        Ok(clauses)
    }

    #[cfg(test)]
    /// The formula's value under Kleene's logic, where `None` is unknown.
    pub(super) fn evaluate(&self, truth: &dyn Fn(usize) -> Option<bool>) -> Option<bool> {
        value(&self.root, truth)
    }
}

impl<'a> Parser<'a> {
    /// The next token and the offset behind it.
    fn peek(&self) -> (Token<'a>, usize) {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        let start = self.at + rest.len() - trimmed.len();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match trimmed.chars().next() {
            None => (Token::End, start),
            Some('(') => (Token::Open, start + 1),
            Some(')') => (Token::Close, start + 1),
            Some(c) if word(c) => {
                let length = trimmed.find(|c| !word(c)).unwrap_or(trimmed.len());
                (Token::Word(&trimmed[..length]), start + length)
            }
            Some(c) => (Token::Other(c), start + c.len_utf8()),
        }
    }

    fn unexpected(&self, expected: &'static str) -> FormulaError {
        let found = match self.peek().0 {
            Token::Word(word) => format!("`{}`", word.chars().take(40).collect::<String>()),
            Token::Open => "`(`".to_owned(),
            Token::Close => "`)`".to_owned(),
            Token::End => "the end".to_owned(),
            Token::Other(c) => format!("{c:?}"),
        };
        FormulaError::Syntax {
            at: self.at,
            found,
            expected,
        }
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        match self.peek() {
            (Token::Word(word), next) if word == keyword => {
                self.at = next;
                true
            }
            _ => false,
        }
    }

    fn disjunction(&mut self, depth: usize) -> Result<Expression, FormulaError> {
        let mut terms = vec![self.conjunction(depth)?];
        while self.take_word("or") {
            terms.push(self.conjunction(depth)?);
        }
        Ok(if terms.len() == 1 {
            terms.remove(0)
        } else {
            Expression::Or(terms)
        })
    }

    fn conjunction(&mut self, depth: usize) -> Result<Expression, FormulaError> {
        let mut terms = vec![self.negation(depth)?];
        while self.take_word("and") {
            terms.push(self.negation(depth)?);
        }
        Ok(if terms.len() == 1 {
            terms.remove(0)
        } else {
            Expression::And(terms)
        })
    }

    fn negation(&mut self, depth: usize) -> Result<Expression, FormulaError> {
        if depth > MAX_DEPTH {
            return Err(FormulaError::TooLarge);
        }
        if self.take_word("not") {
            return Ok(Expression::Not(Box::new(self.negation(depth + 1)?)));
        }
        match self.peek() {
            (Token::Open, next) => {
                self.at = next;
                let inner = self.disjunction(depth + 1)?;
                let (Token::Close, next) = self.peek() else {
                    return Err(self.unexpected("`)`"));
                };
                self.at = next;
                Ok(inner)
            }
            (Token::Word(word), next) if word != "and" && word != "or" => {
                self.at = next;
                let known = self.atoms.iter().position(|a| a == word);
                let index = known.unwrap_or(self.atoms.len());
                if known.is_none() {
                    self.atoms.push(word.to_owned());
                }
                if index >= MAX_ATOMS {
                    return Err(FormulaError::TooManyAtoms);
                }
                Ok(Expression::Atom(index))
            }
            _ => Err(self.unexpected("an atom, `not` or `(`")),
        }
    }
}

/// The clauses of `expression`, or of its negation.
fn normal_form(expression: &Expression, negated: bool) -> Result<Vec<Clause>, FormulaError> {
    match (expression, negated) {
        (Expression::Atom(i), _) => {
            let bit = 1u16 << i;
            Ok(vec![if negated {
                Clause {
                    positive: 0,
                    negative: bit,
                }
            } else {
                Clause {
                    positive: bit,
                    negative: 0,
                }
            }])
        }
        (Expression::Not(inner), _) => normal_form(inner, !negated),
        (Expression::And(terms), false) | (Expression::Or(terms), true) => {
            let mut all = Vec::new();
            for term in terms {
                all.extend(normal_form(term, negated)?);
                all = absorb(all)?;
            }
            Ok(all)
        }
        (Expression::Or(terms), false) | (Expression::And(terms), true) => {
            let mut all = vec![Clause {
                positive: 0,
                negative: 0,
            }];
            for term in terms {
                let right = normal_form(term, negated)?;
                let product = all.iter().flat_map(|a| {
                    right.iter().map(|b| Clause {
                        positive: a.positive | b.positive,
                        negative: a.negative | b.negative,
                    })
                });
                all = absorb(product.collect())?;
            }
            Ok(all)
        }
    }
}

/// Drops each clause that another one implies.
fn absorb(clauses: Vec<Clause>) -> Result<Vec<Clause>, FormulaError> {
    let mut kept: Vec<Clause> = Vec::new();
    for clause in clauses {
        if kept.iter().any(|k| k.within(clause)) {
            continue;
        }
        kept.retain(|k| !clause.within(*k));
        kept.push(clause);
        if kept.len() > MAX_INTERMEDIATE {
            return Err(FormulaError::TooManyClauses);
        }
    }
    Ok(kept)
}

#[cfg(test)]
fn value(expression: &Expression, truth: &dyn Fn(usize) -> Option<bool>) -> Option<bool> {
    match expression {
        Expression::Atom(i) => truth(*i),
        Expression::Not(inner) => value(inner, truth).map(|v| !v),
        Expression::And(terms) => all(terms.iter().map(|t| value(t, truth))),
        Expression::Or(terms) => any(terms.iter().map(|t| value(t, truth))),
    }
}

/// Kleene's conjunction: false if any is false, else unknown if any is unknown.
pub(super) fn all(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(values.map(|v| v.map(|v| !v))).map(|v| !v)
}

/// Kleene's disjunction: true if any is true, else unknown if any is unknown.
pub(super) fn any(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for v in values {
        match v {
            Some(true) => return Some(true),
            None => result = None,
            Some(false) => {}
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, prop, prop_assert_eq, prop_oneof, proptest};

    fn clause_value(clause: Clause, truth: &[Option<bool>]) -> Option<bool> {
        let positive = (0..16)
            .filter(|i| clause.positive >> i & 1 == 1)
            .map(|i| truth[i]);
        let negative = (0..16).filter(|i| clause.negative >> i & 1 == 1);
        any(positive.chain(negative.map(|i| truth[i].map(|v| !v))))
    }

    #[test]
    fn a_kidney_trial_has_twelve_clauses() {
        let text = "adult and alive and t2d and a1c and ((egfr_hi and uacr_hi) or (egfr_lo and uacr_lo)) \
                    and not glp1_30 and not mi_60 and not pregnant and not transplant";
        let formula = Formula::parse(text).unwrap();
        assert_eq!(formula.atoms().len(), 12);
        assert_eq!(formula.clauses().unwrap().len(), 12);
    }

    #[test]
    fn the_excluded_middle_is_kept() {
        let formula = Formula::parse("a or not a").unwrap();
        assert_eq!(
            formula.clauses().unwrap(),
            [Clause {
                positive: 1,
                negative: 1
            }]
        );
        assert_eq!(formula.evaluate(&|_| None), None);
        let absorbed = Formula::parse("a and (a or b) and (b or a)").unwrap();
        assert_eq!(
            absorbed.clauses().unwrap(),
            [Clause {
                positive: 1,
                negative: 0
            }]
        );
    }

    #[test]
    fn precedence_is_not_and_or() {
        let plain = Formula::parse("a or b and not c").unwrap();
        let explicit = Formula::parse("(a or (b and (not (c))))").unwrap();
        assert_eq!(plain, explicit);
    }

    #[test]
    fn bad_formulas_are_refused() {
        for bad in [
            "",
            "a and",
            "and a",
            "(a",
            "a)",
            "a b",
            "not",
            "a & b",
            "a or or b",
            "()",
            "a-b",
        ] {
            assert!(
                matches!(Formula::parse(bad), Err(FormulaError::Syntax { .. })),
                "{bad}"
            );
        }
        let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert_eq!(Formula::parse(&deep), Err(FormulaError::TooLarge));
        assert_eq!(Formula::parse(&"not ".repeat(70)), Err(FormulaError::TooLarge));
        assert_eq!(Formula::parse(&"a".repeat(5000)), Err(FormulaError::TooLarge));
        let many: Vec<String> = (0..17).map(|i| format!("a{i}")).collect();
        assert_eq!(
            Formula::parse(&many.join(" and ")),
            Err(FormulaError::TooManyAtoms)
        );
        let pairs: Vec<String> = (0..5).map(|i| format!("(a{i} and b{i})")).collect();
        let wide = Formula::parse(&pairs.join(" or ")).unwrap();
        assert_eq!(wide.clauses(), Err(FormulaError::TooManyClauses));
        let sixteen = Formula::parse(&pairs[..4].join(" or ")).unwrap();
        assert_eq!(sixteen.clauses().unwrap().len(), 16);
    }

    /// Random formulas over four atoms, as text.
    fn formulas() -> impl Strategy<Value = String> {
        let leaf = (0..4usize).prop_map(|i| format!("a{i}"));
        leaf.prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|f| format!("not {f}")),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|f| format!("({})", f.join(" and "))),
                prop::collection::vec(inner, 2..4).prop_map(|f| format!("({})", f.join(" or "))),
            ]
        })
    }

    proptest! {
        /// On all 81 assignments of three values the clauses have the formula's value.
        #[test]
        fn clauses_equal_the_formula_in_three_values(text in formulas()) {
            let formula = Formula::parse(&text).unwrap();
            let Ok(clauses) = formula.clauses() else { return Ok(()); };
            for code in 0..81usize {
                let truth: Vec<_> = (0..4)
                    .map(|i| [None, Some(false), Some(true)][code / 3usize.pow(i) % 3])
                    .collect();
                let conjunction = all(clauses.iter().map(|c| clause_value(*c, &truth)));
                prop_assert_eq!(conjunction, formula.evaluate(&|i| truth[i]));
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,80}") {
            let _ = Formula::parse(&text);
        }
    }
}
