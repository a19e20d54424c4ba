//! Runs of the binary, with their arguments and files.

use crate::services::{PASSPHRASE, data};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    thread,
};

/// Runs commands. Arguments are split at spaces; `@x` is the URL of x; a name with a dot is a file of the folder,
/// or of the test data where it begins with `data:`.
pub(crate) struct Player {
    pub(crate) folder: PathBuf,
    pub(crate) ledger: String,
    pub(crate) prover: String,
    pub(crate) gateways: BTreeMap<&'static str, String>,
}

pub(crate) const OPEN: &str = "enrol open --secret authority.age --register authority.register --ledger @ledger \
                               --card data:journeys/card.json --holder alex-authority.json";

impl Player {
    fn argument(&self, text: &str) -> String {
        match text {
            "@ledger" => self.ledger.clone(),
            "@prover" => self.prover.clone(),
            _ if text.starts_with('@') => self.gateways[&text[1..]].clone(),
            _ if text.starts_with("data:") => data(&text[5..]),
            _ => text.to_owned(),
        }
    }

    /// The exit code, and what was printed: JSON from stdout, or the message of the error.
    pub(crate) fn run(&self, line: &str) -> (i32, Value) {
        let arguments = line.split_whitespace().map(|text| self.argument(text));
        let output = Command::new(env!("CARGO_BIN_EXE_medproof"))
            .args(arguments)
            .arg("--json")
            .current_dir(&self.folder)
            .env("MEDPROOF_PASSPHRASE", PASSPHRASE)
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        let text = if output.stdout.is_empty() {
            &output.stderr
        } else {
            &output.stdout
        };
        let value = serde_json::from_slice(text);
        let value = value.unwrap_or_else(|_| panic!("{line}: {}", String::from_utf8_lossy(text)));
        (code, value)
    }

    pub(crate) fn ok(&self, line: &str) -> Value {
        let (code, value) = self.run(line);
        assert_eq!(code, 0, "{line}: {value}");
        value
    }

    pub(crate) fn fails(&self, code: i32, line: &str, says: &str) {
        let (got, value) = self.run(line);
        assert_eq!(got, code, "{line}: {value}");
        let text = value.to_string();
        assert!(text.contains(says), "{line}: {text}");
    }

    pub(crate) fn save(&self, file: &str, value: &Value) {
        std::fs::write(self.folder.join(file), value.to_string()).unwrap();
    }

    /// A wallet that was introduced to the authority, which has an empty register.
    pub(crate) fn authority(&self) {
        self.ok("wallet new --out alex.age");
        self.introduce("authority", "alex-authority.json", "--owner-key");
        self.ok("enrol init --secret authority.age --register authority.register --domain us-ma");
    }

    /// `wallet introduce`, as a file for the party.
    pub(crate) fn introduce(&self, party: &str, file: &str, more: &str) {
        let value = self.ok(&format!("wallet introduce alex.age --to {party} {more}"));
        self.save(file, &value);
    }

    /// The one-time bind, with the bind record as a file for the issuer.
    pub(crate) fn bind(&self, issuer: &str, domain: &str) {
        self.introduce(issuer, &format!("alex-{issuer}.json"), "");
        let asked = self.ok(&format!(
            "desk ask bind --gateway @{issuer} --token-file {issuer}.token --holder alex-{issuer}.json \
             --domain {domain} --card data:journeys/card.json --out bind-{issuer}.age"
        ));
        let answer = self.ok(&format!(
            "prove bind --wallet alex.age --challenge bind-{issuer}.age --gateway @{issuer} --prover @prover \
             --ledger @ledger"
        ));
        assert_eq!(answer["entry"], Value::Null, "a bind is not posted");
        let number = asked["challenge"].as_str().unwrap();
        let bound = self.ok(&format!(
            "desk bound {number} --gateway @{issuer} --token-file {issuer}.token --issuer {issuer} \
             --holder alex-{issuer}.json"
        ));
        self.save(&format!("alex-{issuer}.bound.json"), &bound);
    }

    pub(crate) fn sign(&self, what: &str, issuer: &str, bundle: &str, out: &str, more: &str) {
        self.ok(&format!(
            "issuer sign {what} --secret {issuer}.age --bound alex-{issuer}.bound.json --bundle data:{bundle} \
             --out {out} {more}"
        ));
    }
}

/// What a bad line swallows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Request,
    Answer,
}

/// Passes bytes on to `to`, and cuts the connection when the request or its answer comes: more than the few frames
/// with which an HTTP/2 connection begins, and the first question that every client asks on it.
pub(crate) fn lossy(to: &str, lost: Lost) -> String {
    const FRAMES: usize = 500;
    let target = to.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pass = |mut from: TcpStream, mut to: TcpStream, limit: usize| {
        let (mut seen, mut buffer) = (0, [0; 16_384]);
        while let Ok(n) = from.read(&mut buffer) {
            seen += n;
            if n == 0 || seen > limit || to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        // Both see the connection end.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    };
    let limit = |cut: Lost| if cut == lost { FRAMES } else { usize::MAX };
    let (up, down) = (limit(Lost::Request), limit(Lost::Answer));
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(target).unwrap();
        let (up_from, up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || pass(up_from, up_to, up));
        pass(server, client, down);
    });
    url
}
