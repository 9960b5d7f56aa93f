// Strict dag-cbor: one encoding for each value, and nothing else is read. There are no floats.

/** Levels of arrays and maps. */
const DEPTH_MAX = 64;
const UINT_MAX = (1n << 64n) - 1n;

/** What is no strict dag-cbor, or no value of it. */
export class CborError extends Error {
  name = 'CborError';
}

/** A link: the bytes of a CID. */
export class Link {
  constructor(cid) {
    if (!(cid instanceof Uint8Array) || cid.length === 0) throw new CborError('a link is the bytes of a CID');
    this.cid = cid;
  }
}

const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Shorter first, then by their bytes. */
function byLength(a, b) {
  if (a.length !== b.length) return a.length - b.length;
  return compareBytes(a, b);
}

/** By their bytes. */
export function compareBytes(a, b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

/** Puts parts into one array. */
export function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function head(major, number) {
  const first = major << 5;
  if (number < 24) return Uint8Array.of(first | Number(number));
  const [info, count] =
    number < 0x100 ? [24, 1] : number < 0x1_0000 ? [25, 2] : number < 0x1_0000_0000 ? [26, 4] : [27, 8];
  const bytes = new Uint8Array(1 + count);
  bytes[0] = first | info;
  let rest = BigInt(number);
  for (let at = count; at > 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function string(value) {
  // A half of a pair would silently become another letter.
  if (/\p{Surrogate}/u.test(value)) throw new CborError('a text has half of a surrogate pair');
  return utf8.encode(value);
}

function number(value) {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new CborError('a number is no whole one below 2^53; larger ones are written as BigInt');
    }
    return value >= 0 ? head(0, value) : head(1, -1 - value);
  }
  const above = value >= 0n ? value : -1n - value;
  if (above > UINT_MAX) throw new CborError('a number has more than 64 bits');
  return head(value >= 0n ? 0 : 1, above);
}

function entries(value) {
  if (value instanceof Map) return [...value];
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new CborError('an object is no plain one');
  return Object.entries(value);
}

function write(value, parts, depth) {
  if (value === null) return parts.push(Uint8Array.of(0xf6));
  if (typeof value === 'boolean') return parts.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  if (typeof value === 'number' || typeof value === 'bigint') return parts.push(number(value));
  if (typeof value === 'string') {
    const bytes = string(value);
    return parts.push(head(3, bytes.length), bytes);
  }
  if (typeof value !== 'object') throw new CborError(`a value is ${typeof value}`);
  if (value instanceof Uint8Array) return parts.push(head(2, value.length), value.slice());
  if (value instanceof Link) {
    return parts.push(Uint8Array.of(0xd8, 42), head(2, value.cid.length + 1), Uint8Array.of(0), value.cid.slice());
  }
  if (depth === DEPTH_MAX) throw new CborError(`it nests deeper than ${DEPTH_MAX}`);
  if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const item of value) write(item, parts, depth + 1);
    return parts.length;
  }
  const sorted = entries(value).map(([key, item]) => {
    if (typeof key !== 'string') throw new CborError('a key is no text');
    return [string(key), item];
  });
  sorted.sort(([a], [b]) => byLength(a, b));
  parts.push(head(5, sorted.length));
  for (const [key, item] of sorted) {
    parts.push(head(3, key.length), key);
    write(item, parts, depth + 1);
  }
  return parts.length;
}

/** The bytes of a value. */
export function encode(value) {
  const parts = [];
  write(value, parts, 0);
  return concat(parts);
}

/** Reads one value, of which all the bytes are. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    if (count > this.bytes.length - this.at) throw new CborError('the bytes end too early');
    this.at += Number(count);
    return this.bytes.subarray(this.at - Number(count), this.at);
  }

  /** The number of a head, in its shortest form: a BigInt only where it has to be. */
  head() {
    const info = this.take(1)[0] & 31;
    if (info < 24) return info;
    if (info > 27) throw new CborError('a length is not of the strict form');
    const count = 1 << (info - 24);
    const value = this.take(count).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const least = [24n, 0x100n, 0x1_0000n, 0x1_0000_0000n][info - 24];
    if (value < least) throw new CborError('a number is not in its shortest form');
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  string(major) {
    if (this.bytes[this.at] >> 5 !== major) throw new CborError('a value is of another type');
    return this.take(this.head());
  }

  text() {
    try {
      return text.decode(this.string(3).slice());
    } catch (error) {
      // What the decoder throws; nothing else is the text's fault.
      if (error instanceof TypeError) throw new CborError('a text is no UTF-8');
      throw error;
    }
  }

  value(depth) {
    if (this.at >= this.bytes.length) throw new CborError('the bytes end too early');
    const first = this.bytes[this.at];
    switch (first >> 5) {
      case 0:
        return this.head();
      case 1: {
        const above = this.head();
        if (typeof above === 'bigint') return -1n - above;
        return above === Number.MAX_SAFE_INTEGER ? -1n - BigInt(above) : -1 - above;
      }
      case 2:
        return this.string(2).slice();
      case 3:
        return this.text();
      case 4:
      case 5: {
        const count = this.head();
        if (count > this.bytes.length - this.at) throw new CborError('the bytes end too early');
        if (depth === DEPTH_MAX) throw new CborError(`it nests deeper than ${DEPTH_MAX}`);
        return first >> 5 === 4 ? this.array(count, depth) : this.map(count, depth);
      }
      case 6: {
        if (this.take(1)[0] !== 0xd8 || this.take(1)[0] !== 42) throw new CborError('a tag is not 42');
        const cid = this.string(2);
        if (cid.length < 2 || cid[0] !== 0) throw new CborError('a link has no CID');
        return new Link(cid.slice(1));
      }
      default:
        this.at += 1;
        if (first === 0xf4 || first === 0xf5) return first === 0xf5;
        if (first === 0xf6) return null;
        throw new CborError('a value is of another type');
    }
  }

  array(count, depth) {
    const items = [];
    for (let left = count; left > 0; left -= 1) items.push(this.value(depth + 1));
    return items;
  }

  map(count, depth) {
    const map = {};
    let last;
    for (let left = count; left > 0; left -= 1) {
      const begin = this.at;
      const name = this.text();
      this.at = begin;
      const key = this.string(3);
      if (last && byLength(last, key) >= 0) throw new CborError('keys are not in their order');
      last = key;
      const value = this.value(depth + 1);
      // `__proto__` is a name like others.
      Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return map;
  }
}

/** Runs `read`, and answers nothing where it finds bytes that are not strict. */
export function strict(read) {
  try {
    return { value: read() };
  } catch (error) {
    // The engine's own stack, or its memory, is no fault of the bytes.
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

/** The value of strict bytes. */
export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new CborError('there is more behind the value');
  return value;
}
