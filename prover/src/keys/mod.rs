//! Proving keys: where they lie, how they are made for development, and what is checked on the way in.
//!
//! A key file is named by circuit, version and the digest of the constraints, so that a changed circuit
//! never meets an old key. Development keys are made by this machine, which could therefore forge; they
//! carry a mark in the file's name, in the file and in the verifying key, and production refuses them.

mod converted;
mod file;
mod import;
mod list;
mod setup;
#[cfg(test)]
mod tests;

pub use converted::Conversion;
pub use file::FormatError;
pub use import::ForeignKey;
pub use list::{BadKeyFile, KeyFile};

use crate::constraints::{CircuitError, Constraints};
use ark_bn254::Bn254;
use ark_groth16::ProvingKey;
use medproof_circuits::statement::Circuit;
use medproof_verifier::{CircuitId, CircuitName, KeyError, VerifyingKey};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Names the environment variable that overrides the key directory.
pub const KEYS_VARIABLE: &str = "MEDPROOF_KEYS";

/// Which keys may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Keys made by one machine are made where missing, and used.
    Development,
    /// Keys made by one machine are refused; missing keys are an error.
    Production,
}

/// What happens while keys are opened. Set-up takes from seconds to minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The circuit is synthesised to find out which key belongs to it.
    Synthesising,
    /// Another process makes this key; waiting for it.
    Waiting,
    /// The key is made.
    SettingUp {
        /// Constraints of the circuit.
        constraints: usize,
        /// Size of the evaluation domain.
        domain: usize,
    },
    /// The key is written.
    Writing {
        /// Bytes of the key file.
        bytes: u64,
    },
    /// The key is read and checked.
    Reading {
        /// Bytes of the key file.
        bytes: u64,
    },
    /// The key is checked.
    Ready {
        /// Time since the beginning.
        elapsed: Duration,
    },
    /// The backend prepares the circuit: it converts the key, the first time, and makes tables.
    Preparing,
    /// The key was converted, and its converted form could not be kept: each start converts it again.
    NotKept {
        /// Why.
        reason: String,
    },
}

/// One step of opening a circuit's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The circuit.
    pub circuit: CircuitName,
    /// What begins now.
    pub stage: Stage,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No directory for keys is known.
    #[error("no directory for keys: set {KEYS_VARIABLE}, XDG_CACHE_HOME or HOME")]
    Directory,
    /// The file system refused.
    #[error("could not {action} `{path}`: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not the key that its name says.
    #[error("key file `{path}` is not usable: {source}; remove it and set up the keys again", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
    /// The circuit is not usable.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// Set-up gave a key that the verifier would refuse.
    #[error("set-up of `{circuit}` gave a key that the verifier refuses: {source}")]
    Verifying {
        /// The circuit.
        circuit: &'static str,
        /// Why.
        source: KeyError,
    },
    /// There is no key and none may be made.
    #[error(
        "no production key for `{circuit}` (expected at `{path}`): development keys are refused in production mode, import the key of a ceremony",
        path = path.display()
    )]
    Missing {
        /// The circuit.
        circuit: &'static str,
        /// Where it is looked for.
        path: PathBuf,
    },
    /// A key made elsewhere is not one of the circuit.
    #[error("the key is not one of `{circuit}`: {source}")]
    Foreign {
        /// The circuit.
        circuit: &'static str,
        /// What differs.
        source: ForeignKey,
    },
    /// There is another key already.
    #[error("there is another key at `{path}`: proofs under it would no longer verify; move it away first", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// One machine made the key.
    #[error("the key of `{0}` is a development key (one machine ran its set-up): refused in production mode")]
    Development(&'static str),
}

impl KeysError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Everything that proving a circuit needs, checked and ready: constraints, proving and verifying key.
pub struct CircuitKeys {
    constraints: Constraints,
    proving: ProvingKey<Bn254>,
    verifying: VerifyingKey,
    file_bytes: u64,
    synthesis: Duration,
    reading: Duration,
    /// Where the key's converted form is kept; none for a key that came from no file.
    converted_path: Option<PathBuf>,
}

impl CircuitKeys {
    /// The circuit.
    pub fn name(&self) -> CircuitName {
        self.constraints.name()
    }

    /// The constraint matrices.
    pub fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// The proving key as arkworks' type.
    pub fn proving_key(&self) -> &ProvingKey<Bn254> {
        &self.proving
    }

    /// The verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Name, version and verifying key as one value.
    pub fn circuit_id(&self) -> CircuitId {
        self.verifying.circuit_id()
    }

    /// Bytes of the key file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Time that it took to synthesise the circuit, and to read and check the key file; both are zero for a key that
    /// came from no file.
    pub fn opening_times(&self) -> (Duration, Duration) {
        (self.synthesis, self.reading)
    }

    /// Makes a development key in memory only, for throw-away use.
    ///
    /// # Errors
    /// [`KeysError`] when the circuit or the resulting key is not usable.
    pub fn throw_away<C: Circuit>() -> Result<Self, KeysError> {
        let constraints = Constraints::of::<C>()?;
        let (proving, verifying) = setup::development::<C>()?;
        let file_bytes = file::expected_bytes(&constraints);
        Ok(Self {
            constraints,
            proving,
            verifying,
            file_bytes,
            synthesis: Duration::ZERO,
            reading: Duration::ZERO,
            converted_path: None,
        })
    }
}

/// A directory of key files.
#[derive(Debug, Clone)]
pub struct KeyStore {
    directory: PathBuf,
    mode: Mode,
}

impl KeyStore {
    /// The keys in `directory`, which is created when the first key is written.
    pub fn new(directory: impl Into<PathBuf>, mode: Mode) -> Self {
        Self {
            directory: directory.into(),
            mode,
        }
    }

