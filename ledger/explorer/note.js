// Signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

import { base64, concat, decimal, ensure, hex, number, text, unbase64, utf8 } from "./bytes.js";
import { sha256 } from "./sha256.js";

export const ED25519 = 1;
export const COSIGNATURE = 4;

const keyId = (name, algorithm, key) => hex(sha256(utf8(`${name}\n`), Uint8Array.of(algorithm), key).slice(0, 4));

/** A key by name, algorithm and its 32 bytes. */
export const keyOf = (name, algorithm, key) => ({ name, algorithm, key, id: keyId(name, algorithm, key) });

/** A key as text: `NAME+ID+base64(algorithm, key)`. */
export function parseKey(line, algorithm) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(line);
  ensure(match, "not a key of the form NAME+ID+KEY");
  const [, name, id, encoded] = match;
  const bytes = unbase64(encoded, "the key");
  ensure(bytes.length === 33 && bytes[0] === algorithm, `not an Ed25519 key of algorithm ${algorithm}`);
  const key = keyOf(name, algorithm, bytes.slice(1));
  ensure(key.id === id, `the id ${id} is not that of the key, which is ${key.id}`);
  return key;
}

export const keyText = ({ name, algorithm, key, id }) =>
  `${name}+${id}+${base64(concat(Uint8Array.of(algorithm), key))}`;

/** A checkpoint and the lines of signatures under it; nothing is verified yet. */
export function parseCheckpoint(bytes) {
  const note = text(bytes, "the checkpoint");
  ensure(!/[\u0000-\u0009\u000b-\u001f]/u.test(note), "the checkpoint has a control character");
  const end = note.lastIndexOf("\n\n");
  ensure(end >= 0 && note.endsWith("\n"), "the checkpoint is not a signed note");
  const body = note.slice(0, end + 1);
  const lines = body.slice(0, -1).split("\n");
  ensure(lines.length >= 3 && lines.every((line) => line !== ""), "the checkpoint has too few lines");
  const size = decimal(lines[1], "the tree size");
  ensure(size > 0, "the tree is empty");
  const root = unbase64(lines[2], "the root");
  ensure(root.length === 32, "the root does not have 32 bytes");
  const signatures = note
    .slice(end + 2, -1)
    .split("\n")
    .map((line) => {
      const match = /^\u2014 ([^+\s]+) (\S+)$/u.exec(line);
      ensure(match, "a line under the checkpoint is not a signature");
      const signature = unbase64(match[2], "a signature");
      ensure(signature.length > 4, "a signature is empty");
      return { name: match[1], id: hex(signature.slice(0, 4)), bytes: signature.slice(4) };
    });
  return { body, origin: lines[0], size, root, signatures };
}

/** Whether an Ed25519 signature holds; `null` where the browser cannot tell. */
async function holds(key, message, signature) {
  // Absent on pages that come over plain HTTP from another machine.
  if (!globalThis.crypto?.subtle) return null;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    // A browser that knows Ed25519 refuses bytes that are no key with a DataError.
    return error.name === "DataError" ? false : null;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/**
 * Judges a line of the checkpoint under a key: `holds` is true, false, or null where the browser cannot tell. A
 * cosignature comes with its `time`.
 */
export async function judge(checkpoint, line, key) {
  if (key.algorithm === ED25519) {
    return { holds: line.bytes.length === 64 && (await holds(key.key, utf8(checkpoint.body), line.bytes)) };
  }
  if (line.bytes.length !== 72) return { holds: false };
  const time = number(line.bytes.slice(0, 8), "the cosignature's time");
  const message = utf8(`cosignature/v1\ntime ${time}\n${checkpoint.body}`);
  return { holds: await holds(key.key, message, line.bytes.slice(8)), time };
}

/** The lines of a checkpoint that claim to be by this key. */
export const linesOf = (checkpoint, key) =>
  checkpoint.signatures.filter((line) => line.name === key.name && line.id === key.id);
