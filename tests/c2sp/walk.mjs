// A stranger's walk over a tiled log, written from the C2SP texts (signed-note, tlog-checkpoint, tlog-tiles,
// tlog-cosignature) and RFC 6962 alone. It knows nothing of medproof.
//
//   node walk.mjs PREFIX LOG_VKEY [WITNESS_VKEY...]
//
// Fetches the checkpoint, verifies the log's signature and the witnesses' cosignatures, fetches every tile and
// entry bundle of that tree, and computes the root from the entries. Prints one JSON object; anything that
// does not fit the texts ends it with exit code 1.

import { createHash, createPublicKey, verify } from "node:crypto";
import { pathToFileURL } from "node:url";

export class Refused extends Error {}

export function ensure(condition, message) {
  if (!condition) throw new Refused(message);
}

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export function base64(text) {
  ensure(typeof text === "string", "a value is no text");
  const bytes = Buffer.from(text, "base64");
  ensure(bytes.toString("base64") === text, `not base64: ${text}`);
  return bytes;
}

// ---- signed-note ----

export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;

const keyId = (name, type, key) => sha256(name, "\n", Buffer.from([type]), key).subarray(0, 4);

export function parseVkey(vkey, type) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(vkey);
  ensure(match, `not a verifier key: ${vkey}`);
  const [, name, id, encoded] = match;
  const bytes = base64(encoded);
  ensure(bytes[0] === type && bytes.length === 33, `not a key of type ${type}: ${vkey}`);
  const key = bytes.subarray(1);
  ensure(keyId(name, type, key).toString("hex") === id, `the key id differs: ${vkey}`);
  return { name, id, key };
}

export function parseNote(text) {
  ensure(!/[\u0000-\u0009\u000b-\u001f]/u.test(text), "a control character in the note");
  const split = text.lastIndexOf("\n\n");
  ensure(split >= 0 && text.endsWith("\n"), "not a signed note");
  const signatures = text
    .slice(split + 2, -1)
    .split("\n")
    .map((line) => {
      const match = /^\u2014 ([^+\s]+) ([A-Za-z0-9+/=]+)$/u.exec(line);
      ensure(match, `not a signature line: ${line}`);
      const bytes = base64(match[2]);
      ensure(bytes.length > 4, "a signature without bytes");
      return { name: match[1], id: bytes.subarray(0, 4).toString("hex"), bytes: bytes.subarray(4) };
    });
  return { text: text.slice(0, split + 1), signatures };
}

function ed25519(key, message, signature) {
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]);
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  return signature.length === 64 && verify(null, message, publicKey, signature);
}

const of = (note, key) => note.signatures.find((s) => s.name === key.name && s.id === key.id);

// ---- tlog-checkpoint and tlog-cosignature ----

export function checkpoint(text, logKey) {
  const note = parseNote(text);
  const signature = of(note, logKey);
  ensure(signature, "the log has not signed the checkpoint");
  ensure(ed25519(logKey.key, Buffer.from(note.text), signature.bytes), "the log's signature does not hold");
  const lines = note.text.slice(0, -1).split("\n");
  ensure(lines.length >= 3 && lines.every((l) => l !== ""), "not a checkpoint");
  const [origin, size, root] = lines;
  ensure(origin === logKey.name, "another origin");
  ensure(/^(0|[1-9][0-9]*)$/u.test(size), "not a tree size");
  const hash = base64(root);
  ensure(hash.length === 32, "not a root");
  return { note, size: BigInt(size), root: hash };
}

export function cosigned(note, witness) {
  const signature = of(note, witness);
  if (!signature) return null;
  ensure(signature.bytes.length === 72, `the cosignature of ${witness.name} is of another length`);
  const time = signature.bytes.readBigUInt64BE(0);
  ensure(time < 1n << 63n, `the cosignature of ${witness.name} has a time beyond 2^63 - 1`);
  const message = Buffer.from(`cosignature/v1\ntime ${time}\n${note.text}`);
  ensure(ed25519(witness.key, message, signature.bytes.subarray(8)), `the cosignature of ${witness.name} does not hold`);
  return { name: witness.name, time: Number(time) };
}

// ---- RFC 6962 ----

