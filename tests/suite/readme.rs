//! The README shows what wspect prints.

use super::support::wspect;

#[test]
fn each_example_of_the_readme_is_real_output() {
    let readme = include_str!("../../README.md");
    let examples: Vec<_> =
        readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        let (command, shown) = example.split_once('\n').unwrap();
        let arguments = command.strip_prefix("$ wspect ").unwrap().split(' ');
        let output = wspect().args(arguments).env("COLUMNS", "100").env("TZ", "UTC").output().unwrap();
        let printed: Vec<_> =
            std::str::from_utf8(&output.stdout).unwrap().lines().map(str::trim_end).collect();
        let shown: Vec<_> = shown.lines().collect();
        assert_eq!(printed, shown, "{command}");
    }
}
