// Runs modules of ABI 1 as the sandbox does: the same outcome, output and gas. `docs/modules.md` says what is not here.
import { decode, encode, strict } from './cbor.mjs';
import { check, read } from './container.mjs';
import { Host, Stop, Thrown } from './host.mjs';
import { segmentTrap, trapOf, withPlaces } from './traps.mjs';

const INPUT_BYTES_MAX = 4 * 1024 * 1024;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
/** Gas of an execution whose profile has no limit of it. */
const ENDLESS_GAS = 2 ** 50;
/** The module had no memory for its input. */
const NO_MEMORY = Symbol('no memory');

/** The input of ABI 1. */
function inputOf({ input, request, rules, nowMs, seed }) {
  if (input !== undefined) return input;
  const map = { request };
  if (rules !== undefined) map.rules = rules;
  if (nowMs !== undefined) map.now_ms = nowMs;
  if (seed !== undefined) {
    if (!(seed instanceof Uint8Array) || seed.length !== 32) throw new TypeError('the seed has not 32 bytes');
    map.seed = seed;
  }
  return encode(map);
}

/** What a module answered; none if it is not of the form. */
function answerOf(output) {
  const answer = strict(() => decode(output))?.value;
  if (answer === null || typeof answer !== 'object' || Object.getPrototypeOf(answer) !== Object.prototype) {
    return undefined;
  }
  const known = Object.keys(answer).every((key) => ['ok', 'value', 'reason'].includes(key));
  const typed = typeof answer.ok === 'boolean' && ['undefined', 'string'].includes(typeof answer.reason);
  // A reason that is there is a text.
  return known && Object.hasOwn(answer, 'ok') && typed ? answer : undefined;
}

/** One execution, in an instance of its own. */
class Execution {
  constructor(executor, gas, state) {
    this.executor = executor;
    this.asked = BigInt(gas);
    this.host = new Host(executor.head.host, state);
  }

  run(op, input) {
    try {
      const imports = { dagvault: this.host.functions() };
      this.exports = new WebAssembly.Instance(this.executor.module, imports).exports;
    } catch (error) {
      const trap = segmentTrap(error);
      if (!trap) throw error;
      return this.done({ outcome: 'trap', trap }, 0n);
    }
    this.host.exports = this.exports;
    this.exports['dv:gas'].value = this.asked;
    this.exports['dv:stack'].value = this.executor.head.stack;
    let ended;
    try {
      ended = { ...this.answer(op, input), left: this.exports['dv:gas'].value };
    } catch (error) {
      ended = this.fault(error);
    }
    // The gas may have been out before it ended in another way.
    if (ended.left < 0n) return this.done({ outcome: 'out-of-gas' }, this.asked);
    const { left, ...of } = ended;
    return this.done(of, this.asked - left);
  }

  /** The start function, the initialisation, the function itself. */
  answer(op, input) {
    const { exports, executor } = this;
    for (const first of ['dv:start', '_initialize']) if (executor.typed.get(first) === ':') exports[first]();
    const ptr = exports.alloc(input.length) >>> 0;
    if (ptr === 0) throw NO_MEMORY;
    this.taken(ptr, input.length).set(input);
    const packed = BigInt.asUintN(64, exports.run(op, ptr, input.length));
    const [at, length] = [Number(packed >> 32n), Number(packed & 0xffff_ffffn)];
    if (length > OUTPUT_BYTES_MAX) return { outcome: 'trap', trap: 'output' };
    const output = this.taken(at, length).slice();
    exports.dealloc(at, length);
    const answer = answerOf(output);
    if (!answer) return { outcome: 'trap', trap: 'output' };
    return { outcome: answer.ok ? 'ok' : 'reject', output, value: answer.value, reason: answer.reason };
  }

  /** Bytes of the memory that the module has named; out of it, that is a trap whatever its memory was. */
  taken(ptr, len) {
    try {
      return this.host.bytes(ptr, len);
    } catch (stop) {
      stop.ours = true;
      throw stop;
    }
  }

  /** What an ending comes to that is no return; negative `left`: the gas was out. */
  fault(error) {
    const left = this.exports['dv:gas'].value;
    const full = this.exports['dv:full'].value !== 0;
    const of = (trap) => (full ? { outcome: 'memory-limit' } : { outcome: 'trap', trap });
    if (error === NO_MEMORY) return { outcome: 'memory-limit', left };
    if (error instanceof Stop) {
      if (error.trap === undefined) return { left: -1n };
      return { ...(error.ours ? { outcome: 'trap', trap: error.trap } : of(error.trap)), left };
    }
    if (error instanceof Thrown) throw error.cause;
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    // Before the place of the trap is asked for: the metered module traps itself then.
    if (left < 0n) return { left };
    if (this.exports['dv:stack'].value < 0) return { outcome: 'trap', trap: 'stack-exhausted', left };
    const { kind, name, place } = trapOf(error);
    return { ...of(name), left: left + this.executor.refunds.at(place, kind) };
  }

  done({ outcome, trap, output, value, reason }, gas) {
    const { changes, log } = this.host;
    const kept = outcome === 'ok';
    return {
      outcome,
      ...(trap === undefined ? {} : { trap }),
      output: output ?? new Uint8Array(),
      ...(value === undefined ? {} : { value }),
      ...(reason === undefined ? {} : { reason }),
      effects: kept ? changes.effects : [],
      writes: kept ? changes.writes : [],
      logs: log.lines,
      logsDropped: log.dropped,
      gas: Number(gas),
    };
  }
}

/** A module that is ready to run. */
export class WasmExecutor {
  constructor(module, container) {
    this.module = module;
    this.head = container.head;
    this.functions = container.functions;
    this.refunds = container.refunds;
    this.typed = container.typed;
  }

  /** Compiles the module of a container, which is believed: it is to come from `Meter.admit`. */
  static async load(bytes) {
    const container = read(bytes);
    const module = await WebAssembly.compile(container.metered);
    check(module, container.typed);
    return new WasmExecutor(module, container);
  }

  /** Admits, meters and compiles a module. */
  static async admit(meter, bytes, profile) {
    return WasmExecutor.load(meter.admit(bytes, profile));
  }

  /** The profile that it was admitted under. */
  get profile() {
    return this.head.profile;
  }

  /** The version of the gas schedule. */
  get schedule() {
    return this.head.schedule;
  }

  /** Runs it, in an instance that nothing ran in before. Throws where nothing was executed. */
  execute(call) {
    const gas = this.#gas(call.gas);
    const input = inputOf(call);
    if (!(input instanceof Uint8Array)) throw new TypeError('the input is no Uint8Array');
    if (input.length > INPUT_BYTES_MAX) throw new RangeError(`the input has ${input.length} bytes, too many`);
    const op = this.#number(call);
    return withPlaces(() => new Execution(this, gas, call.state).run(op, input));
  }

  #gas(asked) {
    const { gas } = this.head;
    const given = asked ?? (gas ? gas.default : ENDLESS_GAS);
    if (!Number.isSafeInteger(given) || given < 0) throw new RangeError('the gas is no whole number');
    if (gas && given > gas.max) throw new RangeError(`${given} gas was asked for; the profile allows ${gas.max}`);
    return Math.min(given, ENDLESS_GAS);
  }

  /** By its number or its name; the first if nothing is said. */
  #number({ op, function: name }) {
    const number = name === undefined ? (op ?? 0) : (this.functions ?? []).indexOf(name);
    const count = this.functions?.length ?? 1;
    if (!Number.isInteger(number) || number < 0 || number >= count) {
      throw new RangeError('the module has no such function');
    }
    return number;
  }
}
