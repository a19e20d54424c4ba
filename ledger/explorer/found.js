// One entry with its inclusion proof, and what a search finds.

import { Refused, decimal, equal, hex, utc } from "./bytes.js";
import { MEANING, decode, titled } from "./entry.js";
import { code, count, el, leafLink, plural, verdict } from "./dom.js";
import { ask, prove, words } from "./reads.js";

/** Bundles in which the seal of an entry is looked for. */
const BUNDLES = 4;

/** What was typed: `{ leaf }` or `{ value }`. */
export function parse(typed) {
  const query = typed.trim().toLowerCase().replace(/^0x/u, "");
  if (/^[0-9a-f]{64}$/u.test(query)) return { value: query };
  if (/^[0-9]+$/u.test(query)) return { leaf: decimal(query.replace(/^0+(?=[0-9])/u, ""), "the leaf index") };
  throw new Refused("Enter a leaf index (a number), or a leaf hash or nullifier (64 hexadecimal digits).");
}

/** The seal of the batch that an entry is in, under the same root; null where it is far or does not fit. */
async function sealOf(view, index) {
  const { tree, checkpoint } = view;
  const end = Math.min(checkpoint.size, 256 * (Math.floor(index / 256) + BUNDLES));
  for (let at = index; at < end; at += 1) {
    const bytes = await tree.entry(at);
    // Version 1, kind 10.
    if (bytes[0] !== 1 || bytes[1] !== 10) continue;
    const seal = decode(bytes);
    const { included } = await prove(view, at);
    return included && seal.first <= index ? { at, seal } : null;
  }
  return null;
}

/** The verdict on an entry: verified only where its bytes lead to a root that is signed. */
function judged(view, entry) {
  const { size, root } = view.checkpoint;
  const tree = `the tree of ${plural(size, "entry", "entries")}`;
  if (!entry.included) {
    const own = equal(entry.leaf, entry.tile);
    return {
      state: "bad",
      short: "NOT VERIFIED: these bytes do not lead to the root of the checkpoint.",
      more: [
        el("p", {}, "Root in the checkpoint:", code(hex(root))),
        el("p", {}, "Root that they lead to:", code(hex(entry.reached))),
        el("p", {}, own
          ? "The hash of the bytes is the one in the ledger’s tile; a hash on the way to the root differs."
          : "The hash of the bytes is not even the one that the ledger’s own tile has for this leaf:"),
        own ? null : el("p", {}, code(hex(entry.leaf)), code(hex(entry.tile))),
      ],
    };
  }
  if (view.signed === "bad") {
    return { state: "bad", short: "NOT VERIFIED: the bytes lead to the checkpoint’s root, but its signature does not hold." };
  }
  if (view.signed === "open") {
    return {
      state: "open",
      short: `Leaf ${entry.index} of ${tree}. The root’s signature was not checked, so nobody vouches for it here.`,
    };
  }
  return { state: "good", short: `Verified: leaf ${entry.index} of ${tree} that the log has signed.` };
}

function value(field) {
  if (field.code !== undefined) return code(field.code);
  return field.leaf === undefined ? field.text : leafLink(field.leaf);
}

const facts = (rows) => el("dl", {}, rows.map(([name, shown]) => [el("dt", {}, name), el("dd", {}, shown)]));

function details(name, ...content) {
  return el("details", {}, el("summary", {}, name), ...content);
}

function neighbours(index, size) {
  const links = [];
  if (index > 0) links.push(leafLink(index - 1, `← entry ${index - 1}`));
  if (index + 1 < size) links.push(leafLink(index + 1, `entry ${index + 1} →`));
  return el("p", { class: "steps" }, links);
}

