// Elements out of texts; no markup is ever made from a string.

// A name, not an address: nothing is fetched from there.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

/** Bytes as hexadecimal digits that wrap anywhere. */
export const code = (digits) => el("span", { class: "code" }, digits);

export const leafLink = (index, words = `entry ${count(index)}`) => el("a", { href: `#leaf=${index}` }, words);

const grouped = new Intl.NumberFormat("en-GB");
export const count = (n) => grouped.format(n);

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** What was checked: `state` is good, bad or open (not checked). */
export const verdict = (state, words, ...more) => el("div", { class: "verdict", "data-state": state }, words, ...more);

/** A list of `{ state, words }`. */
export const checks = (list) =>
  el("ul", { class: "checks" }, list.map(({ state, words }) => el("li", { "data-state": state }, words)));

/** A table; the first cell of a row is its head, and columns whose names begin with `#` are counts. */
export function table(caption, columns, rows) {
  const place = (i) => (columns[i].startsWith("#") ? { class: "count" } : {});
  const head = columns.map((name, i) => el("th", { scope: "col", ...place(i) }, name.replace("#", "")));
  const line = (row) => {
    const [first, ...rest] = row;
    const cells = rest.map((value, i) => el("td", place(i + 1), value));
    return el("tr", {}, el("th", { scope: "row", ...place(0) }, first), cells);
  };
  return el(
    "table",
    {},
    caption ? el("caption", {}, caption) : null,
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, rows.map(line)),
  );
}
