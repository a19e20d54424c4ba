//! For tests: raw requests over TCP, nothing between the test and the bytes; and a stranger's program.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
};

/// An answer; the head in lower case.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Whether the body has the length that the head says.
    fn is_whole(&self) -> bool {
        let length = format!("content-length: {}", self.body.len());
        self.head.lines().any(|line| line == length)
    }
}

/// Sends bytes on a connection of their own and reads what comes until it is closed.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Answer {
    attempt(address, request).expect("an answer")
}

/// As [`send`], to a service that may be killed meanwhile; none where there is no answer, or not all of it.
pub(crate) fn send_to_mortal(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    attempt(address, request).filter(Answer::is_whole)
}

fn attempt(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    // A request that is too long may be answered before its end is sent.
    let _ = stream.write_all(request);
    let mut bytes = vec![];
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?.to_lowercase();
    Some(Answer {
        status: head.get(9..12)?.parse().ok()?,
        head,
        body: bytes.split_off(end + 4),
    })
}

/// Runs `tests/c2sp/walk.mjs` on a log and gives what it prints, or why it refuses.
pub(crate) fn walk(address: SocketAddr, keys: &[&str]) -> Result<String, String> {
    let script = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("../tests/c2sp/walk.mjs");
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