/** The parts of a page about one entry; `said` is its verdict in a sentence. */
async function entry(view, index) {
  const proven = await prove(view, index);
  const { state, short, more = [] } = judged(view, proven);
  const rows = [["Size", plural(proven.bytes.length, "byte")], ["Leaf hash", code(hex(proven.leaf))]];
  let read = null;
  try {
    read = decode(proven.bytes, view.circuits);
    rows.unshift(["Kind", `${read.kind}: ${MEANING[read.kind]}`]);
  } catch (error) {
    rows.unshift(["Kind", `cannot be read: ${words(error)}`]);
  }
  const found = await sealOf(view, index).catch(() => null);
  if (found) {
    const { at, seal } = found;
    rows.push(["Sealed", at === index ? "this is a seal" : el("span", {}, `in batch ${count(seal.batch)}, ${utc(seal.time)}, by `, leafLink(at))]);
  }
  const parts = [
    el("h3", { tabindex: "-1" }, `Entry ${count(index)}: ${read ? titled(read) : "unreadable"}`),
    verdict(state, short, more),
    el("h4", {}, "What it is"),
    facts(rows),
    read ? [el("h4", {}, "What it says"), facts(read.fields.map((field) => [field.name, value(field)]))] : null,
    details(
      `Inclusion proof (${plural(proven.proof.length, "hash", "hashes")})`,
      el("p", { class: "hint" }, "From the leaf upwards, computed from the ledger’s tiles; with the leaf hash they lead to:"),
      el("p", {}, code(hex(proven.reached))),
      el("ol", {}, proven.proof.map((hash) => el("li", {}, code(hex(hash))))),
    ),
    details("Bytes of the entry", el("p", { class: "scroll", tabindex: "0" }, code(hex(proven.bytes)))),
    el("p", { class: "hint" }, "Not checked here: the proof and the signatures that the entry itself carries, and whether it obeyed the ledger’s rules."),
    neighbours(index, view.checkpoint.size),
  ];
  return { parts: parts.flat(), said: short, proven, read, state };
}

const heading = (words) => el("h3", { tabindex: "-1" }, words);

function beyond(view, index) {
  const short = `Entry ${count(index)} is not under the checkpoint that was read, which has ${plural(view.checkpoint.size, "entry", "entries")}.`;
  return { said: short, parts: [heading("Not there"), verdict("open", short, el("p", {}, "If it is new, read the checkpoint again."))] };
}

export async function byLeaf(view, index) {
  return index < view.checkpoint.size ? entry(view, index) : beyond(view, index);
}

/** How an entry came to spend a nullifier: what can be seen in it, and what not. */
function spentBy({ kind, burned }, value, { read, state }) {
  const named = read?.spends?.find((spend) => spend.value === value && spend.kind === kind);
  if (named) return verdict(state, `The entry below names this ${kind} nullifier among its public inputs.`);
  if (burned && read?.kind === "burn") {
    return verdict("open", "By the ledger’s word: the entry below burns fill keys, of which nullifiers are hashes that this page does not compute.");
  }
  return verdict("bad", `The ledger says that the entry below spends this ${kind} nullifier, but it does NOT name it.`);
}

async function byNullifier(view, value, spent) {
  const [first] = spent;
  if (first.index >= view.checkpoint.size) return beyond(view, first.index);
  const shown = await entry(view, first.index);
  const words = spent.map(({ kind, index, burned }) => `${kind} nullifier, ${burned ? "burned" : "spent"} by entry ${index}`);
  const said = `Spent: ${words.join("; ")}. ${shown.said}`;
  const others = spent.slice(1).map(({ kind, index }) => el("p", {}, `Also as a ${kind} nullifier by `, leafLink(index), "."));
  return {
    said,
    parts: [heading("A nullifier that is spent"), el("p", {}, code(value)), spentBy(first, value, shown), others, shown.parts].flat(),
  };
}

export async function byValue(view, value) {
  const found = await ask(`find/${value}`);
  if (Number.isSafeInteger(found.leaf)) {
    const shown = await byLeaf(view, found.leaf);
    const right = !shown.proven || hex(shown.proven.leaf) === value;
    if (right) return shown;
    const words = "The ledger gives an entry for this leaf hash that has ANOTHER hash.";
    return { said: words, parts: [verdict("bad", words), ...shown.parts] };
  }
  if (found.spent?.length > 0) return byNullifier(view, value, found.spent);
  const what = found.field ? "no entry has this leaf hash, and no nullifier of this value is spent" : "no entry has this leaf hash; a nullifier it cannot be, for it is no field element";
  const said = `Not found: ${what}.`;
  return {
    said,
    parts: [
      heading("Not found"),
      el("p", {}, code(value)),
      verdict("open", `By the ledger’s word, among ${plural(found.size, "entry", "entries")}: ${what}.`,
        el("p", {}, "That something is not in the log cannot be seen from one path: an audit reads all of it.")),
    ],
  };
}

