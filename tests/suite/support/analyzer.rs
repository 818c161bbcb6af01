//! wspect itself, run as its users run it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The built command with no arguments yet.
pub(crate) fn wspect() -> assert_cmd::Command {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_wspect"))
}

/// A recorded capture of the repository.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// What wspect says of a capture file, as one document.
pub(crate) fn read_json(path: &Path) -> Value {
    let mut command = wspect();
    command.arg("read").arg(path).args(["--format", "json", "--payload", "full"]);
    let keylog = path.with_extension("keylog");
    if keylog.exists() {
        command.arg("--keylog").arg(keylog);
    }
    let output = stdout_of(&mut command);
    serde_json::from_str(&output).unwrap()
}

/// The lines that wspect writes of a capture that comes in on stdin.
pub(crate) fn ndjson_of(capture: &[u8]) -> Vec<Value> {
    let mut command = wspect();
    command.args(["read", "-", "--format", "ndjson", "--payload", "full"]).write_stdin(capture);
    let output = stdout_of(&mut command);
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a run that has to succeed writes to stdout.
pub(crate) fn stdout_of(command: &mut assert_cmd::Command) -> String {
    let output = command.assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}
