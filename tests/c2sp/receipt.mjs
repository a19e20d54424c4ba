// Makes the receipt files of the transcript cli/tests/cli/receipt.trycmd from fixed keys, by the C2SP texts and
// docs/format.md alone:
//
//   node tests/c2sp/receipt.mjs cli/tests/cli/receipt.in
//
// The log and its witnesses are made up; their secret keys are 32 times the same byte.

import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const u64 = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};

function key(byte) {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, byte)]);
  const secret = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const bytes = createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-32);
  return { secret, bytes };
}

const keyId = (name, type, k) => sha256(Buffer.from(`${name}\n`), Buffer.from([type]), k.bytes).subarray(0, 4);
const vkey = (name, type, k) =>
  `${name}+${keyId(name, type, k).toString("hex")}+${Buffer.concat([Buffer.from([type]), k.bytes]).toString("base64")}`;
const line = (name, type, k, signature) =>
  `\u2014 ${name} ${Buffer.concat([keyId(name, type, k), signature]).toString("base64")}\n`;

const ORIGIN = "ledger.example/transcript";
const log = key(1);
const witnesses = [1, 2, 3].map((n) => ({ name: `witness.example/w${n}`, key: key(100 + n) }));
const TIME = 1700000000;

function note(text, by) {
  let out = `${text}\n${line(ORIGIN, 1, log, sign(null, Buffer.from(text), log.secret))}`;
  for (const w of by) {
    const message = Buffer.from(`cosignature/v1\ntime ${TIME}\n${text}`);
    out += line(w.name, 4, w.key, Buffer.concat([u64(TIME), sign(null, message, w.key.secret)]));
  }
  return Buffer.from(out);
}

// A VOID entry (docs/format.md, section 11), second leaf of two. Its own signature is not a receipt's business.
const party = Buffer.from("pharmacy-a");
const entry = Buffer.concat([Buffer.from([1, 8]), u64(1), Buffer.from([party.length]), party, u64(0), Buffer.alloc(64)]);
const leaf = sha256(Buffer.from([0]), entry);
const first = sha256(Buffer.from([0]), Buffer.from("the first leaf"));
const root = sha256(Buffer.from([1]), first, leaf);
const text = `${ORIGIN}\n2\n${root.toString("base64")}\n`;

// Section 12.
function receipt(checkpoint, inclusion = [first], index = 1) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(checkpoint.length);
  return Buffer.concat([Buffer.from([1]), u64(index), Buffer.from([inclusion.length]), ...inclusion, length, checkpoint]);
}

function write(name, bytes, changes = {}) {
  const document = {
    schema: "medproof/receipt/1",
    entry: entry.toString("base64"),
    receipt: bytes.toString("base64"),
    ...changes,
  };
  writeFileSync(join(folder, name), `${JSON.stringify(document, null, 2)}\n`);
}

const cosigned = note(text, witnesses.slice(0, 2));
write("cosigned.receipt", receipt(cosigned));
write("plain.receipt", receipt(note(text, [])));
write("elsewhere.receipt", receipt(cosigned, [leaf]));
// The last base64 digit group of the second witness' signature, changed.
const forged = cosigned.toString();
const at = forged.length - 20;
write("forged.receipt", receipt(Buffer.from(forged.slice(0, at) + (forged[at] === "A" ? "B" : "A") + forged.slice(at + 1))));
write("cut.receipt", receipt(cosigned).subarray(0, -1));
write("longer.receipt", Buffer.concat([receipt(cosigned), Buffer.from([0])]));
write("version.receipt", Buffer.concat([Buffer.from([2]), receipt(cosigned).subarray(1)]));
write("schema.receipt", receipt(cosigned), { schema: "medproof/receipt/2" });
write("base64.receipt", receipt(cosigned), { entry: "*" });
write("entry.receipt", receipt(cosigned), { entry: entry.subarray(0, -1).toString("base64") });
write("field.receipt", receipt(cosigned), { more: 1 });
writeFileSync(join(folder, "text.receipt"), "not JSON\n");

const names = witnesses.map((w) => `"${vkey(w.name, 4, w.key)}"`).join(", ");
const trust = `ledger_key = "${vkey(ORIGIN, 1, log)}"\nwitnesses = [${names}]\n`;
writeFileSync(join(folder, "two.toml"), `${trust}quorum = 2\n`);
writeFileSync(join(folder, "all.toml"), trust);
writeFileSync(join(folder, "four.toml"), `${trust}quorum = 4\n`);
writeFileSync(join(folder, "twice.toml"), trust.replace("]", `, "${vkey("alias", 4, witnesses[0].key)}"]`));
writeFileSync(join(folder, "unknown.toml"), `${trust}threshold = 2\n`);