    /// The keys in `$MEDPROOF_KEYS`, or in `medproof/keys` below `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// [`KeysError::Directory`] when none of the three is set.
    pub fn at_default(mode: Mode) -> Result<Self, KeysError> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        default_directory(set)
            .map(|directory| Self::new(directory, mode))
            .ok_or(KeysError::Directory)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Which keys may be used.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The file that holds the key of a circuit with these constraints under this store's mode.
    pub fn path(&self, constraints: &Constraints) -> PathBuf {
        let name = constraints.name();
        let mark = match self.mode {
            Mode::Development => ".dev",
            Mode::Production => "",
        };
        let digest = &constraints.digest()[..8];
        let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        let file = format!("{}-v{}-{digest}{mark}.mppk", name.as_str(), name.version());
        self.directory.join(file)
    }

    /// Reads the key of `C`; in development mode it is made first where it is missing. Of several
    /// processes that need it at once, one makes it and the others wait.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn open<C: Circuit>(&self, progress: &mut dyn FnMut(Progress)) -> Result<CircuitKeys, KeysError> {
        let begin = std::time::Instant::now();
        let mut step = |stage| {
            progress(Progress {
                circuit: C::NAME,
                stage,
            });
        };
        step(Stage::Synthesising);
        let constraints = Constraints::of::<C>()?;
        let synthesis = begin.elapsed();
        let path = self.path(&constraints);
        if !path.exists() {
            if self.mode == Mode::Production {
                return Err(KeysError::Missing {
                    circuit: C::NAME.as_str(),
                    path,
                });
            }
            self.make::<C>(&constraints, &path, &mut step)?;
        }
        step(Stage::Reading {
            bytes: file::expected_bytes(&constraints),
        });
        let began = std::time::Instant::now();
        let mut keys = read(constraints, &path)?;
        (keys.synthesis, keys.reading) = (synthesis, began.elapsed());
        if self.mode == Mode::Production && keys.verifying.is_development() {
            return Err(KeysError::Development(C::NAME.as_str()));
        }
        step(Stage::Ready {
            elapsed: begin.elapsed(),
        });
        Ok(keys)
    }

    /// Makes and writes the development key of `C`, unless another process was faster.
    fn make<C: Circuit>(
        &self,
        constraints: &Constraints,
        path: &Path,
        step: &mut dyn FnMut(Stage),
    ) -> Result<(), KeysError> {
        let _lock = self.lock(path, step)?;
        if path.exists() {
            return Ok(());
        }
        step(Stage::SettingUp {
            constraints: constraints.num_constraints(),
            domain: constraints.domain(),
        });
        let (proving, verifying) = setup::development::<C>()?;
        let bytes = file::encode(constraints, &proving, &verifying);
        step(Stage::Writing {
            bytes: bytes.len() as u64,
        });
        file::write_atomically(path, &bytes)
    }

    /// Writes a key that was made elsewhere where this circuit's production key belongs, whatever the
    /// store's mode. Writing the same key again changes nothing.
    ///
    /// # Errors
    /// [`KeysError::Development`] for a development key, [`KeysError::Exists`] when another key is there.
    pub fn install(&self, keys: &CircuitKeys) -> Result<PathBuf, KeysError> {
        if keys.verifying.is_development() {
            return Err(KeysError::Development(keys.name().as_str()));
        }
        let path = Self::new(&self.directory, Mode::Production).path(&keys.constraints);
        let _lock = self.lock(&path, &mut |_| {})?;
        let bytes = file::encode(&keys.constraints, &keys.proving, &keys.verifying);
        if path.exists() {
            return match fs::read(&path).map_err(KeysError::io("read", &path))? == bytes {
                true => Ok(path),
                false => Err(KeysError::Exists { path }),
            };
        }
        file::write_atomically(&path, &bytes)?;
        Ok(path)
    }

    /// Takes the lock beside a key file. The operating system lets go of it when the file is closed, also
    /// after a crash.
    fn lock(&self, path: &Path, step: &mut dyn FnMut(Stage)) -> Result<fs::File, KeysError> {
        Self::lock_in(&self.directory, path, step)
    }

    fn lock_in(directory: &Path, path: &Path, step: &mut dyn FnMut(Stage)) -> Result<fs::File, KeysError> {
        create_private_directory(directory).map_err(KeysError::io("create the key directory", directory))?;
        let lock_path = with_suffix(path, ".lock");
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(KeysError::io("open the lock", &lock_path))?;
        if lock.try_lock().is_err() {
            step(Stage::Waiting);
            lock.lock().map_err(KeysError::io("lock", &lock_path))?;
        }
        Ok(lock)
    }
}

fn read(constraints: Constraints, path: &Path) -> Result<CircuitKeys, KeysError> {
    let refused = |source| KeysError::Format {
        path: path.to_owned(),
        source,
    };
    let expected = file::expected_bytes(&constraints);
    let got = fs::metadata(path).map_err(KeysError::io("read", path))?.len();
    if got != expected {
        return Err(refused(FormatError::Length { expected, got }));
    }
    let bytes = fs::read(path).map_err(KeysError::io("read", path))?;
    let (proving, verifying) = file::decode(&constraints, &bytes).map_err(refused)?;
    Ok(CircuitKeys {
        constraints,
        proving,
        verifying,
        file_bytes: expected,
        synthesis: Duration::ZERO,
        reading: Duration::ZERO,
        converted_path: Some(converted::path_beside(path)),
    })
}

fn default_directory(set: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    set(KEYS_VARIABLE).map(PathBuf::from).or_else(|| {
        let cache = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            // The XDG specification says to ignore relative paths.
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
        Some(cache.join("medproof").join("keys"))
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whoever can write the directory can replace keys, so it belongs to its user alone.
fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
