//! Tools that other people wrote, asked about our files: snarkjs, circom and circomlib, installed outside the
//! tree by `.ci/circom`. A test without them fails.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn own() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("tests are run by cargo")).join("circom")
}

/// The folder of the tools, in the versions that this project pins.
///
/// # Panics
/// When they are not installed: a test without its reference must not pass.
pub fn tools() -> PathBuf {
    let base = std::env::var_os("MEDPROOF_TOOLS")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/medproof/tools")));
    let folder = base.expect("MEDPROOF_TOOLS or HOME is set").join("circom");
    let pins = std::fs::read(own().join("tools/package-lock.json")).expect("the pins are part of the tests");
    let installed = std::fs::read(folder.join("installed.json")).ok();
    assert!(
        installed == Some(pins),
        "snarkjs, circom and circomlib are not installed in the pinned versions: run ./.ci/circom (make test does)"
    );
    folder
}

/// Puts requests to snarkjs, in one process; an answer is `{"ok": ..}` or `{"error": ".."}`.
///
/// # Panics
/// When node does not run or does not answer each request.
pub fn ask(requests: &[Value]) -> Vec<Value> {
    let mut node = Command::new("node")
        .arg("--no-warnings")
        .arg(own().join("driver.cjs"))
        .env("MEDPROOF_CIRCOM", tools())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    // The driver reads everything before it answers, so this cannot block on its output.
    let body = serde_json::to_vec(requests).expect("requests are JSON");
    let mut stdin = node.stdin.take().expect("stdin is piped");
    stdin.write_all(&body).expect("node reads its requests");
    drop(stdin);
    let output = node.wait_with_output().expect("node ends");
    assert!(output.status.success(), "node ends with {}", output.status);
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("node answers in JSON");
    assert_eq!(answers.len(), requests.len(), "one answer a request");
    answers
}

/// Puts requests to snarkjs that must all be answered.
///
/// # Panics
/// When an answer is an error.
pub fn must(requests: &[Value]) -> Vec<Value> {
    let answer = |(request, mut answer): (&Value, Value)| {
        let ok = answer.get_mut("ok").map(Value::take);
        ok.unwrap_or_else(|| panic!("{}: {answer}", request["ask"]))
    };
    requests.iter().zip(ask(requests)).map(answer).collect()
}

/// The witness calculator of `tests/circom/gadgets/NAME.circom`, compiled once and kept beside the tools.
///
/// # Panics
/// When circom does not compile it.
pub fn calculator(name: &str) -> PathBuf {
    let tools = tools();
    let source = own().join("gadgets").join(format!("{name}.circom"));
    let text = std::fs::read(&source).expect("the circuit is part of the tests");
    let hash: String = Sha256::digest(&text)[..8]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let kept = tools.join("compiled").join(format!("{name}-{hash}.wasm"));
    if kept.exists() {
        return kept;
    }
    let work = tempfile::tempdir_in(&tools).expect("the tools' folder can be written");
    let output = Command::new("node")
        .arg("node_modules/circom2/cli.js")
        .args(["--wasm", "-l", "node_modules/circomlib/circuits", "-o"])
        .args([work.path(), source.as_path()])
        .current_dir(&tools)
        .output()
        .expect("node runs");
    let made = work.path().join(format!("{name}_js/{name}.wasm"));
    assert!(
        output.status.success() && made.exists(),
        "circom compiles {name}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::create_dir_all(tools.join("compiled")).expect("the tools' folder can be written");
    std::fs::rename(made, &kept).expect("the calculator is kept");
    kept
}

/// What a circuit of circom gives for each input: its first `count` outputs as decimal strings, or nothing
/// where one of its constraints does not hold.
///
/// # Panics
/// When circom or snarkjs cannot be asked.
pub fn outputs(name: &str, inputs: &[Value], count: usize) -> Vec<Option<Vec<String>>> {
    let wasm = calculator(name);
    let request = json!({ "ask": "outputs", "wasm": wasm, "inputs": inputs, "count": count });
    let answer = must(&[request]).pop().expect("one answer");
    let all: Vec<Option<Vec<String>>> = serde_json::from_value(answer).expect("outputs are strings");
    assert_eq!(all.len(), inputs.len());
    all
}
