// Verifies a receipt offline, without medproof: only the container is the project's own (docs/format.md, section 12: an
// entry, its index, an inclusion proof and a checkpoint in one file); everything within it is C2SP (signed-note,
// tlog-checkpoint, tlog-cosignature) and RFC 6962, and checked by the code that walks the tiles.
//
//   node verify.mjs FILE LOG_VKEY [--witness VKEY]... [--quorum N]
//
// The log must have signed a tree in which the entry stands at its index, and N of the witnesses (all, unless it is said)
// must have cosigned it. Prints one JSON object. A receipt that does not show this ends it with exit code 1, anything else
// that goes wrong with 2.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { COSIGNATURE_V1, ED25519, Refused, base64, checkpoint, cosigned, ensure, included, leafHash, parseVkey } from "./walk.mjs";

const MAX_FILE = 512 * 1024;
const MAX_HASHES = 64;
const MAX_CHECKPOINT = 32_768;

// ---- the container ----

function parseFile(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    ensure(false, "not a receipt file: no JSON");
  }
  const members = Object.keys(file ?? {}).sort();
  ensure(members.join() === "entry,receipt,schema", "not a receipt file: other members than schema, entry and receipt");
  ensure(file.schema === "medproof/receipt/1", "the file is of another schema");
  return { entry: base64(file.entry), ...parseReceipt(base64(file.receipt)) };
}

function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("the checkpoint is no UTF-8");
  }
}

function parseReceipt(bytes) {
  let at = 0;
  const take = (length) => {
    ensure(at + length <= bytes.length, "the receipt is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  ensure(take(1)[0] === 1, "the receipt is of another version");
  const index = take(8).readBigUInt64BE();
  const count = take(1)[0];
  ensure(count <= MAX_HASHES, "the inclusion proof is too long");
  const proof = Array.from({ length: count }, () => take(32));
  const length = take(2).readUInt16BE();
  ensure(length <= MAX_CHECKPOINT, "the checkpoint is too long");
  const note = utf8(take(length));
  ensure(at === bytes.length, "bytes are left over behind the receipt");
  return { index, proof, note };
}

// ---- what it shows ----

function parseQuorum(text, witnesses) {
  if (text === undefined) return witnesses.length;
  ensure(/^(0|[1-9][0-9]*)$/u.test(text), `not a number of witnesses: ${text}`);
  ensure(Number(text) <= witnesses.length, `${text} cosignatures cannot come from ${witnesses.length} witnesses`);
  return Number(text);
}

export function verifyReceipt(text, logVkey, witnessVkeys, quorumText) {
  const log = parseVkey(logVkey, ED25519);
  const witnesses = witnessVkeys.map((vkey) => parseVkey(vkey, COSIGNATURE_V1));
  // One name or key under two entries would count twice; the log is no witness of itself.
  const keys = [log, ...witnesses].map(({ key }) => key.toString("hex"));
  const names = witnesses.map(({ name }) => name);
  ensure(new Set(keys).size === keys.length, "two of the keys are the same");
  ensure(new Set(names).size === names.length, "two of the witnesses have the same name");
  const quorum = parseQuorum(quorumText, witnesses);

  const { entry, index, proof, note } = parseFile(text);
  const { note: parsed, size, root } = checkpoint(note, log);
  included(index, size, leafHash(entry), proof, root);
  const cosignatures = witnesses.map((witness) => cosigned(parsed, witness)).filter((found) => found !== null);
  ensure(
    cosignatures.length >= quorum,
    `${cosignatures.length} of the ${witnesses.length} witnesses have cosigned the checkpoint, ${quorum} are asked for`,
  );
  return { index: Number(index), size: Number(size), root: root.toString("hex"), cosignatures, quorum };
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { witness: { type: "string", multiple: true, default: [] }, quorum: { type: "string" } },
  });
  ensure(positionals.length === 2, "usage: node verify.mjs FILE LOG_VKEY [--witness VKEY]... [--quorum N]");
  const [file, logVkey] = positionals;
  const text = readFileSync(file);
  ensure(text.length <= MAX_FILE, "the file is too long");
  console.log(JSON.stringify(verifyReceipt(text.toString("utf8"), logVkey, values.witness, values.quorum)));
} catch (error) {
  // Only what a check says of the receipt is a refusal; anything else is an error of this script or its arguments.
  const refused = error instanceof Refused;
  console.error(`${refused ? "refused" : "error"}: ${error.message}`);
  process.exit(refused ? 1 : 2);
}
