//! Runs one kernel once, for valgrind to count its instructions: see `cargo xtask counts`.
//!
//! The argument names the kernel; without one it lists the kernels, each with the function to count, and the
//! processor's features that choose between code paths.
#![allow(missing_docs, unreachable_pub)]

mod work;

use work::{DamagePass, Decoding, Encoding};

const KERNELS: [(&str, &str, fn()); 5] = [
    ("damage", "count_damage", || DamagePass::new().count_damage()),
    ("encode-first", "count_encode", || Encoding::of_first().count_encode()),
    ("encode-updates", "count_encode", || Encoding::of_updates().count_encode()),
    ("decode-first", "count_decode", || Decoding::of_first().count_decode()),
    ("decode-updates", "count_decode", || Decoding::of_updates().count_decode()),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    for (name, function, work) in KERNELS {
        match wanted.first() {
            Some(wanted) if wanted == name => pool.install(work),
            Some(_) => {}
            None => println!("kernel {name} {function}"),
        }
    }
    if wanted.is_empty() {
        println!("features {}", features());
    }
}

fn features() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = if std::arch::is_x86_feature_detected!("avx2") { "avx2" } else { "no-avx2" };
        let bmi2 = if std::arch::is_x86_feature_detected!("bmi2") { "bmi2" } else { "no-bmi2" };
        format!("x86_64 {avx2} {bmi2}")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.to_owned()
    }
}
