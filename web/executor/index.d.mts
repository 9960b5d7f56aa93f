/** Whole numbers only; `bigint` beyond 2^53, up to 64 bits. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Link
  | readonly Value[]
  | { readonly [key: string]: Value }
  | ReadonlyMap<string, Value>;

/** A value as it is read: maps are objects. */
export type Read = null | boolean | number | bigint | string | Uint8Array | Link | Read[] | { [key: string]: Read };

/** What is no strict dag-cbor, or no value of it. */
export class CborError extends Error {}

/** A link: the bytes of a CID. */
export class Link {
  constructor(cid: Uint8Array);
  readonly cid: Uint8Array;
}

/** The strict dag-cbor of a value; throws a `CborError`. */
export function encode(value: Value): Uint8Array;

/** The value of strict dag-cbor; throws a `CborError`. */
export function decode(bytes: Uint8Array): Read;

/** Why a module was refused. */
export class Refused extends Error {}

/** The engine does not say what the gas of a trap is found by: nothing is known of this execution's gas. */
export class EngineError extends Error {}

export type Profile = 'validator' | 'intent' | 'policy' | 'waf' | 'edge' | 'sealed' | 'zk';

/** Admits and meters modules. */
export class Meter {
  private constructor();
  /** Of the bytes of `meter.wasm`, which `cargo xtask guest` builds. */
  static load(bytes: BufferSource): Promise<Meter>;
  /** The container of a module under a profile; throws `Refused`. */
  admit(bytes: Uint8Array, profile: Profile): Uint8Array;
}

/** `indirect-call` is of null or of another type, `float-to-integer` is NaN or too large: V8 does not say which. */
export type Trap =
  | 'unreachable'
  | 'memory-out-of-bounds'
  | 'table-out-of-bounds'
  | 'indirect-call'
  | 'integer-overflow'
  | 'integer-division-by-zero'
  | 'float-to-integer'
  | 'stack-exhausted'
  | 'pointer'
  | 'output'
  | 'effect'
  | 'host-limit';

/** What is asked of a module: `input`, or what it is made of. */
export interface Call {
  /** The number of the function; the first if neither this nor `function` is said. */
  op?: number;
  /** Its name. */
  function?: string;
  request?: Value;
  rules?: Value;
  /** Milliseconds since 1970. */
  nowMs?: number | bigint;
  /** 32 bytes. */
  seed?: Uint8Array;
  /** The input as the module gets it, strict dag-cbor, instead of the four. */
  input?: Uint8Array;
  /** The gas that it may use; the profile's default if nothing is said. */
  gas?: number;
  /** The state that it sees; none if nothing is said. */
  state?: (key: Uint8Array) => Uint8Array | null | undefined;
}

/** What an execution came to. */
export interface Execution {
  outcome: 'ok' | 'reject' | 'trap' | 'out-of-gas' | 'memory-limit';
  /** With the outcome `trap`. */
  trap?: Trap;
  /** What the module answered, as it wrote it; empty unless the outcome is `ok` or `reject`. */
  output: Uint8Array;
  value?: Read;
  reason?: string;
  /** Each strict dag-cbor; none unless the outcome is `ok`. */
  effects: Uint8Array[];
  /** In the order of their keys, without a value where one was deleted; none unless the outcome is `ok`. */
  writes: { key: Uint8Array; value: Uint8Array | undefined }[];
  logs: { level: number; text: string }[];
  /** Lines of the log that were left out. */
  logsDropped: number;
  gas: number;
}

/** A module that is ready to run. */
export class WasmExecutor {
  private constructor();
  /** Of a container, which is believed: it is to come from `Meter.admit`. */
  static load(container: Uint8Array): Promise<WasmExecutor>;
  /** Admits, meters and compiles a module; throws `Refused`, or a `TypeError` for what does not run in JavaScript. */
  static admit(meter: Meter, bytes: Uint8Array, profile: Profile): Promise<WasmExecutor>;
  readonly profile: Profile;
  /** Version of the gas schedule. */
  readonly schedule: number;
  /** Names of its functions, if it says them. */
  readonly functions: readonly string[] | undefined;
  /**
   * Runs it, in an instance that nothing ran in before. Throws where nothing was executed (`RangeError`, `TypeError`,
   * `CborError`), where the gas is not known (`EngineError`), and what `state` throws.
   */
  execute(call: Call): Execution;
}

/** What a built-in validator says, with the gas that it took. */
export interface Verdict {
  valid: boolean;
  cost: number;
  errors: string[];
  gas: number;
}

/** By the executor of `validators.wasm`, which `cargo xtask guest` builds. */
export function validateTransaction(executor: WasmExecutor, request: Value, rules?: Value): Verdict;
export function validateAssetTransfer(executor: WasmExecutor, request: Value, rules?: Value): Verdict;
export function validatePostAction(executor: WasmExecutor, request: Value, rules?: Value): Verdict;
