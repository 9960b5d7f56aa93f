// The executor by itself. Usage: node unit.mjs METER.wasm VALIDATORS.wasm
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  CborError, EngineError, Link, Meter, Refused, WasmExecutor, decode, encode, validateAssetTransfer, validatePostAction,
  validateTransaction,
} from '../index.mjs';
import { escaped } from '../log.mjs';
import { Refunds, trapOf, withPlaces } from '../traps.mjs';

const [meterBytes, validators] = process.argv.slice(2, 4).map((file) => readFileSync(file));
const meter = await Meter.load(meterBytes);
const executor = await WasmExecutor.admit(meter, validators, 'validator');
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'hex'));

// Module texts would need a package: (memory 1) with alloc, dealloc and a `run` of this code; `get` may be imported.
function abi1(code, reads) {
  const name = (text) => [text.length, ...Buffer.from(text)];
  const section = (id, content) => [id, content.length, ...content];
  const [i, I] = [0x7f, 0x7e];
  const types = [[0x60, 1, i, 1, i], [0x60, 2, i, i, 0], [0x60, 3, i, i, i, 1, I], [0x60, 4, i, i, i, i, 1, i]].flat();
  const first = reads ? 1 : 0;
  const exported = ['alloc', 'dealloc', 'run'].flatMap((export_, at) => [...name(export_), 0, first + at]);
  const body = (instructions) => [instructions.length + 2, 0, ...instructions, 0x0b];
  return Uint8Array.from([
    0, 97, 115, 109, 1, 0, 0, 0,
    ...section(1, [4, ...types]),
    ...(reads ? section(2, [1, ...name('dagvault'), ...name('state_get'), 0, 3]) : []),
    ...section(3, [3, 0, 1, 2]),
    ...section(5, [1, 0, 1]),
    ...section(7, [4, ...name('memory'), 2, 0, ...exported]),
    ...section(10, [3, ...body([0x41, 8]), ...body([]), ...body(code)]),
  ]);
}

const trapping = await WasmExecutor.admit(meter, abi1([0x00], false), 'intent');
const get = [0x41, 0, 0x41, 1, 0x41, 0, 0x41, 0, 0x10, 0, 0x1a, 0x00];
const reading = await WasmExecutor.admit(meter, abi1(get, true), 'intent');

test('values have one encoding', () => {
  const max = (1n << 64n) - 1n;
  for (const [value, encoded] of [
    [0, '00'], [23, '17'], [24, '1818'], [255, '18ff'], [256, '190100'], [65536, '1a00010000'],
    [2 ** 32, '1b0000000100000000'], [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'], [2n ** 53n, '1b0020000000000000'],
    [max, '1bffffffffffffffff'], [-1, '20'], [-24, '37'], [-25, '3818'], [-Number.MAX_SAFE_INTEGER,
    '3b001ffffffffffffe'],
    [-(2n ** 53n), '3b001fffffffffffff'], [-1n - max, '3bffffffffffffffff'], [true, 'f5'], [false, 'f4'], [null, 'f6'],
    ['é😀', '66c3a9f09f9880'], [Uint8Array.of(1, 2), '420102'], [[1, [2]], '82018102'],
    [{ b: 1, a: 2, aa: 3 }, 'a3616102616201626161' + '03'], [new Link(Uint8Array.of(1, 2)), 'd82a43000102'],
    ['\ufeff', '63efbbbf'],
  ]) {
    assert.equal(hex(encode(value)), encoded);
    assert.deepEqual(decode(bytes(encoded)), value);
  }
  const named = decode(bytes('a1695f5f70726f746f5f5f01'));
  assert.deepEqual(Object.keys(named), ['__proto__']);
  assert.equal(Object.getPrototypeOf(named), Object.prototype);
  assert.equal(hex(encode(named)), 'a1695f5f70726f746f5f5f01');
  assert.equal(hex(encode(new Map([['b', 1], ['a', 2n]]))), 'a2616102616201');
});

test('what has no encoding is refused', () => {
  const cycle = [];
  cycle.push(cycle);
  for (const value of [
    1.5, -0, NaN, Infinity, 2 ** 53, 1n << 64n, -1n - (1n << 64n), '\ud800', 'a\udc00', { '\udfff': 1 }, undefined,
    [undefined],
    { a: undefined }, () => 1, Symbol('a'), new Date(0), new Map([[1, 2]]), cycle,
  ]) {
    assert.throws(() => encode(value), CborError);
  }
});

test('what is not strict is refused', () => {
  for (const text of [
    '', '1800', '190001', '1a00000001', '1b0000000000000001', '1c', '1f', '18', '5f', '7f', '9f', 'bf', '9fff', 'f7',
    'f90000',
    'fa00000000', 'fb0000000000000000', 'ff', '0000', '61ff', '62c328', '61', '8101' + '01', '82', '9bffffffffffffffff',
    'bbffffffffffffffff', '5bffffffffffffffff', 'a10101', 'a2616201616102', 'a2616101616102', 'a262616101616102',
    'c101', 'd82a00',
    'd82a40', 'd82a4100', 'd82a4101', 'd82a420101', 'd82b420001', 'f800', 'e0',
  ]) {
    assert.throws(() => decode(bytes(text)), CborError, text);
  }
});

test('damaged bytes are refused, or are another value', () => {
  const link = new Link(Uint8Array.of(1));
  const whole = encode({ a: [1, -300, 2n ** 60n], text: 'é😀', '': null, bytes: new Uint8Array(30), link });
  let [state, refused, read] = [7, 0, 0];
  const next = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 20_000; round += 1) {
    const damaged = whole.slice(0, next(8) === 0 ? next(whole.length) : whole.length);
    for (let times = next(3); times >= 0 && damaged.length > 0; times -= 1) damaged[next(damaged.length)] = next(256);
    try {
      assert.equal(hex(encode(decode(damaged))), hex(damaged));
      read += 1;
    } catch (error) {
      if (!(error instanceof CborError)) throw error;
      refused += 1;
    }
  }
  assert.ok(read > 1000 && refused > 1000, `${read} read, ${refused} refused`);
});

