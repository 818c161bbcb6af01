//! Runs one layer so many rounds, to be watched by valgrind: `instructions NAME ROUNDS`. Without arguments it lists the names, each
//! with the items and the bytes of a round. `scripts/instructions` makes figures of it.

#![expect(clippy::print_stdout, reason = "the list is its output")]

#[path = "../../../benches/layer/mod.rs"]
mod layer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => list(),
        [name, rounds] => return run(name, rounds),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn list() {
    for name in layer::names() {
        let Some(layer) = layer::named(name) else { continue };
        println!("{}\t{}\t{name}", layer.items, layer.bytes);
    }
}

fn run(name: &str, rounds: &str) -> ExitCode {
    let (Some(mut layer), Ok(rounds)) = (layer::named(name), rounds.parse()) else {
        return ExitCode::from(2);
    };
    for _ in 0..rounds {
        std::hint::black_box(layer.run());
    }
    ExitCode::SUCCESS
}
