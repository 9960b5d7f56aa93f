// Modules in JavaScript: Node from 20 on, and browsers.
export { CborError, Link, decode, encode } from './cbor.mjs';
export { WasmExecutor } from './executor.mjs';
export { Meter, Refused } from './meter.mjs';
export { EngineError } from './traps.mjs';
export { validateAssetTransfer, validatePostAction, validateTransaction } from './validators.mjs';