test('values nest 64 deep', () => {
  const nested = (depth) => Uint8Array.from([...Array(depth).fill(0x81), 0]);
  const value = decode(nested(64));
  assert.equal(hex(encode(value)), hex(nested(64)));
  assert.throws(() => decode(nested(65)), CborError);
  assert.throws(() => encode([value]), CborError);
});

test('the built-in validators give their verdicts', () => {
  const { gas, ...verdict } = validateTransaction(executor, { amount: 100, to: 'addr123' }, { min_amount: 1 });
  // As docs/contracts.md has it.
  assert.deepEqual(verdict, { cost: 220, errors: [], valid: true });
  assert.ok(gas > 0 && Number.isSafeInteger(gas));
  assert.equal(validateTransaction(executor, { amount: 0n, to: 'a' }, { min_amount: 1 }).valid, false);
  const transfer = { asset: 'gold', amount: 1, from: 'ann', to: 'bob' };
  assert.equal(validateAssetTransfer(executor, transfer).valid, true);
  assert.equal(validateAssetTransfer(executor, { ...transfer, to: 'ann' }).valid, false);
  assert.equal(validatePostAction(executor, { path: 'docs/a', value: [1] }, { path_prefixes: ['docs'] }).valid, true);
  assert.equal(validatePostAction(executor, { path: '../a', value: [1] }).valid, false);
  assert.throws(() => validateTransaction(executor, { amount: 1.5, to: 'a' }), CborError);
});

test('what cannot be executed is told', () => {
  const request = { amount: 1, to: 'a' };
  for (const call of [
    { op: 3 }, { op: -1 }, { op: 0.5 }, { function: 'toString' }, { gas: 100_000_001 }, { gas: -1 }, { gas: 0.5 },
    { input: new Uint8Array(4 * 1024 * 1024 + 1) },
  ]) {
    assert.throws(() => executor.execute({ request, ...call }), RangeError);
  }
  assert.throws(() => executor.execute({ request, seed: new Uint8Array(31) }), TypeError);
  assert.throws(() => executor.execute({ input: 'text' }), TypeError);
  assert.throws(() => executor.execute({}), CborError);
  const named = executor.execute({ function: 'transaction', request, nowMs: 5, seed: new Uint8Array(32) });
  assert.equal(named.outcome, 'ok');
});

