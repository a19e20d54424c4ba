// The log as RFC 6962 and C2SP tlog-tiles have it: hashes out of tiles, inclusion proofs, and whether one tree
// is the beginning of another. Nothing of a tile is believed: what counts is whether it leads to a root.

import { ensure } from "./bytes.js";
import { sha256 } from "./sha256.js";

const WIDTH = 256;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (entry) => sha256(LEAF, entry);
const nodeHash = (left, right) => sha256(NODE, left, right);

/** The largest power of two below `n` (2 or more). */
function split(n) {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

const isPowerOfTwo = (n) => Number.isInteger(Math.log2(n)) && 2 ** Math.log2(n) === n;

/** Path of a tile: `level` is a number or "entries"; a partial tile names its width. */
export function tilePath(level, index, width) {
  const elements = [];
  let rest = index;
  do {
    elements.unshift(String(rest % 1000).padStart(3, "0"));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  const number = elements.map((e, i) => (i + 1 < elements.length ? `x${e}` : e)).join("/");
  return `tile/${level}/${number}${width < WIDTH ? `.p/${width}` : ""}`;
}

/** The tree of `size` leaves (1 or more), as tiles show it. `fetchBytes` gives what a path leads to. */
export class Tree {
  #tiles = new Map();
  #fetchBytes;

  constructor(size, fetchBytes) {
    this.size = size;
    this.#fetchBytes = fetchBytes;
  }

  #tile(level, index) {
    const count = level === "entries" ? this.size : Math.floor(this.size / WIDTH ** level);
    const width = Math.min(WIDTH, count - WIDTH * index);
    const path = tilePath(level, index, width);
    const read = async () => ({ path, width, bytes: await this.#fetchBytes(path) });
    if (!this.#tiles.has(path)) this.#tiles.set(path, read());
    return this.#tiles.get(path);
  }

  /** Hash of the complete subtree of `2^level` leaves that is the `index`-th of its level. */
  async node(level, index) {
    const above = Math.floor(level / 8);
    const width = 2 ** (level % 8);
    const first = index * width;
    const { path, width: hashes, bytes } = await this.#tile(above, Math.floor(first / WIDTH));
    ensure(bytes.length === 32 * hashes, `${path} has ${bytes.length} bytes, not ${32 * hashes}`);
    const from = 32 * (first % WIDTH);
    let row = Array.from({ length: width }, (_, i) => bytes.slice(from + 32 * i, from + 32 * (i + 1)));
    while (row.length > 1) {
      row = row.filter((_, i) => i % 2 === 0).map((left, i) => nodeHash(left, row[2 * i + 1]));
    }
    return row[0];
  }

  /** Hash over the leaves `from` to `to` (a subtree as section 2.1 cuts them). */
  async range(from, to) {
    const width = to - from;
    if (isPowerOfTwo(width)) return this.node(Math.log2(width), from / width);
    const k = split(width);
    const [left, right] = await Promise.all([this.range(from, from + k), this.range(from + k, to)]);
    return nodeHash(left, right);
  }

  /** Inclusion proof of a leaf, the hash beside it first (section 2.1.1). */
  async inclusionProof(index) {
    const proof = [];
    let [from, to] = [0, this.size];
    while (to - from > 1) {
      const middle = from + split(to - from);
      if (index < middle) {
        proof.unshift(this.range(middle, to));
        to = middle;
      } else {
        proof.unshift(this.range(from, middle));
        from = middle;
      }
    }
    return Promise.all(proof);
  }

  /**
   * The roots of the first `old` leaves and of all, both from the same hashes (what a consistency proof is made of):
   * if each is the root that was signed, the one tree is the beginning of the other.
   */
  async roots(old) {
    const hashes = new Map();
    const collect = async (from, to) => {
      const width = to - from;
      if (isPowerOfTwo(width) && from % width === 0 && (to <= old || from >= old)) {
        hashes.set(`${from} ${to}`, await this.range(from, to));
        return;
      }
      const middle = from + split(width);
      await Promise.all([collect(from, middle), collect(middle, to)]);
    };
    await collect(0, this.size);
    const root = (from, to) => {
      const hash = hashes.get(`${from} ${to}`);
      if (hash) return hash;
      const middle = from + split(to - from);
      return nodeHash(root(from, middle), root(middle, to));
    };
    return [root(0, old), root(0, this.size)];
  }

  /** The entries of a bundle: 256 from `256 * index` on, or what there is. */
  async entries(index) {
    const { path, width, bytes } = await this.#tile("entries", index);
    const entries = [];
    let at = 0;
    while (at < bytes.length) {
      const length = at + 2 <= bytes.length ? bytes[at] * 256 + bytes[at + 1] : Infinity;
      ensure(at + 2 + length <= bytes.length, `${path} is cut off`);
      entries.push(bytes.slice(at + 2, at + 2 + length));
      at += 2 + length;
    }
    ensure(entries.length === width, `${path} has ${entries.length} entries, not ${width}`);
    return entries;
  }

  async entry(index) {
    return (await this.entries(Math.floor(index / WIDTH)))[index % WIDTH];
  }
}

/** The root to which a proof leads from a leaf (RFC 9162, section 2.1.3.2). */
export function rootOf(index, size, leaf, proof) {
  ensure(index < size, "the entry is not in the tree");
  let [at, last, hash] = [index, size - 1, leaf];
  const up = () => {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  };
  for (const beside of proof) {
    ensure(last !== 0, "the inclusion proof is too long");
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(beside, hash);
      while (at % 2 === 0 && at !== 0) up();
    } else {
      hash = nodeHash(hash, beside);
    }
    up();
  }
  ensure(last === 0, "the inclusion proof is too short");
  return hash;
}
