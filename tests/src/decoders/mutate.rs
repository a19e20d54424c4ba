//! Changes of valid inputs: of bytes, and of the numbers, texts and lines of text formats.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// What inputs consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    Binary,
    /// JSON, TOML or CSV.
    Text,
}

/// Longest input that a mutation makes.
pub const MAX_INPUT: usize = 1 << 16;

/// Numbers at the limits of types, formats and calendars.
const NUMBERS: [&str; 34] = [
    "0",
    "-0",
    "1",
    "-1",
    "0.5",
    "1e1",
    "1e38",
    "1e-38",
    "1e999",
    "-1e999",
    "1e-999",
    "1e1000",
    "1e999999999",
    "1E+9",
    "127",
    "255",
    "256",
    "32768",
    "65534",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1099511627775",
    "1099511627776",
    "922337203685477.5807",
    "0.00000000000000000000000000000000000000000001",
    "340282366920938463463374607431768211456",
    "99999999999999999999999999999999999999999999999999999999999999999",
];

/// Texts that a careless reader trips over.
const TEXTS: [&str; 44] = [
    "",
    " ",
    "\u{0}",
    "\u{200b}",
    "\u{feff}",
    "é",
    "İ",
    "\u{1f9ec}",
    "e\u{301}",
    "\\u0000",
    "\\ud800",
    "*",
    "|",
    "||",
    "icd10cm|*",
    "icd10cm|E11.*",
    "icd10cm|.*",
    "rxnorm|0",
    "rxnorm|999999999999999999",
    "loinc|-",
    "loinc|4548-4",
    "ndc|1-2-3",
    "#",
    "#x",
    "/",
    "a/b/c",
    "Patient/",
    "urn:uuid:",
    "/_history/",
    "0000",
    "0001",
    "9999",
    "1900-01-01",
    "1899-12-31",
    "2079-06-05",
    "2079-06-06",
    "9999-12-31",
    "0001-01-01",
    "2020-02-30",
    "2020-13",
    "2021-05-05T24:00:00+14:00",
    "2021-05-05T00:00:00.000Z",
    "../../etc/passwd",
    "-",
];

/// Bytes that mean something in many formats.
const BYTES: [u8; 12] = [0, 1, 2, 3, 0x7f, 0x80, 0xff, b'"', b'\n', b',', b'[', b'+'];

/// `input` with one to four changes; `other` is another valid input to take parts from. The same seed makes the
/// same changes.
pub fn mutate(form: Form, input: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut out = input.to_vec();
    for _ in 0..rng.gen_range(1..=4) {
        match form {
            Form::Text if rng.gen_bool(0.75) => change_text(&mut rng, &mut out, other),
            _ => change_bytes(&mut rng, &mut out, other),
        }
    }
    out.truncate(MAX_INPUT);
    out
}

fn pick<'a, T: ?Sized>(rng: &mut StdRng, list: &[&'a T]) -> &'a T {
    list[rng.gen_range(0..list.len())]
}

/// A part of `input`, up to `most` bytes long, as its begin and end.
fn part(rng: &mut StdRng, input: &[u8], most: usize) -> std::ops::Range<usize> {
    let begin = rng.gen_range(0..=input.len());
    let length = rng.gen_range(0..=most.min(input.len() - begin));
    begin..begin + length
}

fn change_bytes(rng: &mut StdRng, out: &mut Vec<u8>, other: &[u8]) {
    if out.is_empty() {
        out.extend(other);
        return;
    }
    let at = rng.gen_range(0..out.len());
    match rng.gen_range(0..10) {
        0 | 1 => out[at] ^= 1 << rng.gen_range(0..8),
        2 => out[at] = *BYTES.choose(rng).unwrap_or(&0),
        3 => out[at] = out[at].wrapping_add(if rng.gen_bool(0.5) { 1 } else { 255 }),
        4 => out.truncate(at),
        5 => {
            let length = rng.gen_range(1..40);
            let byte = *BYTES.choose(rng).unwrap_or(&0);
            out.splice(at..at, std::iter::repeat_n(byte, length));
        }
        6 => {
            let part = part(rng, out, 64);
            out.drain(part);
        }
        7 => {
            let copied = out[part(rng, out, 64)].to_vec();
            out.splice(at..at, copied);
        }
        8 => {
            let taken = &other[part(rng, other, 256)];
            let end = (at + taken.len()).min(out.len());
            out.splice(at..end, taken.iter().copied());
        }
        _ => {
            // A length or number of 1, 2, 4 or 8 bytes at a limit of its type.
            let width = [1, 2, 4, 8][rng.gen_range(0..4)].min(out.len() - at);
            let byte = *[0, 0x7f, 0x80, 0xff].choose(rng).unwrap_or(&0);
            out[at..at + width].fill(byte);
        }
    }
}

/// The runs of bytes for which `holds`.
fn runs(input: &[u8], holds: impl Fn(u8) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut begin = None;
    for (at, byte) in input.iter().copied().chain([0]).enumerate() {
        match (holds(byte) && at < input.len(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                begin = None;
            }
            _ => {}
        }
    }
    found
}

fn change_text(rng: &mut StdRng, out: &mut Vec<u8>, other: &[u8]) {
    let number = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-');
    let quoted = |text: &[u8]| {
        let quotes: Vec<usize> = (0..text.len()).filter(|i| text[*i] == b'"').collect();
        let inside = quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]);
        inside.collect::<Vec<_>>()
    };
    let lines = |text: &[u8]| runs(text, |b| b != b'\n');
    let (ranges, with) = match rng.gen_range(0..9) {
        0 | 1 => (runs(out, number), pick(rng, &NUMBERS).as_bytes().to_vec()),
        2 | 3 => (quoted(out), pick(rng, &TEXTS).as_bytes().to_vec()),
        4 => {
            // A text from the same document or another one.
            let from = if rng.gen_bool(0.5) { other } else { &out[..] };
            let text = quoted(from).choose(rng).map(|range| from[range.clone()].to_vec());
            (quoted(out), text.unwrap_or_default())
        }
        5 => {
            let text = pick(rng, &TEXTS);
            (quoted(out), text.repeat(rng.gen_range(2..3_000)).into_bytes())
        }
        6 => (lines(out), Vec::new()),
        7 => {
            let copied = lines(out).choose(rng).map(|line| out[line.clone()].to_vec());
            (lines(out), copied.unwrap_or_default())
        }
        _ => {
            let depth = rng.gen_range(1..3_000);
            let (open, close) = [("[", "]"), ("{\"a\":", "}"), ("(", ")")][rng.gen_range(0..3)];
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            (runs(out, number), nested.into_bytes())
        }
    };
    if let Some(range) = ranges.choose(rng) {
        out.splice(range.clone(), with);
    }
}
