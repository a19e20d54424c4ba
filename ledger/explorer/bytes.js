// Bytes and their spellings. Every reader refuses what it would not have written.

/** What does not fit its format, or does not lead where it should: the message is shown as it is. */
export class Refused extends Error {}

export function ensure(condition, message) {
  if (!condition) throw new Refused(message);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export const utf8 = (text) => encoder.encode(text);

export function text(bytes, what) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Refused(`${what} is not UTF-8`);
  }
}

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(digits) {
  ensure(/^([0-9a-f]{2})*$/u.test(digits), "not hexadecimal");
  return Uint8Array.from(digits.match(/../gu) ?? [], (pair) => parseInt(pair, 16));
}

export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

export function unbase64(encoded, what) {
  let out;
  try {
    out = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  } catch {
    throw new Refused(`${what} is not base64`);
  }
  // atob also takes spaces and spare bits.
  ensure(base64(out) === encoded, `${what} is not canonical base64`);
  return out;
}

/** A big-endian number of up to 8 bytes; beyond 2^53 it would not be exact, and is refused. */
export function number(bytes, what) {
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  ensure(value <= BigInt(Number.MAX_SAFE_INTEGER), `${what} is above 2^53 - 1`);
  return Number(value);
}

/** A tree size, index or count in decimal, in its only spelling. */
export function decimal(digits, what) {
  ensure(/^(0|[1-9][0-9]*)$/u.test(digits), `${what} is not a number`);
  const value = Number(digits);
  ensure(Number.isSafeInteger(value), `${what} is above 2^53 - 1`);
  return value;
}

/** Unix seconds as a date and time of day, in UTC. */
export function utc(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `second ${seconds} of Unix time`;
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
