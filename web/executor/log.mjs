// The bounded log: one line each, with everything escaped that a terminal or a log may take for something else.

const LINES_MAX = 256;
const LINE_BYTES_MAX = 1024;
const BYTES_MAX = 64 * 1024;

/** Inclusive ranges: marks of direction, separators of lines, what is invisible. */
const HIDDEN = [
  [0xad, 0xad], [0x61c, 0x61c], [0x180e, 0x180e], [0x200b, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f],
  [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xfff9, 0xfffb], [0xe0000, 0xe0fff],
];
const SHORT = new Map([[9, '\\t'], [10, '\\n'], [13, '\\r'], [92, '\\\\']]);

/** The letter that begins at `at`, and its length; none where there is no UTF-8. */
function letter(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const [length, least] = first >= 0xf0 && first < 0xf8 ? [4, 0x1_0000] : first >= 0xe0 ? [3, 0x800] : [2, 0x80];
  if (first < 0xc0 || first >= 0xf8 || at + length > bytes.length) return undefined;
  let code = first & (0xff >> (length + 1));
  for (let next = at + 1; next < at + length; next += 1) {
    if (bytes[next] >> 6 !== 2) return undefined;
    code = (code << 6) | (bytes[next] & 63);
  }
  const valid = code >= least && code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? [code, length] : undefined;
}

/** A letter as it is shown. */
function shown(code) {
  const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const hidden = control || code === 92 || HIDDEN.some(([from, to]) => code >= from && code <= to);
  if (!hidden) return String.fromCodePoint(code);
  return SHORT.get(code) ?? `\\u{${code.toString(16)}}`;
}

/** Text on one line. */
export function escaped(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = letter(bytes, at) ?? [undefined, 1];
    text += code === undefined ? `\\x${bytes[at].toString(16)}` : shown(code);
    at += length;
  }
  return text;
}

/** It ends with the first line that has no room. */
export class Log {
  lines = [];
  dropped = 0;
  #bytes = 0;

  /** Takes a line, or counts that it was left out. */
  line(level, bytes) {
    if (this.dropped > 0) {
      this.dropped += 1;
      return;
    }
    const text = escaped(bytes.subarray(0, LINE_BYTES_MAX)) + (bytes.length > LINE_BYTES_MAX ? '…' : '');
    const length = new TextEncoder().encode(text).length;
    if (this.lines.length === LINES_MAX || length > BYTES_MAX - this.#bytes) {
      this.dropped += 1;
      return;
    }
    this.#bytes += length;
    this.lines.push({ level, text });
  }
}
