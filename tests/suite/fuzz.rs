//! Every fuzz target reads its seeds, among them all that ever broke one (`fuzz/seeds/TARGET/found_…`).

use std::path::{Path, PathBuf};

mod seeds;
#[path = "../../fuzz/targets/mod.rs"]
mod targets;

#[test]
fn every_target_holds_for_its_seeds() {
    for (name, target) in targets::TARGETS {
        let files = seeds_of(name);
        assert!(files.len() > 2, "{name} has no seeds; {BLESS}");
        for file in files {
            eprintln!("{}", file.display());
            target(&read(&file));
        }
    }
}

#[test]
fn every_target_is_a_program_with_seeds() {
    let mut names: Vec<_> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort_unstable();
    let in_folder = |folder: &str| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let mut stems: Vec<_> = entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        stems.sort_unstable();
        stems
    };
    if blesses() {
        for (target, name, bytes) in seeds::seeds() {
            let folder = root().join("seeds").join(target);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
    assert_eq!(in_folder("entry"), names);
    assert_eq!(in_folder("seeds"), names, "{BLESS}");
}

#[test]
fn any_bytes_at_all_are_taken() {
    for (_, target) in targets::TARGETS {
        for length in [0, 1, 2, 3, 20, 500] {
            for byte in [0, 1, 0x41, 0x81, 0xff] {
                target(&vec![byte; length]);
            }
        }
    }
}

fn seeds_of(target: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("seeds").join(target));
    let mut files: Vec<_> = folder.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    files
}

#[expect(clippy::disallowed_methods, reason = "seeds are small")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for the files to be written")]
fn blesses() -> bool {
    std::env::var_os("WSPECT_BLESS").is_some()
}

const BLESS: &str = "write them with `WSPECT_BLESS=1 cargo test --test suite fuzz`";
