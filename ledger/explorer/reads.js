// What is read of the ledger, and what of it was checked.

import { Refused, ensure, equal, hex } from "./bytes.js";
import { decode, ledgerId } from "./entry.js";
import { Tree, leafHash, rootOf } from "./merkle.js";
import { COSIGNATURE, judge, linesOf, parseCheckpoint, parseKey } from "./note.js";

/** Longest wait for one answer, in milliseconds. */
const DEADLINE = 20_000;

async function get(path) {
  let answer;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(DEADLINE), credentials: "omit", redirect: "error" });
  } catch {
    throw new Refused(`the ledger does not answer (${path})`);
  }
  ensure(answer.ok, `the ledger answers ${path} with status ${answer.status}`);
  return answer;
}

export async function fetchBytes(path) {
  const answer = await get(path);
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw new Refused(`the answer to ${path} is cut off`);
  }
}

/** An answer that nothing signs: the ledger's word. */
export async function ask(path) {
  const answer = await get(`api/${path}`);
  try {
    return await answer.json();
  } catch {
    throw new Refused(`the answer to api/${path} is not JSON`);
  }
}

/** What an error says; one that is not ours is a fault of this page, and says so. */
export const words = (error) =>
  error instanceof Refused ? error.message : `this page has failed: ${error?.message ?? error}`;

/**
 * An entry with its inclusion proof, computed from the tiles: `included` is whether its bytes lead to the root of
 * the checkpoint, and `tile` the hash that the ledger's own tile has for it.
 */
export async function prove(view, index) {
  const { size, root } = view.checkpoint;
  const [bytes, proof, tile] = await Promise.all([
    view.tree.entry(index),
    view.tree.inclusionProof(index),
    view.tree.node(0, index),
  ]);
  const leaf = leafHash(bytes);
  const reached = rootOf(index, size, leaf, proof);
  return { index, bytes, proof, tile, leaf, reached, included: equal(reached, root) };
}

/** An entry that must be of this kind and under the root. */
async function proven(view, index, kind) {
  const entry = await prove(view, index);
  ensure(entry.included, `leaf ${index} does not lead to the root of the checkpoint`);
  const read = decode(entry.bytes);
  ensure(read.kind === kind, `leaf ${index} is a ${read.kind}, not a ${kind}`);
  return { ...entry, read };
}

/** Reads the checkpoint and all that is shown about it. Faults become checks with the state `bad`. */
export async function open() {
  const [bytes, summary] = await Promise.all([fetchBytes("checkpoint"), ask("summary").catch(() => null)]);
  const checkpoint = parseCheckpoint(bytes);
  const view = { checkpoint, summary, tree: new Tree(checkpoint.size, fetchBytes), read: new Date(), checks: [] };
  const check = (state, text) => view.checks.push({ state, words: text });

  try {
    view.genesis = await proven(view, 0, "genesis");
    view.ledgerId = ledgerId(view.genesis.bytes);
  } catch (error) {
    check("bad", `GENESIS cannot be relied on: ${words(error)}.`);
  }
  view.signed = await logSignature(view, check);
  if (view.genesis) check("good", "Leaf 0 is GENESIS under this root; the ledger’s id is its hash.");
  try {
    view.seal = await proven(view, checkpoint.size - 1, "seal");
    check("good", `Leaf ${checkpoint.size - 1}, the last one, is the seal of batch ${view.seal.read.batch} under this root.`);
  } catch (error) {
    check("bad", `The last seal cannot be relied on: ${words(error)}.`);
  }
  view.circuits = circuits(view);
  view.lines = await lines(view);
  return view;
}

/** The state of the log's own signature, under the key in GENESIS. */
async function logSignature({ checkpoint, genesis }, check) {
  if (!genesis) {
    check("open", "The log’s signature was not checked: its key stands in GENESIS.");
    return "open";
  }
  const key = genesis.read.logKey;
  const own = linesOf(checkpoint, key);
  if (checkpoint.origin !== key.name || own.length === 0) {
    check("bad", "The checkpoint is not signed under the log’s key in GENESIS.");
    return "bad";
  }
  const { holds } = await judge(checkpoint, own[0], key);
  if (holds === null) {
    check("open", NOT_HERE);
    return "open";
  }
  if (!holds) {
    check("bad", "The log’s signature on this checkpoint does NOT hold under the key in GENESIS.");
    return "bad";
  }
  check("good", "The log’s signature on this checkpoint holds under the key in GENESIS.");
  return "good";
}

export const NOT_HERE =
  "Signatures were not checked in this browser: it offers no Ed25519 here. It may over HTTPS, or on the ledger’s own machine.";

/** Names of circuits by id: of GENESIS where it pins them, else by the ledger's word. */
function circuits({ genesis, summary }) {
  const known = new Map();
  for (const { id, name } of summary?.circuits ?? []) known.set(id, { name, by: "this ledger" });
  for (const [id, name] of genesis?.read.pinned ?? []) known.set(id, { name, by: "GENESIS" });
  return known;
}

/** The lines under the checkpoint with what was found about each. `own`: keys that the reader gave. */
export async function lines(view, own = []) {
  const { checkpoint, genesis, summary } = view;
  const named = (summary?.witnesses ?? []).flatMap((line) => {
    try {
      return [{ key: parseKey(line, COSIGNATURE), by: "the key that this ledger names" }];
    } catch {
      return [];
    }
  });
  const keys = [
    ...(genesis ? [{ key: genesis.read.logKey, by: "the key in GENESIS" }] : []),
    ...own.map((key) => ({ key, by: "your key" })),
    ...named,
  ];
  return Promise.all(
    checkpoint.signatures.map(async (line) => {
      const found = keys.find(({ key }) => key.name === line.name && key.id === line.id);
      if (!found) return { ...line, state: "open", words: "not checked: no key for it is known here" };
      const witness = found.key.algorithm === COSIGNATURE;
      try {
        const { holds, time } = await judge(checkpoint, line, found.key);
        if (holds === null) return { ...line, witness, time, state: "open", words: "not checked in this browser" };
        const text = holds ? `holds under ${found.by}` : `does NOT hold under ${found.by}`;
        return { ...line, witness, time, state: holds ? "good" : "bad", words: text };
      } catch (error) {
        return { ...line, witness, state: "bad", words: words(error) };
      }
    }),
  );
}

/** Whether two checkpoints of one log agree: the smaller tree must be the beginning of the larger. */
export async function compare(before, now) {
  const [small, large] = before.checkpoint.size <= now.checkpoint.size ? [before, now] : [now, before];
  const when = before.read.toISOString().slice(11, 19);
  const what = `What this page read at ${when} UTC (${before.checkpoint.size} entries)`;
  try {
    ensure(before.ledgerId === now.ledgerId, "it is another ledger");
    const [old, all] = await large.tree.roots(small.checkpoint.size);
    const agree = equal(old, small.checkpoint.root) && equal(all, large.checkpoint.root);
    ensure(agree, `the tiles lead to the roots ${hex(old)} and ${hex(all)}`);
  } catch (error) {
    return { state: "bad", words: `${what} and this checkpoint do NOT belong to one log: ${words(error)}.` };
  }
  if (small === now && large !== small && now.checkpoint.size < before.checkpoint.size) {
    return { state: "open", words: `${what} is longer than this checkpoint, which is its beginning.` };
  }
  return { state: "good", words: `${what} is the beginning of this tree.` };
}
