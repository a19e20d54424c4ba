//! What a command shows: text and tables, or one JSON object; progress on stderr.

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use medproof_prover::keys::{Progress, Stage};
use serde_json::Value;
use std::{io::Write, time::Duration};

/// Where and how a command writes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

/// A line on stdout. Where nobody reads it any more (`| head`) it is dropped: the work is done all the same.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

impl Output {
    /// Writes JSON when `json` is set, text otherwise.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether one JSON object is asked for.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes `value` in JSON mode, `text` otherwise.
    pub fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.json {
            line(&value.to_string());
        } else {
            line(text().trim_end());
        }
    }

    /// Writes an error to stderr: text, or `{"error": {"exit": .., "message": ..}}`.
    pub fn error(&self, exit: u8, message: &str) {
        let text = match self.json {
            true => serde_json::json!({ "error": { "exit": exit, "message": message } }).to_string(),
            false => format!("medproof: {message}"),
        };
        // Standard error may be a file on the disk that is full: the exit code still says it.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Warns on stderr: text, or `{"warning": ".."}`.
    pub fn warning(&self, message: &str) {
        let text = match self.json {
            true => serde_json::json!({ "warning": message }).to_string(),
            false => format!("warning: {message}"),
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A line of narration, on stdout in text mode only.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.json {
            self::line(line.as_ref());
        }
    }

    /// A bar over `length` steps on stderr (hidden when stderr is no terminal).
    pub fn bar(&self, length: u64, what: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        bar
    }

    /// A spinner on stderr for work without a known length. Appears after a second at most.
    pub fn spinner(&self, what: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Shows what happens while keys are opened; set-up takes from seconds to minutes.
pub struct KeyProgress {
    spinner: ProgressBar,
    warned: bool,
}

impl KeyProgress {
    /// Begins to show.
    pub fn new(output: &Output) -> Self {
        Self {
            spinner: output.spinner("opening keys"),
            warned: false,
        }
    }

    /// Shows one step.
    pub fn step(&mut self, progress: &Progress) {
        let circuit = progress.circuit.as_str();
        let message = match &progress.stage {
            Stage::Synthesising => format!("{circuit}: reading the circuit"),
            Stage::Waiting => format!("{circuit}: another process makes this key, waiting"),
            Stage::SettingUp { constraints, domain } => {
                format!(
                    "{circuit}: making a DEVELOPMENT key, once ({constraints} constraints, domain {domain})"
                )
            }
            Stage::Writing { bytes } => format!("{circuit}: writing the key ({})", bytes_text(*bytes)),
            Stage::Reading { bytes } => format!("{circuit}: reading the key ({})", bytes_text(*bytes)),
            Stage::Preparing => format!("{circuit}: preparing (longer the first time)"),
            Stage::Ready { .. } => format!("{circuit}: ready"),
            Stage::NotKept { reason } => return self.warn(reason),
        };
        self.spinner.set_message(message);
    }

    /// One line on stderr, once for all circuits: they lie in one directory.
    fn warn(&mut self, reason: &str) {
        if !self.warned {
            self.warned = true;
            self.spinner.suspend(|| {
                eprintln!(
                    "warning: converted keys are not kept and will be converted again at each start: {reason}"
                );
            });
        }
    }
}

impl Drop for KeyProgress {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}

/// A table with a head row.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(head);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A number of bytes for people.
pub fn bytes_text(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
