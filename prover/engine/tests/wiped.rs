//! What a proof gives back to the allocator holds nothing of its witness: every block is zero when it is freed.
//!
//! The allocator of this test hands out zeroed blocks and looks at each one that a watched thread frees. Blocks of
//! pointers and lengths are small; those below [`LEAST`] are not looked at, and the circuit is large enough for
//! everything that grows with it to be above.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::UniformRand;
use ark_groth16::{ProvingKey, VerifyingKey};
use medproof_engine::{Blinding, FixedBases, Form, Kernels, Matrices, MemoryCap, Options, PreparedCircuit};
use medproof_kernels::Ifma;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rayon::ThreadPool;

/// Bytes of the smallest block that is looked at.
const LEAST: usize = 1 << 11;

struct Watching;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}
/// Blocks seen, and those of them that were not zero; the size of the last of these.
static SEEN: AtomicUsize = AtomicUsize::new(0);
static DIRTY: AtomicUsize = AtomicUsize::new(0);
static LAST_DIRTY: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's; blocks are only read, before they are freed, and all of their bytes
// are initialised, because they were handed out zeroed. Growth goes through `alloc` and `dealloc`, by default.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the system's condition.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() >= LEAST && WATCHED.try_with(Cell::get).unwrap_or(false) {
            // SAFETY: the block has so many bytes, and nobody else has it any more.
            let bytes = unsafe { core::slice::from_raw_parts(block, layout.size()) };
            SEEN.fetch_add(1, Ordering::Relaxed);
            if bytes.iter().any(|&byte| byte != 0) {
                DIRTY.fetch_add(1, Ordering::Relaxed);
                LAST_DIRTY.store(layout.size(), Ordering::Relaxed);
            }
        }
        // SAFETY: the caller's promise is the system's condition.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Runs on watched threads only; gives the number of blocks that were freed, and of those that were not zero.
fn watched(pool: &ThreadPool, run: impl FnOnce() + Send) -> (usize, usize) {
    let set = |value: bool| pool.broadcast(|_| WATCHED.with(|watched| watched.set(value)));
    SEEN.store(0, Ordering::Relaxed);
    DIRTY.store(0, Ordering::Relaxed);
    set(true);
    pool.install(run);
    set(false);
    (SEEN.load(Ordering::Relaxed), DIRTY.load(Ordering::Relaxed))
}

fn assert_wiped(pool: &ThreadPool, what: &str, run: impl FnOnce() + Send) {
    let (seen, dirty) = watched(pool, run);
    assert!(
        seen > 10,
        "{what}: {seen} blocks are too few to have been a proof"
    );
    let last = LAST_DIRTY.load(Ordering::Relaxed);
    assert_eq!(
        dirty, 0,
        "{what}: of {seen} blocks; the last not wiped had {last} bytes"
    );
}

const CONSTRAINTS: usize = 1500;
const VARIABLES: usize = 1400;

/// A key of the right shape. Nobody verifies the proofs, so that its points may be any.
fn key(h: usize) -> ProvingKey<Bn254> {
    let g1 = |count: usize| {
        let multiples = (1..=count as u64).map(|i| G1Affine::generator() * Fr::from(i));
        G1Projective::normalize_batch(&multiples.collect::<Vec<_>>())
    };
    let multiples = (1..=VARIABLES as u64).map(|i| G2Affine::generator() * Fr::from(i));
    let b_g2_query = G2Projective::normalize_batch(&multiples.collect::<Vec<_>>());
    let (p, q) = (G1Affine::generator(), G2Affine::generator());
    ProvingKey {
        vk: VerifyingKey {
            alpha_g1: p,
            beta_g2: q,
            gamma_g2: q,
            delta_g2: q,
            gamma_abc_g1: vec![p; 2],
        },
        beta_g1: p,
        delta_g1: p,
        a_query: g1(VARIABLES),
        b_g1_query: Vec::new(),
        b_g2_query,
        h_query: g1(h),
        l_query: g1(VARIABLES - 2),
    }
}

fn witness(rng: &mut StdRng) -> Vec<Fr> {
    let mut values: Vec<Fr> = (0..VARIABLES)
        .map(|i| {
            if i % 2 == 0 {
                Fr::rand(rng)
            } else {
                Fr::from(u64::from(rng.r#gen::<bool>()))
            }
        })
        .collect();
    values[0] = Fr::from(1u64);
    values
}

#[test]
fn freed_memory_holds_nothing_of_a_witness() {
    let mut rng = StdRng::seed_from_u64(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();

    // The watch itself: it sees what is left in a block, and what is not.
    let left = |wipe: bool| {
        watched(&pool, || {
            let mut block = vec![7u8; LEAST];
            if wipe {
                block.fill(0);
            }
            drop(core::hint::black_box(block));
        })
    };
    assert_eq!(left(false), (1, 1));
    assert_eq!(left(true), (1, 0));

    let rows: Vec<Vec<(Fr, usize)>> = (0..CONSTRAINTS)
        .map(|_| {
            (0..3)
                .map(|_| (Fr::from(rng.gen_range(1u64..4)), rng.gen_range(0..VARIABLES)))
                .collect()
        })
        .collect();
    let matrices = Matrices {
        a: &rows,
        b: &rows,
        c: &rows,
        inputs: 2,
        variables: VARIABLES,
    };
    let witness = witness(&mut rng);
    let kernels: Vec<Kernels> = std::iter::once(Kernels::scalar())
        .chain(Ifma::detect().map(Kernels::Ifma))
        .collect();
    for (form, h) in [
        (Form::Coset, 2047),
        (Form::Coefficients, 2047),
        (Form::Snarkjs, 2048),
    ] {
        let key = key(h);
        for &kernels in &kernels {
            for table_bytes in [0, 1 << 24] {
                let options = Options {
                    form,
                    table_bytes,
                    kernels,
                };
                let circuit = PreparedCircuit::new(&key, matrices, options).unwrap();
                let blinding = Blinding::new(Fr::rand(&mut rng), Fr::rand(&mut rng)).unwrap();
                let what = format!("{form:?}, {kernels:?}, {table_bytes} bytes of tables");
                assert_wiped(&pool, &what, || {
                    circuit.prove(&witness, &blinding).unwrap();
                });
                let blinding = || Blinding::new(Fr::from(2u64), Fr::from(3u64)).unwrap();
                let batch: [(&[Fr], Blinding); 3] = std::array::from_fn(|_| (&witness[..], blinding()));
                assert_wiped(&pool, &format!("three at once, {what}"), || {
                    assert!(circuit.prove_batch(&batch).iter().all(Result::is_ok));
                });
            }
        }
    }
    // Equal bases and equal digits: long runs, shared between chunks, and every exceptional case.
    let bases = vec![G1Affine::generator(); 20_000];
    let scalars = vec![Fr::rand(&mut rng); bases.len()];
    for kernels in kernels {
        let fixed = FixedBases::with_kernels(kernels, &bases, MemoryCap::BASES_ONLY);
        assert_wiped(&pool, &format!("equal bases, {kernels:?}"), || {
            let _ = fixed.msm(&scalars);
        });
    }
}
