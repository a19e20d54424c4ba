// The page: reads the ledger once, shows it, and answers searches. The address says what is shown (`#leaf=12`,
// `#find=HEX`), so that it can be passed on.

import { kinds, newest, rates, span } from "./activity.js";
import { overall, show } from "./checkpoint.js";
import { Refused } from "./bytes.js";
import { byId, el, verdict } from "./dom.js";
import { byLeaf, byValue, parse } from "./found.js";
import { COSIGNATURE, parseKey } from "./note.js";
import { compare, lines, open, words } from "./reads.js";

let view = null;
/** Counts what is looked for, so that a slow answer does not replace a later one. */
let turn = 0;

function put(id, parts) {
  byId(id).replaceChildren(...parts.flat());
}

function say(text) {
  byId("announce").textContent = text;
}

function showCheckpoint() {
  const { state, words: sentence } = overall(view);
  const box = byId("overall");
  box.dataset.state = state;
  box.textContent = sentence;
  const { origin } = view.checkpoint;
  const development = view.genesis?.read.development;
  const tag = development ? [" ", el("span", { class: "tag" }, "development")] : [];
  byId("origin").replaceChildren(origin, ...tag);
  document.title = `${origin} · medproof ledger`;
  put("checkpoint", show(view));
}

async function read() {
  const button = byId("again");
  button.disabled = true;
  try {
    const before = view;
    const now = await open();
    if (before) now.checks.push(await compare(before, now));
    view = now;
    showCheckpoint();
    put("kinds", kinds(view));
    if (!before) document.querySelector(`[name=span][value=${span(view)}]`).checked = true;
    await Promise.all([showRates(), newest(view).then((parts) => put("newest", parts))]);
  } catch (error) {
    const box = byId("overall");
    box.dataset.state = "bad";
    box.textContent = `The checkpoint cannot be read: ${words(error)}.`;
  }
  button.disabled = false;
}

async function showRates() {
  const period = document.querySelector("[name=span]:checked").value;
  const parts = await rates(period);
  // Another one may have been chosen meanwhile.
  if (document.querySelector("[name=span]:checked").value === period) put("rates", parts);
}

/** What the address asks for, or null. */
function asked() {
  const [name, value] = location.hash.slice(1).split("=", 2);
  return value !== undefined && (name === "leaf" || name === "find") ? decodeURIComponent(value) : null;
}

async function look(text) {
  turn += 1;
  const mine = turn;
  const article = byId("found");
  let result;
  try {
    const query = parse(text);
    say("Looking …");
    if (!view) await reading;
    if (!view) throw new Refused("There is no checkpoint to look under: it could not be read.");
    result = await (query.value ? byValue(view, query.value) : byLeaf(view, query.leaf));
  } catch (error) {
    const short = words(error);
    result = { said: short, parts: [el("h3", { tabindex: "-1" }, "No answer"), verdict("bad", short)] };
  }
  if (mine !== turn) return;
  article.hidden = false;
  article.replaceChildren(...result.parts.flat());
  say(result.said);
  // The heading, not the whole, so that a screen reader begins at the beginning.
  article.querySelector("h3").focus({ preventScroll: true });
  byId("search").scrollIntoView({ block: "start" });
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = byId("query").value.trim().toLowerCase();
  const address = `#${/^[0-9]{1,16}$/u.test(typed) ? "leaf" : "find"}=${encodeURIComponent(typed)}`;
  // The same search again leads to no change of the address.
  if (address === location.hash) look(typed);
  else location.hash = address;
});

addEventListener("hashchange", () => {
  const text = asked();
  if (text === null) return;
  byId("query").value = text;
  look(text);
});

byId("spans").addEventListener("change", showRates);
byId("again").addEventListener("click", read);

byId("keys-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = byId("keys-answer");
  try {
    const typed = byId("keys").value.split("\n").map((line) => line.trim());
    const given = [...new Set(typed)].filter((line) => line !== "");
    const keys = given.map((line) => parseKey(line, COSIGNATURE));
    view.lines = await lines(view, keys);
    showCheckpoint();
    const good = view.lines.filter((line) => line.state === "good");
    const own = keys.filter((key) => good.some((line) => line.name === key.name && line.id === key.id));
    answer.textContent = `${own.length} of your ${keys.length} witnesses have cosigned this checkpoint.`;
  } catch (error) {
    answer.textContent = words(error);
  }
});

const reading = read();
const first = asked();
if (first !== null) {
  byId("query").value = first;
  look(first);
}
