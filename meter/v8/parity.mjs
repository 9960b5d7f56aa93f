// Runs metered modules in V8 and compares gas, ending, results and memory with what is expected of them.
// Usage: node v8.mjs CASES, a file with one JSON object a line, written by the example `parity`.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

Error.stackTraceLimit = 1;

// What a trap is called, and what it gives back by. The last column of `docs/gas.md` knows four kinds.
const TRAPS = [
  [/^unreachable$/, 'unreachable', 'unreachable'],
  [/^memory access out of bounds$|data segment out of bounds/, 'memory', 'memory'],
  [/^table index is out of bounds$/, 'table', 'table'],
  [/^table (access|element) .*out of bounds|^element segment out of bounds|^table .* out of bounds/, 'table', 'table'],
  [/null function or function signature|indirect call signature|dereferencing a null pointer/, 'table', 'table'],
  [/^(divide|remainder) by zero$/, 'number', 'division by zero'],
  [/^divide result unrepresentable$/, 'number', 'integer'],
  [/^float unrepresentable in integer range$/, 'number', 'integer'],
];

// As `Refunds::at` does it: that of the last such instruction up to there.
function refund(refunds, kind, offset) {
  const found = refunds.findLast((place) => place[1] === kind && place[0] <= offset);
  return BigInt(found?.[2] ?? 0);
}

const bits = new DataView(new ArrayBuffer(8));

function float(type, text) {
  if (type === 'f32') {
    bits.setUint32(0, Number(text));
    return bits.getFloat32(0);
  }
  bits.setBigUint64(0, BigInt(text));
  return bits.getFloat64(0);
}

function value([type, text]) {
  if (type === 'i64') return BigInt(text);
  return type === 'i32' ? Number(text) : float(type, text);
}

function shown(type, given) {
  if (type === 'i64') return BigInt.asIntN(64, given).toString();
  if (type === 'i32') return String(given | 0);
  if (type === 'f32') {
    bits.setFloat32(0, given);
    return Number.isNaN(given) ? 'NaN' : String(bits.getUint32(0));
  }
  if (type === 'f64') {
    bits.setFloat64(0, given);
    return Number.isNaN(given) ? 'NaN' : String(bits.getBigUint64(0));
  }
  return type;
}

// Which NaN it is, JavaScript does not tell.
function anyNaN(ending, types) {
  if (!ending.startsWith('return')) return ending;
  const values = ending.split(' ').slice(1);
  const float_ = (at) => types[at] === 'f32' || types[at] === 'f64';
  return ['return', ...values.map((text, at) => (float_(at) && Number.isNaN(float(types[at], text)) ? 'NaN' : text))].join(' ');
}

// The first call runs the start function before, on the same gas.
function called(exports, refunds, call, started) {
  exports['dv:gas'].value = BigInt(call.gas);
  exports['dv:stack'].value = call.stack;
  try {
    if (!started) exports['dv:start']();
    const results = exports[call.export](...call.arguments.map(value));
    const list = call.types.length === 1 ? [results] : [...(results ?? [])];
    const ending = `return ${call.types.map((type, at) => shown(type, list[at])).join(' ')}`.trim();
    const left = exports['dv:gas'].value;
    return left < 0n ? { ending: 'out of gas', used: BigInt(call.gas) } : { ending, used: BigInt(call.gas) - left };
  } catch (error) {
    const left = exports['dv:gas'].value;
    if (left < 0n) return { ending: 'out of gas', used: BigInt(call.gas) };
    if (exports['dv:stack'].value < 0) return { ending: 'stack exhausted', used: BigInt(call.gas) - left };
    const trap = TRAPS.find(([pattern]) => pattern.test(error.message));
    const place = /:0x([0-9a-f]+)\)?$/m.exec(error.stack);
    if (!trap || !place) throw error;
    const really = left + refund(refunds, trap[1], Number.parseInt(place[1], 16));
    if (really < 0n) return { ending: 'out of gas', used: BigInt(call.gas) };
    return { ending: `trap ${trap[2]}`, used: BigInt(call.gas) - really };
  }
}

let [cases, calls, wrong] = [0, 0, 0];
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const { name, module, refunds, calls: expected, memory, start } = JSON.parse(line);
  const compiled = new WebAssembly.Module(Uint8Array.from(module));
  let { exports } = new WebAssembly.Instance(compiled, {});
  cases += 1;
  let started = !start;
  for (const call of expected) {
    calls += 1;
    // Where the gas was out nobody says what stays.
    if (call.fresh) {
      ({ exports } = new WebAssembly.Instance(compiled, {}));
      started = !start;
    }
    const { ending, used } = called(exports, refunds, call, started);
    started = true;
    const full = call.full === null || (exports['dv:full'].value !== 0) === call.full;
    if (ending !== anyNaN(call.ending, call.types) || used !== BigInt(call.used) || !full) {
      wrong += 1;
      console.log(`${name}, ${call.export}: ${ending}, gas ${used}; expected ${call.ending}, gas ${call.used}`);
    }
  }
  if (memory) {
    const bytes = new Uint8Array(exports[memory.export].buffer);
    let sum = 0;
    for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
    if (sum !== memory.sum) {
      wrong += 1;
      console.log(`${name}: the memory differs`);
    }
  }
}
console.log(`${cases} modules, ${calls} calls in V8: ${wrong} differ`);
process.exit(wrong === 0 && calls > 0 ? 0 : 1);
