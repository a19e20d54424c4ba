//! How a holder is named to others: introductions, bind records, identity cards; and writing papers.

use super::paper::Paper;
use crate::{CliError, journey::enrolment::Card, read_text, secret};
use age::x25519;
use medproof_verifier::{
    Fr, Name,
    field::{fr_from_be_bytes, fr_to_be_bytes},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{io::Read, path::Path};
use zeroize::Zeroizing;

/// Largest file of this kind.
const MAX_FILE: u64 = 16 * 1024;

/// A kind of JSON file, and where it comes from.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    schema: &'static str,
    from: &'static str,
}

const HOLDER: Kind = Kind {
    name: "introduction",
    schema: "medproof/holder/1",
    from: "the holder makes it with `medproof wallet introduce --json`",
};
const BOUND: Kind = Kind {
    name: "bind record",
    schema: "medproof/bound/1",
    from: "make it with `medproof desk bound --json`",
};

/// What a holder tells one party: a pseudonym and an address, both for this party only.
pub struct Introduction {
    /// The party that is told.
    pub party: Name,
    /// The pseudonym there.
    pub subject: Fr,
    /// Where papers are encrypted to.
    pub recipient: x25519::Recipient,
    /// The owner key; enrolment authorities and payers need it.
    pub owner_key: Option<Fr>,
}

/// What an issuer knows after a bind.
pub struct Bound {
    /// The issuer.
    pub issuer: Name,
    /// The pseudonym that the proof has shown.
    pub subject: Fr,
    /// The person's salted digest.
    pub person: Fr,
    /// Where papers are encrypted to.
    pub recipient: x25519::Recipient,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolderFile {
    #[serde(rename = "schema")]
    _schema: String,
    party: String,
    subject: String,
    recipient: String,
    owner_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundFile {
    #[serde(rename = "schema")]
    _schema: String,
    issuer: String,
    subject: String,
    person: String,
    recipient: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    name: String,
    birth_date: String,
    document: String,
}

/// 64 hexadecimal digits.
pub fn element_text(value: &Fr) -> String {
    hex::encode(fr_to_be_bytes(value))
}

/// Reads a field element of 64 hexadecimal digits.
///
/// # Errors
/// What is wrong with it.
pub fn element(text: &str) -> Result<Fr, String> {
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "expected 64 hexadecimal digits".to_owned())?;
    fr_from_be_bytes(&bytes).map_err(|e| e.to_string())
}

struct File<'a>(&'a Path);

impl File<'_> {
    fn bad(&self, field: &str, what: impl std::fmt::Display) -> CliError {
        CliError::Data(format!("`{}`: {field}: {what}", self.0.display()))
    }

    /// The file's JSON, after a look at its schema: a file of another kind is named before its fields are.
    fn read<T: DeserializeOwned>(&self, kind: Kind) -> Result<T, CliError> {
        let text = read_text(self.0, MAX_FILE)?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|e| self.bad(kind.name, format_args!("not JSON ({e}); {}", kind.from)))?;
        match value.get("schema").and_then(Value::as_str) {
            Some(schema) if schema == kind.schema => {}
            Some(other) => {
                let what = format_args!("expected `{}`, this is `{other}`; {}", kind.schema, kind.from);
                return Err(self.bad("schema", what));
            }
            None => {
                let what = format_args!("missing, expected `{}`; {}", kind.schema, kind.from);
                return Err(self.bad("schema", what));
            }
        }
        // From the text: a member that stands there twice is refused.
        serde_json::from_str(&text).map_err(|e| self.bad(kind.name, e))
    }

    fn name(&self, field: &str, text: &str) -> Result<Name, CliError> {
        text.parse().map_err(|e| self.bad(field, e))
    }

    fn element(&self, field: &str, text: &str) -> Result<Fr, CliError> {
        element(text).map_err(|e| self.bad(field, e))
    }

    fn recipient(&self, text: &str) -> Result<x25519::Recipient, CliError> {
        text.parse()
            .map_err(|_| self.bad("recipient", "not an age recipient (age1..)"))
    }
}

