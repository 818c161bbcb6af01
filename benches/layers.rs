//! How long each layer takes for one item: `cargo bench`, or `cargo bench -- frames` for those with that in their names.

mod layer;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    divan::main();
}

#[divan::bench(args = layer::names())]
fn layers(bencher: Bencher<'_, '_>, name: &str) {
    let Some(mut layer) = layer::named(name) else { return };
    bencher
        .counter(ItemsCount::new(layer.items))
        .counter(BytesCount::new(layer.bytes))
        .bench_local(|| layer.run());
}
