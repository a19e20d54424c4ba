//! Which backend proves.

use medproof_prover::Prover;
use medproof_prover::backend::{
    ArkworksBackend, DEFAULT_TABLE_BYTES, EngineBackend, Form, Preparation, ProverBackend,
};

/// The backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The project's own prover.
    Engine,
    /// `ark-groth16`, the yardstick.
    Arkworks,
}

/// What proves, and how it is prepared.
#[derive(Debug, Clone, clap::Args)]
pub struct BackendArgs {
    /// What proves.
    #[arg(long, value_enum, default_value_t = Backend::Engine)]
    pub backend: Backend,
    /// How the engine prepares circuits.
    #[command(flatten)]
    pub preparation: PreparationArgs,
}

/// How the engine prepares circuits.
#[derive(Debug, Clone, clap::Args)]
pub struct PreparationArgs {
    /// Memory for tables.
    #[command(flatten)]
    pub tables: TableArgs,
    /// Use keys as they are: seven transforms a proof for four, and no converted keys on disk.
    #[arg(long)]
    pub no_convert: bool,
}

/// Memory for the engine's tables.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct TableArgs {
    /// Most memory for bases and tables of multiples, in MiB, of all circuits together; with less, proofs take
    /// longer. One copy of the bases is always kept.
    #[arg(long, value_name = "MIB", default_value_t = (DEFAULT_TABLE_BYTES >> 20) as u64,
          value_parser = clap::value_parser!(u64).range(0..=1 << 20))]
    table_memory: u64,
}

impl TableArgs {
    /// The limit in bytes.
    pub fn bytes(self) -> usize {
        usize::try_from(self.table_memory << 20).unwrap_or(usize::MAX)
    }
}

impl PreparationArgs {
    fn preparation(&self) -> Preparation {
        let form = match self.no_convert {
            true => Form::Coefficients,
            false => Form::Coset,
        };
        let table_bytes = self.tables.bytes();
        Preparation { form, table_bytes }
    }
}

impl Backend {
    /// The backend's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Arkworks => "arkworks",
        }
    }
}

impl BackendArgs {
    /// A prover without circuits that is prepared for many proofs.
    pub fn prover(&self) -> Prover {
        let backend: Box<dyn ProverBackend> = match self.backend {
            Backend::Arkworks => Box::new(ArkworksBackend::new()),
            Backend::Engine => Box::new(EngineBackend::new(self.preparation.preparation())),
        };
        Prover::with_backend(backend)
    }
}
