//! Time of the kernels that `cargo xtask counts` counts: `cargo bench --bench kernels [-- NAME]`.
#![allow(missing_docs, unreachable_pub)]

mod work;

use divan::Bencher;
use work::{DamagePass, Decoding, Encoding};

fn main() {
    // One thread, as in the counts.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("a pool");
    divan::main();
}

#[divan::bench]
fn damage(bencher: Bencher) {
    bencher.with_inputs(DamagePass::new).bench_local_refs(DamagePass::count_damage);
}

#[divan::bench]
fn encode_first(bencher: Bencher) {
    bencher.with_inputs(Encoding::of_first).bench_local_refs(Encoding::count_encode);
}

#[divan::bench]
fn encode_updates(bencher: Bencher) {
    bencher.with_inputs(Encoding::of_updates).bench_local_refs(Encoding::count_encode);
}

#[divan::bench]
fn decode_first(bencher: Bencher) {
    bencher.with_inputs(Decoding::of_first).bench_local_refs(Decoding::count_decode);
}

#[divan::bench]
fn decode_updates(bencher: Bencher) {
    bencher.with_inputs(Decoding::of_updates).bench_local_refs(Decoding::count_decode);
}
