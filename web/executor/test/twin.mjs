// Runs what the sandbox has run and compares everything that it came to.
// Usage: node twin.mjs METER.wasm CASES, a file that the example `twin` of `host/sandbox` has written.
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Meter, WasmExecutor, decode, encode } from '../index.mjs';

// The sandbox's names of traps, and what they are called here: V8 has one message for some.
const TRAPS = {
  Unreachable: ['unreachable'],
  MemoryOutOfBounds: ['memory-out-of-bounds'],
  TableOutOfBounds: ['table-out-of-bounds'],
  IndirectCallToNull: ['indirect-call'],
  BadSignature: ['indirect-call'],
  IntegerOverflow: ['integer-overflow', 'float-to-integer'],
  IntegerDivisionByZero: ['integer-division-by-zero'],
  BadConversionToInteger: ['float-to-integer'],
  StackExhausted: ['stack-exhausted'],
  Pointer: ['pointer'],
  Output: ['output'],
  Effect: ['effect'],
  HostLimit: ['host-limit'],
};

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));

function state(key) {
  return Buffer.from(key).toString('latin1') === 'key' ? new TextEncoder().encode('a value') : undefined;
}

/** What an execution came to, as the file tells it. */
function told(execution) {
  const { outcome, trap = null, output, effects, writes, logs, logsDropped, gas } = execution;
  return {
    outcome,
    trap,
    output: base64(output),
    effects: effects.map(base64),
    writes: writes.map(({ key, value }) => [base64(key), value ? base64(value) : null]),
    logs: logs.map(({ level, text }) => [level, text]),
    dropped: logsDropped,
    gas,
  };
}

/** The bytes of an input again, if it is strict dag-cbor at all: by its value, and by its parts. */
function rewritten(input, op) {
  let value;
  try {
    value = decode(input);
  } catch {
    return undefined;
  }
  if (base64(encode(value)) !== base64(input)) throw new Error(`written otherwise: ${base64(input)}`);
  const { request, rules, ...more } = value ?? {};
  return request === undefined || Object.keys(more).length > 0 ? undefined : { request, rules, op };
}

const meter = await Meter.load(readFileSync(process.argv[2]));
const seen = new Set();
let [modules, calls, wrong, parts, name, executor] = [0, 0, 0, 0, '', undefined];
for await (const line of createInterface({ input: createReadStream(process.argv[3]) })) {
  const case_ = JSON.parse(line);
  if (case_.bytes !== undefined) {
    ({ name } = case_);
    executor = await WasmExecutor.admit(meter, bytes(case_.bytes), case_.profile);
    modules += 1;
    continue;
  }
  const { op, input, limit, ...expected } = case_;
  const given = { op, input: bytes(input), gas: limit ?? undefined, state };
  const found = [told(executor.execute(given))];
  const again = rewritten(given.input, op);
  if (again && calls % 4 === 0) {
    parts += 1;
    found.push(told(executor.execute({ ...again, gas: given.gas, state })));
  }
  calls += 1;
  seen.add(expected.trap ?? expected.outcome);
  for (const one of found) {
    const traps = expected.trap === null ? [null] : TRAPS[expected.trap];
    if (!traps.includes(one.trap) || JSON.stringify({ ...one, trap: 0 }) !== JSON.stringify(order(expected))) {
      wrong += 1;
      const [here, there] = [JSON.stringify(one), JSON.stringify(expected)];
      if (wrong < 10) console.log(`${name}, gas ${limit}: ${here}; expected ${there}`);
    }
  }
}

/** In the order of `told`. */
function order({ outcome, output, effects, writes, logs, dropped, gas }) {
  return { outcome, trap: 0, output, effects, writes, logs, dropped, gas };
}

const missing = [...Object.keys(TRAPS), 'ok', 'reject', 'out-of-gas', 'memory-limit'].filter((end) => !seen.has(end));
console.log(`${modules} modules, ${calls} executions in JavaScript, ${parts} by request and rules: ${wrong} differ`);
if (missing.length > 0) console.log(`no execution came to: ${missing.join(', ')}`);
process.exit(wrong === 0 && missing.length === 0 && parts > 0 ? 0 : 1);