test('modules and containers that are none are refused', async () => {
  assert.throws(() => meter.admit(new Uint8Array(), 'validator'), Refused);
  assert.throws(() => meter.admit(validators, 'validators'), /no such profile/);
  assert.throws(() => meter.admit(validators, 'policy'), /import/);
  const container = meter.admit(validators, 'validator');
  for (const length of [0, 7, 11, 12, 40, container.length - 1]) {
    await assert.rejects(WasmExecutor.load(container.slice(0, length)));
  }
  await assert.rejects(WasmExecutor.load(new Uint8Array([...container, 0])), TypeError);
  await assert.rejects(WasmExecutor.load(validators), /no container/);
  // An empty module is admitted, and has nothing to call.
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await assert.rejects(WasmExecutor.admit(meter, empty, 'validator'), /not of ABI 1/);
  const wasi = bytes('0061736d0100000001050160017f00022401' + '16' + hex(Buffer.from('wasi_snapshot_preview1')) + '09' +
    hex(Buffer.from('proc_exit')) + '0000');
  await assert.rejects(WasmExecutor.admit(meter, wasi, 'validator'), /not there in JavaScript/);
});

test('a trap whose words or place are unknown has no gas', () => {
  const at = (message, stack) => Object.assign(new WebAssembly.RuntimeError(message), { stack });
  const place = 'wasm-function[7]:0x1f';
  assert.deepEqual(trapOf(at('unreachable', `x\n    at wasm://wasm/0:${place}`)), { kind: 3, name: 'unreachable',
  place: 31 });
  // A name of the module's own, before the place.
  const named = `x\n    at f (wasm://wasm/0:wasm-function[0]:0x1)\n (wasm://wasm/0:${place})`;
  assert.equal(trapOf(at('unreachable', named)).place, 31);
  for (const error of [
    at('Unreachable code should not be executed', `at ${place}`), at('unreachable', 'f@wasm-function[7]'),
    at('unreachable', ''),
    at('unreachable', `at ${place}\n    at g`),
  ]) {
    assert.throws(() => trapOf(error), EngineError);
  }
  const before = Error.stackTraceLimit;
  assert.throws(() => withPlaces(() => { throw new RangeError('through'); }), RangeError);
  assert.equal(Error.stackTraceLimit, before);
});

test('a page that has changed how errors are told changes nothing', () => {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = () => 'nothing';
  try {
    assert.equal(validateTransaction(executor, { amount: 100, to: 'addr123' }, { min_amount: 1 }).cost, 220);
    const trap = trapping.execute({ request: 7 });
    assert.deepEqual([trap.outcome, trap.trap], ['trap', 'unreachable']);
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
});

test('what the state throws comes to the caller', () => {
  const slip = new WebAssembly.RuntimeError('unreachable');
  assert.throws(() => reading.execute({ request: 7, state: () => { throw slip; } }), (error) => error === slip);
  assert.throws(() => reading.execute({ request: 7, state: () => 'text' }), TypeError);
  const value = new Uint8Array(200).fill(7);
  const [without, there] = [undefined, value].map((answer) => reading.execute({ request: 7, state: () => answer }));
  assert.deepEqual([without.outcome, there.outcome], ['trap', 'trap']);
  // The value costs 4 for each started 64 bytes.
  assert.equal(there.gas - without.gas, 16);
});

test('the table of refunds is looked up as the sandbox does', () => {
  const table = Buffer.alloc(39);
  [[10, 0, 5n], [20, 3, -7n], [20, 0, 9n]].forEach(([offset, kind, refund], at) => {
    table.writeUInt32LE(offset, 13 * at);
    table.writeUInt8(kind, 13 * at + 4);
    table.writeBigInt64LE(refund, 13 * at + 5);
  });
  const refunds = new Refunds(new Uint8Array(table));
  const asked = [[9, 0], [10, 0], [19, 3], [20, 3], [99, 0], [99, 1]].map(([at, kind]) => refunds.at(at, kind));
  assert.deepEqual(asked, [0n, 5n, 0n, -7n, 9n, 0n]);
  assert.throws(() => new Refunds(new Uint8Array(table).slice(1)), TypeError);
  assert.throws(() => new Refunds(Uint8Array.from([...table.subarray(13), ...table.subarray(0, 13)])), TypeError);
});

test('log lines are one line each', () => {
  assert.equal(escaped(new TextEncoder().encode('a\tb\n\u001b[1m\\"\u202eé😀')), 'a\\tb\\n\\u{1b}[1m\\\\"\\u{202e}é😀');
  assert.equal(escaped(Uint8Array.of(0xff, 65, 0xe2, 0x82)), '\\xffA\\xe2\\x82');
});
