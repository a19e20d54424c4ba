// Entries as `docs/format.md`, section 11, lays them out. What does not fit is refused with the field's name, and
// nothing is guessed: what this page has no name for is shown as its bytes.

import { Refused, ensure, hex, number, text, unhex, utc, utf8 } from "./bytes.js";
import { ED25519, keyOf } from "./note.js";
import { sha256 } from "./sha256.js";

export const KINDS = [
  "genesis",
  "circuit",
  "registry",
  "policy",
  "open",
  "close",
  "statement",
  "void",
  "burn",
  "seal",
];

/** What an entry of each kind does, in a few words. */
export const MEANING = {
  genesis: "begins the log: its key, governance, pinned circuits",
  circuit: "a verifying key, accepted or retired by governance",
  registry: "a party's key, put, ended or zeroed by governance",
  policy: "a policy, accepted or ended by governance",
  open: "an identity, account or benefit, opened by a party",
  close: "an identity, closed by its authority or payer",
  statement: "a zero-knowledge proof, posted by the party that it was shown to",
  void: "a dispense, taken back by its pharmacy",
  burn: "fills, cancelled by their prescriber",
  seal: "the end of a batch: roots and counts",
};

const CIRCUITS = { 1: "bind", 2: "dispense", 3: "eligibility", 4: "claim", 5: "eligibility-large" };
const ROLES = [
  "prescriber",
  "record-issuer",
  "payer",
  "provider",
  "pharmacy",
  "sponsor",
  "insurer-gateway",
  "enrolment-authority",
];
const PROVIDER = 4;
export const NULLIFIERS = ["account", "fill", "trial", "claim", "benefit"];

const ELIGIBILITY = ["identity_root", "registry_root", "policy_id", "date", "nf_trial", "ctx"];
/** Names of the public inputs of each circuit, in order. */
export const INPUTS = {
  bind: ["identity_root", "domain", "issuer_party", "subject", "person", "ctx"],
  dispense: [
    ...["anchor", "identity_root", "registry_root", "domain", "policy_id", "date"],
    ...["nf_note", "cm_note", "cm_undo", "nf_fill", "cm_dispense", "ctx"],
  ],
  eligibility: ELIGIBILITY,
  "eligibility-large": ELIGIBILITY,
  claim: [
    ...["anchor", "identity_root", "registry_root", "domain", "policy_id", "received"],
    ...["nf_claim", "nf_benefit", "cm_benefit", "cm_payable", "ctx"],
  ],
};
/** The inputs that are nullifiers, with their kinds. */
export const SPENDS = { nf_note: "account", nf_fill: "fill", nf_trial: "trial", nf_claim: "claim", nf_benefit: "benefit" };

/** The order of BN254's scalar field: an element is below it. */
const ORDER = unhex("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001");
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,29}$/u;

export function isField(bytes) {
  const differs = bytes.findIndex((byte, i) => byte !== ORDER[i]);
  return differs >= 0 && bytes[differs] < ORDER[differs];
}

/** The name that a field element stands for, or null. */
export function nameOf(bytes) {
  const from = bytes.findIndex((byte) => byte !== 0);
  const letters = from < 0 ? "" : String.fromCharCode(...bytes.slice(from));
  return NAME.test(letters) ? letters : null;
}

