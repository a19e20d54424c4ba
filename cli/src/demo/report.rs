//! What the demonstration tells: who saw what, whether it was as expected, and figures.

use crate::{Output, output};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// One line of a scene.
#[derive(Debug, Clone)]
struct Line {
    party: &'static str,
    saw: String,
    /// Whether it is as the story says; `None` for plain narration.
    expected: Option<bool>,
}

#[derive(Debug, Clone)]
struct Scene {
    title: String,
    lines: Vec<Line>,
}

/// A figure with its unit in the name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    Milliseconds(f64),
    Bytes(u64),
    Count(u64),
}

/// The report, printed line by line while it grows.
pub(super) struct Report<'a> {
    output: &'a Output,
    scenes: Vec<Scene>,
    figures: BTreeMap<String, Figure>,
    unexpected: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self {
            output,
            scenes: Vec::new(),
            figures: BTreeMap::new(),
            unexpected: 0,
        }
    }

    /// Begins a scene.
    pub(super) fn scene(&mut self, title: impl Into<String>) {
        let title = title.into();
        let number = self.scenes.len() + 1;
        self.output.say(format!("\n{number}. {title}"));
        self.scenes.push(Scene {
            title,
            lines: Vec::new(),
        });
    }

    fn line(&mut self, line: Line) {
        let mark = match line.expected {
            None => "  ",
            Some(true) => "ok",
            Some(false) => "!!",
        };
        self.output
            .say(format!("   {mark} {:<14} {}", line.party, line.saw));
        if let Some(scene) = self.scenes.last_mut() {
            scene.lines.push(line);
        }
    }

    /// What a party sees.
    pub(super) fn sees(&mut self, party: &'static str, saw: impl Into<String>) {
        self.line(Line {
            party,
            saw: saw.into(),
            expected: None,
        });
    }

    /// What a party sees, and whether it is as expected.
    pub(super) fn expect(&mut self, holds: bool, party: &'static str, saw: impl Into<String>) {
        if !holds {
            self.unexpected += 1;
        }
        self.line(Line {
            party,
            saw: saw.into(),
            expected: Some(holds),
        });
    }

    /// A time.
    pub(super) fn time(&mut self, name: &str, time: Duration) {
        let value = Figure::Milliseconds((time.as_secs_f64() * 1e4).round() / 10.0);
        self.figures.insert(format!("{name}_ms"), value);
    }

    /// A size.
    pub(super) fn size(&mut self, name: &str, bytes: usize) {
        self.figures
            .insert(format!("{name}_bytes"), Figure::Bytes(bytes as u64));
    }

    /// A number of things.
    pub(super) fn count(&mut self, name: &str, count: u64) {
        self.figures.insert(name.to_owned(), Figure::Count(count));
    }

    /// Lines that were not as expected.
    pub(super) fn unexpected(&self) -> usize {
        self.unexpected
    }

    /// How many lines were checked.
    fn checked(&self) -> usize {
        let lines = self.scenes.iter().flat_map(|s| &s.lines);
        lines.filter(|l| l.expected.is_some()).count()
    }

    /// Prints the figures and the verdict, or everything as one JSON object.
    pub(super) fn finish(&self) {
        let verdict = match self.unexpected {
            0 => format!("All {} checked lines are as expected.", self.checked()),
            n => format!(
                "{n} of {} checked lines are NOT as expected (marked !!).",
                self.checked()
            ),
        };
        self.output.result(&self.to_json(), || {
            let rows = self.figures.iter().map(|(name, figure)| {
                let (name, value) = match figure {
                    Figure::Milliseconds(ms) => (name.trim_end_matches("_ms"), format!("{ms:.1} ms")),
                    Figure::Bytes(b) => (name.trim_end_matches("_bytes"), output::bytes_text(*b)),
                    Figure::Count(n) => (name.as_str(), n.to_string()),
                };
                vec![name.replace('_', " "), value]
            });
            format!("\n{}\n\n{verdict}", output::table(&["figure", "value"], rows))
        });
    }

    fn to_json(&self) -> Value {
        let scenes = self.scenes.iter().map(|scene| {
            let lines = scene
                .lines
                .iter()
                .map(|line| json!({ "party": line.party, "saw": line.saw, "as_expected": line.expected }));
            json!({ "title": scene.title, "lines": lines.collect::<Vec<_>>() })
        });
        let figures = self.figures.iter().map(|(name, figure)| {
            let value = match figure {
                Figure::Milliseconds(ms) => json!(ms),
                Figure::Bytes(n) | Figure::Count(n) => json!(n),
            };
            (name.clone(), value)
        });
        json!({
            "as_expected": self.unexpected == 0,
            "scenes": scenes.collect::<Vec<_>>(),
            "figures": figures.collect::<serde_json::Map<_, _>>(),
        })
    }
}