export const leafHash = (entry) => sha256(Buffer.from([0]), entry);
const node = (left, right) => sha256(Buffer.from([1]), left, right);

// Root of a list of leaf hashes, section 2.1: split at the largest power of two below the length.
export function treeHash(hashes) {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0];
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return node(treeHash(hashes.slice(0, split)), treeHash(hashes.slice(split)));
}

// Section 2.1.1 from the verifier's side (as RFC 9162, 2.1.3.2, writes it out).
export function included(index, size, leaf, proof, root) {
  ensure(index < size, "the entry is not in the tree");
  let [fn, sn, r] = [index, size - 1n, leaf];
  for (const hash of proof) {
    ensure(sn !== 0n, "an inclusion proof that is too long");
    if (fn & 1n || fn === sn) {
      r = node(hash, r);
      if (!(fn & 1n)) while (fn !== 0n && !(fn & 1n)) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      r = node(r, hash);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  ensure(sn === 0n && r.equals(root), "the inclusion proof does not lead to the root");
}

// ---- tlog-tiles ----

function number(n) {
  const elements = [];
  do {
    elements.unshift(String(n % 1000n).padStart(3, "0"));
    n /= 1000n;
  } while (n > 0n);
  return elements.map((e, i) => (i + 1 < elements.length ? `x${e}` : e)).join("/");
}

async function fetchBytes(url, type) {
  const answer = await fetch(url);
  ensure(answer.status === 200, `${url}: ${answer.status}`);
  ensure(answer.headers.get("content-type") === type, `${url}: another content type`);
  return Buffer.from(await answer.arrayBuffer());
}

// Every tile of a level in the order of the tree, full ones first and then the partial one.
async function level(prefix, name, count) {
  const tiles = [];
  for (let n = 0n; n * 256n < count; n += 1n) {
    const width = count - n * 256n < 256n ? count - n * 256n : 256n;
    const suffix = width < 256n ? `.p/${width}` : "";
    const url = `${prefix}/tile/${name}/${number(n)}${suffix}`;
    tiles.push({ width: Number(width), bytes: await fetchBytes(url, "application/octet-stream") });
  }
  return tiles;
}

function bundle(bytes, width) {
  const entries = [];
  let at = 0;
  while (at < bytes.length) {
    ensure(at + 2 <= bytes.length, "a bundle that is cut off");
    const length = bytes.readUInt16BE(at);
    ensure(at + 2 + length <= bytes.length, "a bundle that is cut off");
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  ensure(entries.length === width, "a bundle with another number of entries");
  return entries;
}

export async function walk(prefix, logVkey, witnessVkeys) {
  const logKey = parseVkey(logVkey, ED25519);
  const text = (await fetchBytes(`${prefix}/checkpoint`, "text/plain; charset=utf-8")).toString("utf8");
  const { note, size, root } = checkpoint(text, logKey);
  const witnesses = witnessVkeys
    .map((vkey) => cosigned(note, parseVkey(vkey, COSIGNATURE_V1)))
    .filter((w) => w !== null);

  const bundles = await level(prefix, "entries", size);
  const entries = bundles.flatMap(({ bytes, width }) => bundle(bytes, width));
  let hashes = entries.map(leafHash);
  ensure(treeHash(hashes).equals(root), "the entries do not lead to the signed root");
  let tiles = 0;
  for (let l = 0; hashes.length > 0; l += 1) {
    const served = await level(prefix, String(l), BigInt(hashes.length));
    tiles += served.length;
    ensure(Buffer.concat(served.map((t) => t.bytes)).equals(Buffer.concat(hashes)), `level ${l} has other hashes`);
    const above = [];
    for (let i = 0; i + 256 <= hashes.length; i += 256) above.push(treeHash(hashes.slice(i, i + 256)));
    hashes = above;
  }
  return { size: Number(size), root: root.toString("hex"), entries: entries.length, tiles, witnesses };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const [prefix, logVkey, ...witnesses] = process.argv.slice(2);
    ensure(prefix && logVkey, "usage: node walk.mjs PREFIX LOG_VKEY [WITNESS_VKEY...]");
    console.log(JSON.stringify(await walk(prefix, logVkey, witnesses)));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
