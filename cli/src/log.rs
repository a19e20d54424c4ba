//! The log of a service: one line for each event, on standard error.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::{self, Write};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::layer,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The crates whose events are shown. No other's are: nobody has read for secrets what libraries say of what they
/// handle, and the spans that arkworks opens over constraints (target `gr1cs`) hold values of witnesses.
const CRATES: [&str; 4] = [
    "medproof_cli",
    "medproof_gateway",
    "medproof_ledger",
    "medproof_prover",
];

/// What a service logs.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Least grave event that is written to standard error.
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "MEDPROOF_LOG_LEVEL",
        default_value = "info",
        value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug"])
            .try_map(|name| name.parse::<LevelFilter>())
    )]
    log_level: LevelFilter,
}

impl LogArgs {
    /// Logs from here on. Does nothing where the process has a subscriber.
    pub(crate) fn begin(&self) {
        let lines = layer()
            .with_ansi(false)
            .with_writer(|| Lines(io::stderr()))
            // Nobody may read standard error any more; a message about that on standard error would be a panic.
            .log_internal_errors(false);
        let _ = tracing_subscriber::registry()
            .with(lines)
            .with(shown(self.log_level))
            .try_init();
    }
}

fn shown(level: LevelFilter) -> Targets {
    CRATES
        .into_iter()
        .fold(Targets::new(), |shown, name| shown.with_target(name, level))
}

/// Keeps an event on its line: an error may carry the text of a peer, which could look like further events.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    /// Takes a whole event with its line's end, as the layer writes it.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event.strip_suffix(b"\n").unwrap_or(event));
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            match c.is_control() {
                true => line.extend(c.escape_default()),
                false => line.push(c),
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use tracing::Level;

    #[test]
    fn only_events_of_this_projects_services_are_shown() {
        let shown = shown(LevelFilter::DEBUG);
        for target in CRATES {
            assert!(shown.would_enable(&format!("{target}::part"), &Level::DEBUG));
        }
        for other in ["gr1cs", "h2::codec", "rustls", "hyper_util", "tonic", "medproof"] {
            assert!(!shown.would_enable(other, &Level::ERROR), "{other}");
        }
    }

    #[test]
    fn the_level_is_the_least_that_is_shown() {
        let warn = shown(LevelFilter::WARN);
        assert!(warn.would_enable("medproof_ledger", &Level::WARN));
        assert!(!warn.would_enable("medproof_ledger", &Level::INFO));
        assert!(!shown(LevelFilter::OFF).would_enable("medproof_ledger", &Level::ERROR));
    }

    #[test]
    fn what_a_peer_says_makes_no_second_line() {
        let mut written = vec![];
        let event = "WARN no answer error=gone\r\n2026-01-01 ERROR \u{1b}[2J the store é\n";
        Lines(&mut written).write_all(event.as_bytes()).unwrap();
        let expected = "WARN no answer error=gone\\r\\n2026-01-01 ERROR \\u{1b}[2J the store é\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
