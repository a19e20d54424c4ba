//! Which backend proves.

use medproof_prover::Prover;
use medproof_prover::backend::{ArkworksBackend, EngineBackend, Preparation, ProverBackend};

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
    /// Convert each key for the engine first: four transforms a proof for seven, after seconds to minutes.
    #[arg(long)]
    pub convert_keys: bool,
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
        let preparation = match self.convert_keys {
            true => Preparation::CONVERTED,
            false => Preparation::MANY,
        };
        let backend: Box<dyn ProverBackend> = match self.backend {
            Backend::Arkworks => Box::new(ArkworksBackend::new()),
            Backend::Engine => Box::new(EngineBackend::new(preparation)),
        };
        Prover::with_backend(backend)
    }
}
