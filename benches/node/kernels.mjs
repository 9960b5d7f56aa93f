// The kernels of guest/kernels in V8, beside peers: serves the same protocol as benches/src/bin/measure.rs.
// node kernels.mjs LABEL=MODULE.wasm …   (a module that this V8 can't read is left out)
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { peers } from './peers.mjs';

const SIZES = [64, 1024, 16 * 1024, 1 << 20, 64 << 20];
const PEER_BYTES_MAX = 1 << 20;
// Until V8's optimising compiler has had its turn.
const WARM_MS = 40;
const engine = `Node ${process.versions.node.split('.')[0]}`;
const cases = [];

function load([label, path]) {
  const bytes = readFileSync(path);
  if (!WebAssembly.validate(bytes)) return null;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const name = (what, index) => {
    const length = exports[`${what}_name`](index);
    return Buffer.from(exports.memory.buffer, exports.text(), length).toString();
  };
  const names = (what) => Array.from({ length: exports[`${what}_count`]() }, (_, index) => name(what, index));
  return { label, exports, kernels: names('kernel'), backends: names('backend') };
}

function add(what, who, bytes, open) {
  cases.push({ group: 'crypto', what, engine, who, bytes, workers: 1, amount: bytes, open });
}

// In place in the module's memory: what the kernel costs.
const inside = ({ exports }, kernel, backend, bytes) => () => {
  exports.buffer(bytes);
  return (times) => exports.kernel_run(kernel, backend, times);
};

// The message copied in and the result out, as every peer that is a module does inside its API.
const copying = ({ exports }, kernel, backend, bytes, isCipher) => () => {
  const at = exports.buffer(bytes);
  const message = new Uint8Array(bytes).fill(0x5a);
  return (times) => {
    for (let time = 0; time < times; time++) {
      const memory = new Uint8Array(exports.memory.buffer, at, bytes);
      memory.set(message);
      exports.kernel_run(kernel, backend, 1);
      if (isCipher) memory.slice();
    }
  };
};

const peer = (compute, bytes) => () => {
  const message = new Uint8Array(bytes).fill(0x5a);
  return (times) => {
    for (let time = 0; time < times; time++) compute(message);
  };
};

const guests = process.argv.slice(2).map((word) => load(word.split('='))).filter((guest) => guest);
for (const guest of guests) {
  guest.kernels.forEach((name, kernel) => {
    for (const bytes of SIZES) {
      guest.backends.forEach((backend, number) => {
        add(name, `${guest.label} ${backend}`, bytes, inside(guest, kernel, number, bytes));
      });
      const last = guest.backends.length - 1;
      if (!(name in peers) || bytes > PEER_BYTES_MAX) continue;
      const open = copying(guest, kernel, last, bytes, /^(aes|xchacha)/.test(name));
      add(name, `${guest.label} ${guest.backends[last]} + copies`, bytes, open);
    }
  });
}
for (const name of guests[0]?.kernels ?? []) {
  for (const bytes of SIZES.filter((size) => size <= PEER_BYTES_MAX)) {
    for (const [who, compute] of Object.entries(peers[name] ?? {})) add(name, who, bytes, peer(compute, bytes));
  }
}

const runs = new Map();
function answer(line) {
  const [verb, index, times] = line.split(' ');
  const number = Number(index);
  if (verb === 'close') {
    runs.delete(number);
    return {};
  }
  if (verb === 'open') {
    const run = cases[number].open();
    const until = performance.now() + WARM_MS;
    while (performance.now() < until) run(1);
    runs.set(number, run);
    return {};
  }
  const run = runs.get(number);
  const began = performance.now();
  run(Number(times));
  return { seconds: (performance.now() - began) / 1e3 };
}

const said = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
said({ cases: cases.map(({ open, ...described }) => described) });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    said(answer(line));
  } catch (error) {
    said({ error: String(error) });
  }
}