impl Introduction {
    /// Its JSON form.
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "schema": HOLDER.schema,
            "party": self.party.as_str(),
            "subject": element_text(&self.subject),
            "recipient": self.recipient.to_string(),
        });
        if let (Some(object), Some(key)) = (value.as_object_mut(), &self.owner_key) {
            object.insert("owner_key".into(), json!(element_text(key)));
        }
        value
    }

    /// Reads an introduction that was made for `party`.
    ///
    /// # Errors
    /// [`CliError`] naming the field.
    pub fn read(path: &Path, party: &Name) -> Result<Self, CliError> {
        let file = File(path);
        let d: HolderFile = file.read(HOLDER)?;
        let told = file.name("party", &d.party)?;
        if told != *party {
            let what = format!("the holder introduced itself to `{told}`, not to `{party}`");
            return Err(file.bad("party", what));
        }
        let key = d.owner_key.as_deref();
        Ok(Self {
            party: told,
            subject: file.element("subject", &d.subject)?,
            recipient: file.recipient(&d.recipient)?,
            owner_key: key.map(|k| file.element("owner_key", k)).transpose()?,
        })
    }

    /// The owner key, or why it is missing.
    ///
    /// # Errors
    /// [`CliError::Data`].
    pub fn owner_key(&self, path: &Path) -> Result<Fr, CliError> {
        self.owner_key.ok_or_else(|| {
            File(path).bad(
                "owner_key",
                "missing; ask the holder for `medproof wallet introduce --owner-key`",
            )
        })
    }
}

/// The party for which an introduction was made.
///
/// # Errors
/// [`CliError`] naming the field.
pub fn introduced_to(path: &Path) -> Result<Name, CliError> {
    let file = File(path);
    let d: HolderFile = file.read(HOLDER)?;
    file.name("party", &d.party)
}

impl Bound {
    /// Its JSON form.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": BOUND.schema,
            "issuer": self.issuer.as_str(),
            "subject": element_text(&self.subject),
            "person": element_text(&self.person),
            "recipient": self.recipient.to_string(),
        })
    }

    /// Reads a bind record of `issuer`.
    ///
    /// # Errors
    /// [`CliError`] naming the field.
    pub fn read(path: &Path, issuer: &Name) -> Result<Self, CliError> {
        let file = File(path);
        let d: BoundFile = file.read(BOUND)?;
        let named = file.name("issuer", &d.issuer)?;
        if named != *issuer {
            let what = format!("the bind was made for `{named}`, not for `{issuer}`");
            return Err(file.bad("issuer", what));
        }
        Ok(Self {
            issuer: named,
            subject: file.element("subject", &d.subject)?,
            person: file.element("person", &d.person)?,
            recipient: file.recipient(&d.recipient)?,
        })
    }
}

/// Reads an identity card: `{"name", "birth_date", "document"}`; `-` reads it from stdin.
///
/// # Errors
/// [`CliError`] naming the field, never its value.
pub fn card(path: &Path) -> Result<Card, CliError> {
    let file = File(path);
    let text = match path == Path::new("-") {
        true => {
            let mut text = String::new();
            let read = std::io::stdin().take(MAX_FILE).read_to_string(&mut text);
            read.map_err(|source| CliError::NoInput {
                path: "-".into(),
                source,
            })?;
            Zeroizing::new(text)
        }
        false => Zeroizing::new(read_text(path, MAX_FILE)?),
    };
    // The error of serde may quote the input, so only its place is shown.
    let d: CardFile = serde_json::from_str(&text).map_err(|e| {
        file.bad(
            "card",
            format_args!(
                "expected name, birth_date and document as texts (line {}, column {})",
                e.line(),
                e.column()
            ),
        )
    })?;
    for (field, text) in [("name", &d.name), ("document", &d.document)] {
        if text.trim().is_empty() {
            return Err(file.bad(field, "empty"));
        }
    }
    if medproof_verifier::Day::parse(&d.birth_date).is_none() {
        return Err(file.bad("birth_date", "expected YYYY-MM-DD"));
    }
    Ok(Card {
        name: d.name,
        birth_date: d.birth_date,
        document: d.document,
    })
}

/// Writes a paper, encrypted to its holder. Nothing of it is ever on disk in plain.
///
/// # Errors
/// [`CliError::CannotCreate`], in particular when the file exists.
pub fn write(path: &Path, paper: &Paper, recipient: &x25519::Recipient) -> Result<(), CliError> {
    let sealed = age::encrypt(recipient, &paper.to_bytes()).map_err(|e| CliError::Software(e.to_string()))?;
    secret::create(path, &sealed)
}
