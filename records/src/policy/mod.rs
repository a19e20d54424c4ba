//! Policies: from TOML to compiled rules.

pub mod claim;
pub mod dispensing;
pub mod eligibility;
#[cfg(test)]
mod tests;

use ark_bn254::Fr;
use serde::Deserialize;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// Largest policy or table file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// A compiled policy of any kind.
#[derive(Debug, Clone)]
pub enum Policy {
    /// Limits on dispensing.
    Dispensing(Box<dispensing::DispensingPolicy>),
    /// Criteria of a trial.
    Eligibility(Box<eligibility::CompiledPolicy>),
    /// Conditions and arithmetic of a plan.
    Claim(Box<claim::ClaimPolicy>),
}

/// Why a policy cannot be used. Every message names the file, and what in it cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Read {
        /// The policy file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file names no known schema.
    #[error(
        "`{path}`: schema: expected `medproof/dispensing/1`, `medproof/eligibility/1` or `medproof/claim/1`, {found}",
        path = path.display()
    )]
    Schema {
        /// The policy file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// The policy does not compile.
    #[error("`{path}`: {message}", path = path.display())]
    Compile {
        /// The policy file.
        path: PathBuf,
        /// Everything that cannot be resolved.
        message: String,
    },
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
}

impl Policy {
    /// Reads and compiles a policy file; the tables that it names are read relative to its own folder.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes = read_limited(path).map_err(read)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| read(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text")))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::compile(&text, &mut |file| read_table(folder, file)).map_err(|e| e.at(path))
    }

    /// Compiles a policy; `read` gives the bytes of a table by the name that the policy uses.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile(
        text: &str,
        read: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, CompileError> {
        let head: Head = toml::from_str(text).map_err(|e| CompileError::Problems(e.to_string()))?;
        let failed = |e: &dyn std::fmt::Display| CompileError::Problems(e.to_string());
        match head.schema.as_deref() {
            Some("medproof/dispensing/1") => dispensing::compile(text, read)
                .map(|p| Self::Dispensing(Box::new(p)))
                .map_err(|e| failed(&e)),
            Some("medproof/eligibility/1") => eligibility::compile(text)
                .map(|p| Self::Eligibility(Box::new(p)))
                .map_err(|e| failed(&e)),
            Some("medproof/claim/1") => claim::ClaimPolicy::compile(text, read)
                .map(|p| Self::Claim(Box::new(p)))
                .map_err(|e| failed(&e)),
            Some(other) => Err(CompileError::Schema(format!("not `{}`", other.escape_debug()))),
            None => Err(CompileError::Schema("and it is missing".into())),
        }
    }

    /// The statement that the policy is for: `dispensing`, `eligibility` or `claim`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dispensing(_) => "dispensing",
            Self::Eligibility(_) => "eligibility",
            Self::Claim(_) => "claim",
        }
    }

    /// The policy's own id, as in its file.
    pub fn id(&self) -> &str {
        match self {
            Self::Dispensing(p) => p.name().as_str(),
            Self::Eligibility(p) => p.id().as_str(),
            Self::Claim(p) => p.id().as_str(),
        }
    }

    /// The policy's version, as in its file.
    pub fn version(&self) -> &str {
        match self {
            Self::Dispensing(p) => p.version(),
            Self::Eligibility(p) => p.version(),
            Self::Claim(p) => p.version().as_str(),
        }
    }

    /// `policy_id`, the public input: it commits to the rules, the tables and the version.
    pub fn policy_id(&self) -> Fr {
        match self {
            Self::Dispensing(p) => p.policy_id(),
            Self::Eligibility(p) => p.policy_id(),
            Self::Claim(p) => p.policy_id(),
        }
    }

    /// The policy in words.
    pub fn explain(&self) -> String {
        match self {
            Self::Dispensing(p) => p.explain(),
            Self::Eligibility(p) => p.explain(),
            Self::Claim(p) => p.explain(),
        }
    }
}

/// Why a policy does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// No known schema; the text says what was found.
    #[error("schema: expected `medproof/dispensing/1`, `medproof/eligibility/1` or `medproof/claim/1`, {0}")]
    Schema(String),
    /// Everything that cannot be resolved.
    #[error("{0}")]
    Problems(String),
}

impl CompileError {
    fn at(self, path: &Path) -> LoadError {
        let path = path.to_owned();
        match self {
            Self::Schema(found) => LoadError::Schema { path, found },
            Self::Problems(message) => LoadError::Compile { path, message },
        }
    }
}

/// Reads a table beside a policy. Its path is relative, so that a policy from elsewhere cannot point at a file of
/// this machine by its full path.
fn read_table(folder: &Path, name: &str) -> io::Result<Vec<u8>> {
    let relative = Path::new(name);
    let plain =
        |c: Component<'_>| matches!(c, Component::Normal(_) | Component::ParentDir | Component::CurDir);
    if name.is_empty() || !relative.components().all(plain) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path of a table must be relative to the policy",
        ));
    }
    read_limited(&folder.join(relative))
}

/// Reads a regular file of at most [`MAX_FILE_BYTES`].
fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!("longer than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
