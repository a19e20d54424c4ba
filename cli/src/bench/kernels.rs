//! Multi-scalar multiplications and transforms by size, beside those of arkworks in the same run.

use super::{median_ms, rounded};
use crate::CliError;
use ark_bn254::{Fr, g1, g2};
use ark_ec::{VariableBaseMSM, scalar_mul::BatchMulPreprocessing, short_weierstrass::Projective};
use ark_ff::{FftField, UniformRand};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use medproof_engine::{FixedBases, Kernels, MemoryCap, msm::Group, ntt::Transform};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Which sizes are measured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Binary logarithm of the smallest size.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=22))]
    min_log: u32,
    /// Binary logarithm of the largest size; up to 20 takes some minutes and some gigabytes.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=22))]
    max_log: u32,
    /// Measurements of each time; the median is shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

/// A row for each operation and size. Scalars and values are random and of full width.
///
/// # Errors
/// [`CliError`] for an empty range of sizes, or when a result differs from that of arkworks.
pub(super) fn measure(args: &Args) -> Result<Vec<Value>, CliError> {
    if args.min_log > args.max_log {
        return Err(CliError::Usage("--min-log is above --max-log".into()));
    }
    let mut rows = Vec::new();
    for log_size in args.min_log..=args.max_log {
        rows.push(multiplication::<g1::Config>("MSM G1", log_size, args.runs)?);
        rows.push(multiplication::<g2::Config>("MSM G2", log_size, args.runs)?);
        rows.push(transforms(log_size, args.runs)?);
    }
    Ok(rows)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let result = work();
    (result, begin.elapsed())
}

fn row(what: &str, log_size: u32, ours: Vec<Duration>, theirs: Vec<Duration>, prepare: Duration) -> Value {
    let (ours, theirs) = (median_ms(ours), median_ms(theirs));
    json!({
        "operation": what,
        "log_size": log_size,
        "engine_ms": ours,
        "arkworks_ms": theirs,
        "ratio_to_arkworks": rounded(theirs / ours),
        "prepare_ms": median_ms(vec![prepare]),
    })
}

fn differs(what: &str, log_size: u32) -> CliError {
    CliError::Software(format!("{what} of size 2^{log_size} differs from arkworks"))
}

fn multiplication<G: Group>(what: &str, log_size: u32, runs: u32) -> Result<Value, CliError> {
    let size = 1usize << log_size;
    let mut rng = StdRng::seed_from_u64(u64::from(log_size));
    let mut random = || -> Vec<Fr> { (0..size).map(|_| Fr::rand(&mut rng)).collect() };
    let (factors, scalars) = (random(), random());
    let generator: Projective<G> = G::GENERATOR.into();
    let bases = BatchMulPreprocessing::new(generator, size).batch_mul(&factors);
    let (fixed, prepare) = timed(|| FixedBases::<G>::new(&bases, MemoryCap::UNLIMITED));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Alternating, so that both see the same state of the machine.
    for _ in 0..runs {
        let (engine, time) = timed(|| fixed.msm(&scalars));
        ours.push(time);
        let (arkworks, time) = timed(|| Projective::<G>::msm_unchecked(&bases, &scalars));
        theirs.push(time);
        if engine != arkworks {
            return Err(differs(what, log_size));
        }
    }
    Ok(row(what, log_size, ours, theirs, prepare))
}

/// From the values of a polynomial on a domain to those on its coset: an inverse and a forward transform.
fn transforms(log_size: u32, runs: u32) -> Result<Value, CliError> {
    let what = "NTT, to the coset";
    let size = 1usize << log_size;
    let no_domain = || CliError::Software(format!("no domain of size 2^{log_size}"));
    let domain = GeneralEvaluationDomain::<Fr>::new(size).ok_or_else(no_domain)?;
    let shift = Fr::get_root_of_unity(2 * size as u64).ok_or_else(no_domain)?;
    let coset = domain.get_coset(shift).ok_or_else(no_domain)?;
    let mut rng = StdRng::seed_from_u64(u64::from(log_size));
    let values: Vec<Fr> = (0..size).map(|_| Fr::rand(&mut rng)).collect();
    let (transform, prepare) = timed(|| Transform::new(log_size, Kernels::detect()));
    let transform = transform.map_err(CliError::unavailable)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut engine = values.clone();
        let ((), time) = timed(|| transform.to_coset(&mut engine));
        ours.push(time);
        let mut arkworks = values.clone();
        let ((), time) = timed(|| {
            domain.ifft_in_place(&mut arkworks);
            coset.fft_in_place(&mut arkworks);
        });
        theirs.push(time);
        if engine != arkworks {
            return Err(differs(what, log_size));
        }
    }
    Ok(row(what, log_size, ours, theirs, prepare))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_compared_at_every_size() {
        let args = |min_log, max_log| Args {
            min_log,
            max_log,
            runs: 1,
        };
        let rows = measure(&args(5, 6)).unwrap();
        let names: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row["operation"].as_str().unwrap(),
                    row["log_size"].as_u64().unwrap(),
                )
            })
            .collect();
        let of = |log| [("MSM G1", log), ("MSM G2", log), ("NTT, to the coset", log)];
        assert_eq!(names, [of(5), of(6)].concat());
        assert!(matches!(measure(&args(7, 6)), Err(CliError::Usage(_))));
    }
}
