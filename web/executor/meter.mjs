// Admission and metering: `guest/meter`, the same code as the sandbox's, as WebAssembly.

const text = new TextDecoder();

/** Why a module was refused. */
export class Refused extends Error {
  name = 'Refused';
}

/** The module's own memory may not be enough. */
function admitted(exports, at, length, name) {
  try {
    return exports.meter_admit(at, length, name);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    throw new Refused('the module could not be metered', { cause: error });
  }
}

/** Admits and meters modules. */
export class Meter {
  #module;

  constructor(module) {
    this.#module = module;
  }

  /** Of the bytes of `meter.wasm`. */
  static async load(bytes) {
    return new Meter(await WebAssembly.compile(bytes));
  }

  /** The container of a module under a profile, for `WasmExecutor.load`. */
  admit(bytes, profile) {
    const name = new TextEncoder().encode(profile);
    // A fresh one each time, so that nothing of another module's is in it.
    const { exports } = new WebAssembly.Instance(this.#module);
    const length = name.length + bytes.length;
    const at = exports.meter_alloc(length) >>> 0;
    if (at === 0) throw new Refused('there is no memory for the module');
    const given = new Uint8Array(exports.memory.buffer, at, length);
    given.set(name);
    given.set(bytes, name.length);
    const packed = BigInt.asUintN(64, admitted(exports, at, length, name.length));
    const answer = new Uint8Array(exports.memory.buffer, Number(packed >> 32n), Number(packed & 0xffff_ffffn));
    if (answer[0] !== 1) throw new Refused(text.decode(answer.slice(1)));
    return answer.slice(1);
  }
}
