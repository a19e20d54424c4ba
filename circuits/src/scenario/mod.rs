//! Complete throw-away worlds around one bundle: keys, registry, identity, notes and signed data, for
//! `medproof check`, tests, benchmarks and sample proofs.
