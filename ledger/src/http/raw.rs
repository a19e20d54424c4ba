//! For tests: raw requests over TCP, nothing between the test and the bytes; and a stranger's program.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
};

/// An answer; the head in lower case.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends bytes on a connection of their own and reads what comes until it is closed.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // A request that is too long may be answered before its end is sent.
    let _ = stream.write_all(request);
    let mut bytes = vec![];
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    Answer {
        status: head[9..12].parse().unwrap(),
        head,
        body: bytes.split_off(end + 4),
    }
}

/// Runs `tests/c2sp/walk.mjs` on a log and gives what it prints, or why it refuses.
pub(crate) fn walk(address: SocketAddr, keys: &[&str]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/c2sp/walk.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(format!("http://{address}"))
        .args(keys)
        .output()
        .expect("node runs: ./.ci/circom installs it (make test does)");
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}
