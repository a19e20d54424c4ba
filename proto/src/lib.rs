//! The services' messages, generated from `proto/*.proto`, and the conversions between them and the
//! types of `medproof_verifier`. Each conversion refuses a bad field with one error that names it. How services are
//! reached, how many connections they take, and TLS of clients and services, are here too.

pub mod address;
pub mod field;
pub mod gateway;
pub mod incoming;
pub mod ledger;
pub mod ledger_client;
pub mod peers;
pub mod prover;
pub mod retry;
pub mod tls;

pub use field::FieldError;

/// Generated code: one module for each `.proto` package.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod wire {
    /// `medproof.gateway.v1`.
    pub mod gateway {
        tonic::include_proto!("medproof.gateway.v1");
    }

    /// `medproof.ledger.v1`.
    pub mod ledger {
        tonic::include_proto!("medproof.ledger.v1");
    }
    /// `medproof.prover`.
    pub mod prover {
        /// `medproof.prover.v1`.
        pub mod v1 {
            tonic::include_proto!("medproof.prover.v1");
        }
    }
    /// `medproof.witness`.
    pub mod witness {
        /// `medproof.witness.v1`.
        pub mod v1 {
            tonic::include_proto!("medproof.witness.v1");
        }
    }
}
