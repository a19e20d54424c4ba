//! Products by `mulx`, `adcx` and `adox`: the low and the high words of a row are added in two chains of carries that
//! do not wait for each other, which no compiler makes of plain arithmetic.

use core::arch::asm;
use std::sync::LazyLock;

use super::{Constants, Words};
use crate::field::Choice;

/// Proof that this CPU has BMI2 and ADX. Only [`Adx::detect`] makes one, and none where `MEDPROOF_ENGINE=portable`.
#[derive(Clone, Copy)]
pub(super) struct Adx(());

impl Adx {
    #[inline(always)]
    pub(super) fn detect() -> Option<Self> {
        static FOUND: LazyLock<bool> = LazyLock::new(|| {
            Choice::of_environment() != Some(Choice::Portable)
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("adx")
        });
        FOUND.then_some(Self(()))
    }
}

/// Adds `rdx` times the four words at `$of` to five words; the last one is zero before.
macro_rules! accumulate {
    ($of:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            // Clears both carries.
            "xor {lo:e}, {lo:e}\n",
            "mulx {hi}, {lo}, [{",
            $of,
            "}]\n",
            "adcx {",
            $t0,
            "}, {lo}\n",
            "adox {",
            $t1,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{",
            $of,
            "} + 8]\n",
            "adcx {",
            $t1,
            "}, {lo}\n",
            "adox {",
            $t2,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{",
            $of,
            "} + 16]\n",
            "adcx {",
            $t2,
            "}, {lo}\n",
            "adox {",
            $t3,
            "}, {hi}\n",
            "mulx {hi}, {lo}, [{",
            $of,
            "} + 24]\n",
            "adcx {",
            $t3,
            "}, {lo}\n",
            "adox {",
            $t4,
            "}, {hi}\n",
            "mov {lo:e}, 0\n",
            "adcx {",
            $t4,
            "}, {lo}\n",
        )
    };
}

/// The first row: there is nothing to add to.
macro_rules! first_row {
    () => {
        concat!(
            "mulx {t1}, {t0}, [{a}]\n",
            "mulx {t2}, {lo}, [{a} + 8]\n",
            "add {t1}, {lo}\n",
            "mulx {t3}, {lo}, [{a} + 16]\n",
            "adc {t2}, {lo}\n",
            "mulx {t4}, {lo}, [{a} + 24]\n",
            "adc {t3}, {lo}\n",
            "adc {t4}, 0\n",
        )
    };
}

/// Adds the multiple of p that makes the first of five words zero.
macro_rules! cancel {
    ($t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
        concat!(
            "mov rdx, {",
            $t0,
            "}\n",
            "imul rdx, [{p} + 32]\n",
            accumulate!("p", $t0, $t1, $t2, $t3, $t4),
        )
    };
}

/// [`super::mul`].
#[inline(always)]
pub(super) fn mul(_: Adx, a: &Words, b: &Words, constants: &Constants) -> Words {
    let (r0, r1, r2, r3): (u64, u64, u64, u64);
    // SAFETY: the token proves the instructions; three structures are read in their bounds (`Constants` is `repr(C)`:
    // p, then -1/p at 32), and nothing is written but the registers named.
    unsafe {
        asm!(
            "mov rdx, [{b}]",
            first_row!(),
            // In each step the sum grows by less than (i + 1) p: `adox` into the fifth word leaves no carry.
            cancel!("t0", "t1", "t2", "t3", "t4"),
            // The word that became zero is the fifth of the next row.
            "mov rdx, [{b} + 8]",
            accumulate!("a", "t1", "t2", "t3", "t4", "t0"),
            cancel!("t1", "t2", "t3", "t4", "t0"),
            "mov rdx, [{b} + 16]",
            accumulate!("a", "t2", "t3", "t4", "t0", "t1"),
            cancel!("t2", "t3", "t4", "t0", "t1"),
            "mov rdx, [{b} + 24]",
            accumulate!("a", "t3", "t4", "t0", "t1", "t2"),
            cancel!("t3", "t4", "t0", "t1", "t2"),
            // The result or the result less p, whichever is not negative.
            "mov {lo}, {t4}",
            "mov {hi}, {t0}",
            "mov rdx, {t1}",
            "mov {t3}, {t2}",
            "sub {lo}, [{p}]",
            "sbb {hi}, [{p} + 8]",
            "sbb rdx, [{p} + 16]",
            "sbb {t3}, [{p} + 24]",
            "cmovnc {t4}, {lo}",
            "cmovnc {t0}, {hi}",
            "cmovnc {t1}, rdx",
            "cmovnc {t2}, {t3}",
            a = in(reg) a.as_ptr(),
            b = in(reg) b.as_ptr(),
            p = in(reg) core::ptr::from_ref(constants),
            t0 = out(reg) r1,
            t1 = out(reg) r2,
            t2 = out(reg) r3,
            t3 = out(reg) _,
            t4 = out(reg) r0,
            lo = out(reg) _,
            hi = out(reg) _,
            out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [r0, r1, r2, r3]
}

/// [`super::product`].
#[inline(always)]
pub(super) fn product(_: Adx, a: &Words, b: &Words) -> [u64; 8] {
    let mut out = [0; 8];
    let (r4, r5, r6, r7): (u64, u64, u64, u64);
    // SAFETY: the token proves the instructions; two arrays are read in their bounds, and the lower half of `out` is
    // written.
    unsafe {
        asm!(
            "mov rdx, [{b}]",
            first_row!(),
            "mov [{out}], {t0}",
            "mov {t0:e}, 0",
            "mov rdx, [{b} + 8]",
            accumulate!("a", "t1", "t2", "t3", "t4", "t0"),
            "mov [{out} + 8], {t1}",
            "mov {t1:e}, 0",
            "mov rdx, [{b} + 16]",
            accumulate!("a", "t2", "t3", "t4", "t0", "t1"),
            "mov [{out} + 16], {t2}",
            "mov {t2:e}, 0",
            "mov rdx, [{b} + 24]",
            accumulate!("a", "t3", "t4", "t0", "t1", "t2"),
            "mov [{out} + 24], {t3}",
            a = in(reg) a.as_ptr(),
            b = in(reg) b.as_ptr(),
            out = in(reg) out.as_mut_ptr(),
            t0 = out(reg) r5,
            t1 = out(reg) r6,
            t2 = out(reg) r7,
            t3 = out(reg) _,
            t4 = out(reg) r4,
            lo = out(reg) _,
            hi = out(reg) _,
            out("rdx") _,
            options(nostack),
        );
    }
    out[4..].copy_from_slice(&[r4, r5, r6, r7]);
    out
}

/// `value / 2^256 mod p`, at most p.
#[inline(always)]
pub(super) fn reduce(_: Adx, value: Words, constants: &Constants) -> Words {
    let [mut t0, mut t1, mut t2, t3] = value;
    let t4: u64;
    // SAFETY: the token proves the instructions; one structure is read in its bounds (as in `mul`), and nothing is
    // written but the registers named.
    unsafe {
        asm!(
            "xor {t4:e}, {t4:e}",
            cancel!("t0", "t1", "t2", "t3", "t4"),
            cancel!("t1", "t2", "t3", "t4", "t0"),
            cancel!("t2", "t3", "t4", "t0", "t1"),
            cancel!("t3", "t4", "t0", "t1", "t2"),
            p = in(reg) core::ptr::from_ref(constants),
            t0 = inout(reg) t0,
            t1 = inout(reg) t1,
            t2 = inout(reg) t2,
            t3 = inout(reg) t3 => _,
            t4 = out(reg) t4,
            lo = out(reg) _,
            hi = out(reg) _,
            out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [t4, t0, t1, t2]
}
