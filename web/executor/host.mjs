// What a module can call. Nothing that it hands over is believed: pointers and lengths are taken as unsigned and held
// against the memory as it is; gas is taken before anything is done for it.
import { compareBytes, concat, decode, strict } from './cbor.mjs';
import { Log } from './log.mjs';

const EFFECTS_MAX = 1024;
const EFFECTS_BYTES_MAX = 4 * 1024 * 1024;
const KEY_BYTES_MAX = 1024;
const ABSENT = -1;

/** What ends the guest from within a function of the host: `trap` by its name, none if the gas was out. */
export class Stop extends Error {
  constructor(trap) {
    super(trap ?? 'out of gas');
    this.trap = trap;
  }
}

/** What the caller's own state has thrown, which is none of the module's. */
export class Thrown extends Error {}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** What an execution wants changed. */
class Changes {
  effects = [];
  #writes = new Map();
  #bytes = 0;

  effect(effect) {
    this.#room(effect.length);
    this.effects.push(effect);
  }

  write(key, value) {
    this.#room(key.length + (value?.length ?? 0));
    this.#writes.set(hex(key), { key, value });
  }

  /** What is overwritten still counts. */
  #room(bytes) {
    const count = this.effects.length + this.#writes.size;
    if (count >= EFFECTS_MAX || bytes > EFFECTS_BYTES_MAX - this.#bytes) throw new Stop('host-limit');
    this.#bytes += bytes;
  }

  written(key) {
    return this.#writes.get(hex(key));
  }

  /** In the order of their keys. */
  get writes() {
    return [...this.#writes.values()].sort((a, b) => compareBytes(a.key, b.key));
  }
}

/** What the host keeps of an execution. */
export class Host {
  log = new Log();
  changes = new Changes();
  /** The exports, once the module is instantiated. */
  exports = undefined;

  constructor(prices, state) {
    this.prices = prices;
    this.state = state;
  }

  /** The functions, as modules import them from `dagvault`. */
  functions() {
    const prices = this.prices;
    return {
      log: (level, ptr, len) => {
        this.charge(prices.log, len >>> 0);
        this.log.line(Math.min(level >>> 0, 4), this.bytes(ptr, len));
      },
      state_get: (ptr, len, buffer, capacity) => {
        this.charge(prices.state_get, len >>> 0);
        const key = this.key(ptr, len);
        const written = this.changes.written(key);
        const value = written ? written.value : this.seen(key);
        if (!value) return ABSENT;
        this.charge(0, value.length);
        const to = this.bytes(buffer, capacity);
        if (value.length <= to.length) to.set(value);
        return value.length;
      },
      state_set: (key, keyLength, ptr, len) => {
        this.charge(prices.state_set, (keyLength >>> 0) + (len >>> 0));
        const name = this.key(key, keyLength);
        this.changes.write(name, this.bounded(ptr, len));
      },
      state_delete: (ptr, len) => {
        this.charge(prices.state_delete, len >>> 0);
        this.changes.write(this.key(ptr, len), undefined);
      },
      effect: (ptr, len) => {
        this.charge(prices.effect, len >>> 0);
        const effect = this.bounded(ptr, len);
        if (!strict(() => decode(effect))) throw new Stop('effect');
        this.changes.effect(effect);
      },
    };
  }

  /** Takes a price with that of so many bytes; below zero it is out, as the bytecode has it. */
  charge(price, bytes) {
    const gas = this.exports['dv:gas'];
    const left = gas.value < 0n ? 0n : gas.value;
    // Far below 2^53: prices have 30 bits, lengths 32, and 64 bytes cost one.
    const after = left - BigInt(price + this.prices.per_64_bytes * Math.ceil(bytes / 64));
    gas.value = after < 0n ? -1n : after;
    if (after < 0n) throw new Stop();
  }

  /** Bytes of the memory, which are the module's. */
  bytes(ptr, len) {
    const [from, length] = [ptr >>> 0, len >>> 0];
    const { buffer } = this.exports.memory;
    if (from + length > buffer.byteLength) throw new Stop('pointer');
    return new Uint8Array(buffer, from, length);
  }

  key(ptr, len) {
    if (len >>> 0 > KEY_BYTES_MAX) throw new Stop('host-limit');
    return this.bytes(ptr, len).slice();
  }

  bounded(ptr, len) {
    const bytes = this.bytes(ptr, len);
    if (bytes.length > EFFECTS_BYTES_MAX) throw new Stop('host-limit');
    return bytes.slice();
  }

  /** The caller's value of a key; its slips are told to the caller. */
  seen(key) {
    try {
      const value = this.state?.(key.slice());
      if (value === undefined || value === null) return undefined;
      if (!(value instanceof Uint8Array)) throw new TypeError('the state answered no Uint8Array');
      return concat([value]);
    } catch (cause) {
      throw new Thrown('the state has thrown', { cause });
    }
  }
}
