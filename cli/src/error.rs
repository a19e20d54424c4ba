//! Exit codes, and errors that say what to do.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or the statement was accepted.
    Accept = 0,
    /// The statement was rejected.
    Reject = 1,
    /// The statement can be neither proven nor rejected.
    Unprovable = 2,
    /// The command line is wrong.
    Usage = 64,
    /// An input file is malformed.
    Data = 65,
    /// An input file cannot be read.
    NoInput = 66,
    /// A service or a needed resource is not available.
    Unavailable = 69,
    /// Something that must not happen did.
    Software = 70,
    /// A file cannot be written.
    CannotCreate = 73,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not run to its end. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// An input is malformed; the message names the field.
    #[error("{0}")]
    Data(String),
    /// An input file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    NoInput {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A service or a needed resource is not available.
    #[error("{0}")]
    Unavailable(String),
    /// A file cannot be written.
    #[error("{}", cannot_write(path, source))]
    CannotCreate {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Two parts of the program disagree.
    #[error("internal fault, please report it: {0}")]
    Software(String),
}

fn cannot_write(path: &str, source: &std::io::Error) -> String {
    let advice = match source.kind() {
        std::io::ErrorKind::AlreadyExists => "; nothing is overwritten: choose another name, or move it away",
        std::io::ErrorKind::NotFound => "; make its folder first",
        _ => "",
    };
    format!("cannot write `{path}`: {source}{advice}")
}

impl CliError {
    /// The exit code of this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Data(_) => Exit::Data,
            Self::NoInput { .. } => Exit::NoInput,
            Self::Unavailable(_) => Exit::Unavailable,
            Self::CannotCreate { .. } => Exit::CannotCreate,
            Self::Software(_) => Exit::Software,
        }
    }

    /// A malformed input.
    pub fn data(error: impl std::fmt::Display) -> Self {
        Self::Data(error.to_string())
    }

    /// A service that cannot be reached or used.
    pub fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }
}
