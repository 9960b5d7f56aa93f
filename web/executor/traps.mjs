// What V8 says of a trap: its kind by the message, its place by the stack.

/** The engine does not say what the gas of a trap is found by. */
export class EngineError extends Error {
  name = 'EngineError';
}

const [MEMORY, TABLE, NUMBER, UNREACHABLE] = [0, 1, 2, 3];

// Two messages of V8's are for two kinds each.
const TRAPS = [
  [/^unreachable$/, UNREACHABLE, 'unreachable'],
  [/^memory access out of bounds$|data segment out of bounds/, MEMORY, 'memory-out-of-bounds'],
  [/^table index is out of bounds$/, TABLE, 'table-out-of-bounds'],
  [/^(table|element) .*out of bounds/, TABLE, 'table-out-of-bounds'],
  [/^null function or function signature|^indirect call signature/, TABLE, 'indirect-call'],
  [/^(divide|remainder) by zero$/, NUMBER, 'integer-division-by-zero'],
  [/^divide result unrepresentable$/, NUMBER, 'integer-overflow'],
  [/^float unrepresentable in integer range$/, NUMBER, 'float-to-integer'],
];

/** Runs with errors that tell one frame, whatever the page has set. */
export function withPlaces(run) {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = undefined;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}

/** What a trap is called, how it gives back, and where it is; to be asked within `withPlaces`. */
export function trapOf(error) {
  const known = TRAPS.find(([pattern]) => pattern.test(error.message));
  // The end of the only frame: a name of the module's own may stand before it.
  const place = /wasm-function\[\d+\]:0x([0-9a-f]+)\)?$/.exec(error.stack ?? '');
  if (!known || !place) {
    throw new EngineError(`the gas of a trap is not known in this engine, which says: ${error.message}`);
  }
  return { kind: known[1], name: known[2], place: Number.parseInt(place[1], 16) };
}

/** The table that says what has to be added to the counter where. */
export class Refunds {
  #places = [];

  constructor(bytes) {
    if (bytes.length % 13 !== 0) throw new TypeError('the refunds of the container are no table');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 13) {
      const [offset, kind] = [view.getUint32(at, true), view.getUint8(at + 4)];
      const place = { offset, kind, refund: view.getBigInt64(at + 5, true) };
      if (place.kind > UNREACHABLE || place.offset < (this.#places.at(-1)?.offset ?? 0)) {
        throw new TypeError('the refunds of the container are no table');
      }
      this.#places.push(place);
    }
  }

  /** That of the last instruction at or before the place that can trap in this way. */
  at(offset, kind) {
    let [from, to] = [0, this.#places.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#places[middle].offset <= offset) from = middle + 1;
      else to = middle;
    }
    for (let at = from - 1; at >= 0; at -= 1) if (this.#places[at].kind === kind) return this.#places[at].refund;
    return 0n;
  }
}

/** The trap of a segment that does not fit when a module is instantiated; none if it is something else. */
export function segmentTrap(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return undefined;
  if (/data segment/.test(error.message)) return 'memory-out-of-bounds';
  return /element segment|table/.test(error.message) ? 'table-out-of-bounds' : undefined;
}