/** A day: days since 1900-01-01. */
export function day(days) {
  if (days === 0xffff) return "open";
  return new Date(Date.UTC(1900, 0, 1) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Reads fields in order and keeps them as they are shown: `{ name, text }`, `{ name, code }` or `{ name, leaf }`. */
class Reader {
  fields = [];

  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(name, length) {
    const end = this.at + length;
    ensure(end <= this.bytes.length, `entry field "${name}" is cut off`);
    const taken = this.bytes.slice(this.at, end);
    this.at = end;
    return taken;
  }

  show(name, value) {
    this.fields.push({ name, ...value });
  }

  integer(name, bytes) {
    return number(this.take(name, bytes), `entry field "${name}"`);
  }

  shown(name, bytes) {
    const value = this.integer(name, bytes);
    this.show(name, { text: String(value) });
    return value;
  }

  choice(name, choices) {
    const value = this.integer(name, 1);
    const chosen = choices[value - 1];
    ensure(chosen, `entry field "${name}" is ${value}, not 1 to ${choices.length}`);
    this.show(name, { text: chosen });
    return value;
  }

  code(name, length) {
    const bytes = this.take(name, length);
    this.show(name, { code: hex(bytes) });
    return bytes;
  }

  element(name) {
    const bytes = this.take(name, 32);
    ensure(isField(bytes), `entry field "${name}" is not a canonical field element`);
    return bytes;
  }

  field(name) {
    const bytes = this.element(name);
    this.show(name, { code: hex(bytes) });
    return bytes;
  }

  word(name) {
    return text(this.take(name, this.integer(name, 1)), `entry field "${name}"`);
  }

  name(name) {
    const word = this.word(name);
    ensure(NAME.test(word), `entry field "${name}" is not a name`);
    this.show(name, { text: word });
    return word;
  }

  day(name) {
    this.show(name, { text: day(this.integer(name, 2)) });
  }

  time(name) {
    const seconds = this.integer(name, 8);
    this.show(name, { text: utc(seconds) });
    return seconds;
  }

  party() {
    this.shown("sequence", 8);
    this.name("party");
  }

  /** Signatures of governance: which keys, and their bytes. */
  governance() {
    const count = this.integer("signatures", 1);
    for (let i = 0; i < count; i += 1) {
      const key = this.integer("governance key", 1);
      this.code(`signature of governance key ${key}`, 64);
    }
  }

  finish() {
    const left = this.bytes.length - this.at;
    ensure(left === 0, `the entry has ${left} bytes that belong to nothing`);
  }
}

function genesis(input) {
  input.code("nonce", 32);
  const origin = input.word("origin");
  input.show("origin", { text: origin });
  const logKey = keyOf(origin, ED25519, input.code("log key", 32));
  const development = input.integer("development", 1);
  ensure(development <= 1, 'entry field "development" is neither 0 nor 1');
  input.show("development", { text: development ? "yes" : "no" });
  const time = input.time("time");
  input.show("re-enrolment delay", { text: `${input.integer("reenrol delay", 4)} s` });
  input.shown("threshold", 1);
  const keys = input.integer("governance", 1);
  for (let i = 0; i < keys; i += 1) input.code(`governance key ${i}`, 32);
  const pinned = new Map();
  const count = input.integer("pinned", 1);
  for (let i = 0; i < count; i += 1) {
    const circuit = input.integer("pinned circuit", 1);
    ensure(CIRCUITS[circuit], 'entry field "pinned circuit" is not a known number');
    const name = `${CIRCUITS[circuit]} version ${input.integer("pinned version", 2)}`;
    const id = hex(input.take("pinned id", 32));
    pinned.set(id, CIRCUITS[circuit]);
    input.show(`pinned: ${name}`, { code: id });
  }
  return { logKey, development: development === 1, time, pinned };
}

function circuit(input) {
  input.shown("sequence", 8);
  if (input.choice("action", ["accept", "retire"]) === 2) {
    input.code("circuit id", 32);
    return {};
  }
  const key = input.take("verifying key", input.integer("verifying key", 2));
  ensure(hex(key.slice(0, 8)) === "6d70766b00000001" && key.length > 12, "not a verifying key");
  const name = CIRCUITS[key[8]];
  ensure(name && key[11] <= 1, "a verifying key of no known circuit");
  const id = sha256(utf8("medproof/circuit/1"), key.slice(8, 11), sha256(key));
  input.show("circuit", { text: `${name} version ${number(key.slice(9, 11))}` });
  input.show("development key", { text: key[11] ? "yes" : "no" });
  input.show("circuit id", { code: hex(id) });
  input.show("verifying key", { text: `${key.length} bytes` });
  return { title: name };
}

function registry(input) {
  input.shown("sequence", 8);
  input.shown("registry index", 4);
  const action = input.choice("action", ["put", "end", "zero"]);
  if (action === 2) input.day("valid to");
  if (action !== 1) return {};
  input.field("ax");
  input.field("ay");
  const role = input.choice("role", ROLES);
  input.name("party");
  const scope = input.element("scope");
  const asNumber = role === PROVIDER && scope.slice(0, 26).every((byte) => byte === 0);
  const known = asNumber ? `NPI ${number(scope.slice(26), "the NPI")}` : nameOf(scope);
  input.show("scope", known === null ? { code: hex(scope) } : { text: known });
  input.day("valid from");
  input.day("valid to");
  input.code("posting key", 32);
  return { title: ROLES[role - 1] };
}

function policy(input) {
  input.shown("sequence", 8);
  if (input.choice("action", ["accept", "end"]) === 2) {
    input.field("policy id");
    input.day("valid to");
    return {};
  }
  input.field("policy id");
  const title = input.name("name");
  input.name("version");
  input.name("domain");
  const kind = input.integer("statement kind", 1);
  ensure(kind >= 2 && kind <= 4, 'entry field "statement kind" is not 2 to 4');
  input.show("statement", { text: CIRCUITS[kind] });
  if (kind === 3) input.name("sponsor");
  if (kind === 4) {
    input.name("payer");
    input.code("plan", 12);
  }
  input.day("valid from");
  input.day("valid to");
  input.code("text hash", 32);
  return { title };
}

function open(input) {
  input.party();
  input.name("domain");
  const what = input.choice("opens", ["account", "member", "benefit"]);
  if (what !== 3) {
    input.shown("identity index", 4);
    input.field("id");
  }
  if (what !== 2) input.field("note");
  return { title: ["account", "member", "benefit"][what - 1] };
}

/** `circuits`: the circuit of each known id, `{ name, by }`. */
function statement(input, circuits) {
  const id = hex(input.take("circuit id", 32));
  const known = circuits.get(id);
  input.show("circuit", { text: known ? `${known.name} (named by ${known.by})` : "not known to this page" });
  input.show("circuit id", { code: id });
  const count = input.integer("input count", 1);
  ensure(count >= 1 && count <= 64, 'entry field "input count" is not 1 to 64');
  const names = INPUTS[known?.name];
  const fits = names?.length === count;
  const spends = [];
  for (let i = 0; i < count; i += 1) {
    const value = input.element("public input");
    const name = fits ? names[i] : `public input ${i}`;
    if (SPENDS[name]) spends.push({ kind: SPENDS[name], value: hex(value) });
    input.show(name, inputValue(name, value));
  }
  input.code("proof", 128);
  input.name("relying party");
  input.code("challenge", 32);
  input.code("payload hash", 32);
  input.code("signature", 64);
  return { title: known?.name, spends };
}

function inputValue(name, value) {
  const word = ["domain", "issuer_party"].includes(name) ? nameOf(value) : null;
  if (word !== null) return { text: word };
  const isDay = ["date", "received"].includes(name) && value.slice(0, 30).every((byte) => byte === 0);
  return isDay ? { text: day(number(value.slice(30))) } : { code: hex(value) };
}

function seal(input) {
  const batch = input.shown("batch", 8);
  const first = input.integer("first", 8);
  input.show("first leaf of the batch", { leaf: first });
  input.code("SHA-256 of the previous seal", 32);
  const time = input.time("time");
  for (const tree of ["commitment", "identity", "registry"]) input.field(`${tree} root`);
  input.shown("commitments", 8);
  const nullifiers = NULLIFIERS.map((kind) => input.shown(`${kind} nullifiers`, 8));
  return { title: `batch ${batch}`, batch, first, time, nullifiers };
}

function close(input) {
  input.party();
  input.name("domain");
  input.shown("identity index", 4);
  return {};
}

function voided(input) {
  input.party();
  input.show("takes back", { leaf: input.integer("dispense", 8) });
  return {};
}

function burn(input) {
  input.party();
  const count = input.integer("fill key count", 1);
  ensure(count >= 1 && count <= 64, 'entry field "fill key count" is not 1 to 64');
  for (let i = 0; i < count; i += 1) input.field(`fill key ${i}`);
  return {};
}

const governed = (body) => (input) => {
  const read = body(input);
  input.governance();
  return read;
};

const signed = (body) => (input) => {
  const read = body(input);
  input.code("signature", 64);
  return read;
};

const READ = {
  genesis,
  circuit: governed(circuit),
  registry: governed(registry),
  policy: governed(policy),
  open: signed(open),
  close: signed(close),
  statement,
  void: signed(voided),
  burn: signed(burn),
  seal,
};

/** Parts of an entry's bytes as they are shown, `{ kind, title, fields, .. }`. */
export function decode(bytes, circuits = new Map()) {
  const input = new Reader(bytes);
  ensure(input.integer("version", 1) === 1, 'entry field "version" is not 1');
  const number = input.integer("kind", 1);
  const kind = KINDS[number - 1];
  if (!kind) throw new Refused(`entry field "kind" is ${number}, not 1 to 10`);
  const read = READ[kind](input, circuits);
  input.finish();
  return { kind, fields: input.fields, ...read };
}

/** Kind and title of a decoded entry in a few words. */
export const titled = ({ kind, title }) => (title ? `${kind} (${title})` : kind);

/** SHA-256 of GENESIS under its own tag: the ledger's id. */
export const ledgerId = (bytes) => hex(sha256(utf8("medproof/genesis/1"), bytes));
