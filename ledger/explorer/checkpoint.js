// The checkpoint with its signatures, and the verdict over all of it.

import { hex, utc } from "./bytes.js";
import { checks, code, count, el, plural } from "./dom.js";
import { NOT_HERE } from "./reads.js";

const fact = (name, ...value) => [el("dt", {}, name), el("dd", {}, ...value)];

/** A line under the checkpoint: whose, by which key, and what was found. */
function signature({ name, id, state, words, time }) {
  const given = time === undefined ? [] : [", given ", el("span", { class: "when" }, utc(time))];
  return { state, words: el("span", {}, el("b", {}, name), " ", code(id), el("br"), words, given) };
}

/** How many witnesses have cosigned, against what the ledger says it asks for. */
function quorum({ lines, summary }) {
  const good = lines.filter((line) => line.witness && line.state === "good");
  // A witness whose line stands there twice is one witness.
  const cosigned = new Set(good.map(({ name, id }) => `${name}+${id}`)).size;
  const unchecked = lines.filter((line) => line.state === "open").length;
  const asked = summary?.witnesses?.length ?? 0;
  if (asked === 0 && cosigned === 0) {
    return { state: "open", words: "This ledger names no witnesses. Nobody but the ledger vouches that all see one history." };
  }
  const words = `${plural(cosigned, "cosignature")} of witnesses hold${cosigned === 1 ? "s" : ""}; this ledger names ${count(asked)} and shows checkpoints with ${count(summary?.quorum ?? 0)}.`;
  const enough = cosigned > 0 && cosigned >= (summary?.quorum ?? 0);
  if (enough) return { state: "good", words };
  return { state: "open", words: unchecked ? `${words} ${plural(unchecked, "line")} could not be checked.` : words };
}

/** Everything that was found about a checkpoint. */
export const findings = (view) => [
  ...view.checks,
  ...view.lines
    .filter((line) => line.witness && line.state === "bad")
    .map((line) => ({ state: "bad", words: `The cosignature of ${line.name} does NOT hold.` })),
  quorum(view),
];

/** One sentence over all findings. */
export function overall(view) {
  const found = view.checks;
  const bad = findings(view).filter(({ state }) => state === "bad");
  if (bad.length > 0) return { state: "bad", words: `Something does NOT hold: ${bad[0].words}` };
  const size = plural(view.checkpoint.size, "entry", "entries");
  if (found.some(({ state }) => state === "open")) {
    const unsigned = found.some(({ words }) => words === NOT_HERE);
    const why = unsigned ? "signatures were not checked in this browser." : "not everything could be checked.";
    return { state: "open", words: `${size}; hashes agree, ${why}` };
  }
  return { state: "good", words: `${size} under a checkpoint that the log has signed.` };
}

export function show(view) {
  const { checkpoint, seal, genesis, lines, read } = view;
  return [
    el(
      "dl",
      {},
      fact("Entries", count(checkpoint.size)),
      fact("Root hash", code(hex(checkpoint.root))),
      seal ? fact("Last seal, by the ledger’s clock", utc(seal.read.time)) : [],
      view.ledgerId ? fact("Ledger id (compare it with the one that you were given)", code(view.ledgerId)) : [],
      genesis ? fact("Begun", utc(genesis.read.time)) : [],
      fact("Read by this page", utc(Math.floor(read.getTime() / 1000))),
    ),
    el("h3", {}, "Checked in your browser"),
    checks(findings(view)),
    el("h3", {}, "Signatures under the checkpoint"),
    checks(lines.map(signature)),
  ];
}
