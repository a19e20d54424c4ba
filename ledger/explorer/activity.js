// What happens on the ledger: entries over time, by kind, and the newest ones.

import { utc } from "./bytes.js";
import { KINDS, MEANING, NULLIFIERS, decode, titled } from "./entry.js";
import { code, count, el, leafLink, plural, svg, table } from "./dom.js";
import { ask, words } from "./reads.js";

/** Newest entries that are listed. */
const NEWEST = 12;

/** The shortest period that holds the whole log, to begin with. */
export function span({ genesis, seal }) {
  if (!genesis || !seal) return "all";
  const age = seal.read.time - genesis.read.time;
  if (age <= 3600) return "hour";
  return age <= 86_400 ? "day" : "week";
}

function length(seconds) {
  for (const [unit, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    if (seconds % size === 0) return plural(seconds / size, unit);
  }
  return plural(seconds, "second");
}

/** Entries in each step, seals left out: `{ from, to, entries, batches }`. */
function stepsOf(points) {
  return points.slice(1).map((to, i) => {
    const from = points[i];
    const batches = to.batches - from.batches;
    return { from: from.time, to: to.time, entries: to.size - from.size - batches, batches };
  });
}

export async function rates(period) {
  let answer;
  try {
    answer = await ask(`rates/${period}`);
  } catch (error) {
    return [el("p", { class: "verdict", "data-state": "bad" }, `No figures: ${words(error)}.`)];
  }
  const steps = stepsOf(answer.points);
  const most = Math.max(1, ...steps.map((step) => step.entries));
  const entries = steps.reduce((sum, step) => sum + step.entries, 0);
  const batches = steps.reduce((sum, step) => sum + step.batches, 0);
  const [first, last] = [steps[0].from, steps.at(-1).to];
  const told = `${plural(entries, "entry", "entries")} in ${plural(batches, "batch", "batches")} (seals not counted), in steps of ${length(answer.step)}.`;
  const bars = steps.map(({ entries: n }, i) =>
    svg("rect", { x: 10 * i + 1, width: 8, y: 100 - (100 * n) / most, height: (100 * n) / most }),
  );
  const label = `Bars: ${told} At most ${count(most)} in one step. The same figures are in the table below.`;
  const busy = steps.filter((step) => step.batches > 0);
  return [
    el(
      "div",
      { class: "plot" },
      el("span", { class: "most", "aria-hidden": "true" }, `${count(most)} in ${length(answer.step)}`),
      svg("svg", { viewBox: `0 0 ${10 * steps.length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": label }, bars),
    ),
    el("p", { class: "ends" }, el("span", {}, utc(first)), el("span", {}, utc(last))),
    el("figcaption", {}, `${told} The period ends with the last seal, by the ledger’s clock; the counts are the ledger’s word.`),
    el(
      "details",
      {},
      el("summary", {}, "Figures"),
      el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures of the plot" },
        table("Steps in which a batch was sealed, newest first", ["Up to", "#Entries", "#Batches"],
          busy.reverse().map((step) => [utc(step.to), count(step.entries), count(step.batches)])),
      ),
    ),
  ];
}

export function kinds({ summary, seal, checkpoint }) {
  const parts = [];
  if (summary) {
    const counts = KINDS.map((kind) => summary.kinds?.[kind] ?? 0);
    const most = Math.max(1, ...counts);
    const sum = counts.reduce((total, n) => total + n, 0);
    const bar = (n) =>
      svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { width: (100 * n) / most, height: 10 }));
    const rows = KINDS.map((kind, i) => [el("span", { title: MEANING[kind] }, kind), bar(counts[i]), count(counts[i])]);
    parts.push(table(`All ${plural(summary.size, "entry", "entries")} since the ledger began, by the ledger’s word`, ["Kind", "Share", "#Entries"], rows));
    if (sum !== summary.size) {
      parts.push(el("p", { class: "verdict", "data-state": "bad" }, `The counts add up to ${count(sum)}, not to ${count(summary.size)}.`));
    }
  } else {
    parts.push(el("p", { class: "verdict", "data-state": "open" }, "The ledger gives no counts."));
  }
  if (seal) {
    const rows = NULLIFIERS.map((kind, i) => [kind, count(seal.read.nullifiers[i])]);
    parts.push(
      el("h3", {}, "Nullifiers spent"),
      table(`In the last seal, leaf ${checkpoint.size - 1} under this checkpoint`, ["Kind", "#Spent"], rows),
    );
  }
  return parts;
}

export async function newest(view) {
  const { tree, checkpoint, circuits } = view;
  const last = checkpoint.size - 1;
  const rows = [];
  try {
    for (let index = last; index >= 0 && rows.length < NEWEST; index -= 1) {
      const bytes = await tree.entry(index);
      let what;
      try {
        what = titled(decode(bytes, circuits));
      } catch (error) {
        what = code(words(error));
      }
      rows.push([leafLink(index, String(index)), what, count(bytes.length)]);
    }
  } catch (error) {
    return [el("p", { class: "verdict", "data-state": "bad" }, `The newest entries cannot be read: ${words(error)}.`)];
  }
  return [table("Open one to check its inclusion", ["Leaf", "Kind", "#Bytes"], rows)];
}
