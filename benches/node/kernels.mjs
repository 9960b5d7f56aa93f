// Times the kernels of guest/kernels in V8, in turns:
// node kernels.mjs [--kernel NAME] [--bytes N,N] [--ms N] LABEL=MODULE.wasm …
import { readFileSync } from 'node:fs';
import process from 'node:process';

const WINDOW_MS = 0.4;
const options = { kernel: '', bytes: [64, 1024, 16 * 1024, 1 << 20], ms: 150, modules: [] };
const words = process.argv.slice(2);
while (words.length > 0) {
  const word = words.shift();
  if (word === '--kernel') options.kernel = words.shift();
  else if (word === '--bytes') options.bytes = words.shift().split(',').map(Number);
  else if (word === '--ms') options.ms = Number(words.shift());
  else options.modules.push(word.split('='));
}

const guests = options.modules.map(([label, path]) => {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), {});
  const { exports } = instance;
  const name = (what, index) => {
    const length = exports[`${what}_name`](index);
    return Buffer.from(exports.memory.buffer, exports.text(), length).toString();
  };
  const names = (what) => Array.from({ length: exports[`${what}_count`]() }, (_, index) => name(what, index));
  return { label, exports, kernels: names('kernel'), backends: names('backend') };
});

function measure(kernel, bytes) {
  const lanes = [];
  for (const guest of guests) {
    guest.exports.buffer(bytes);
    const index = guest.kernels.indexOf(kernel);
    guest.backends.forEach((backend, number) => {
      const run = (times) => guest.exports.kernel_run(index, number, times);
      lanes.push({ who: `${guest.label} ${backend}`, run, times: 1, rates: [], spent: 0 });
    });
  }
  const timed = (lane) => {
    const began = performance.now();
    lane.run(lane.times);
    return performance.now() - began;
  };
  for (const lane of lanes) {
    // Until V8's optimising compiler has had its turn.
    const until = performance.now() + 60;
    while (performance.now() < until) lane.run(lane.times);
    while (timed(lane) < WINDOW_MS / 2) lane.times *= 2;
  }
  while (lanes.some((lane) => lane.spent < options.ms)) {
    for (const lane of lanes) {
      if (lane.spent >= options.ms && lane.rates.length >= 3) continue;
      const took = timed(lane);
      lane.spent += took;
      lane.rates.push((lane.times * bytes) / took / 1e3);
    }
  }
  for (const lane of lanes) {
    lane.rates.sort((a, b) => a - b);
    const round = (rate) => Math.round(rate * 10) / 10;
    const [best, median] = [lane.rates.at(-1), lane.rates[lane.rates.length >> 1]].map(round);
    console.log(JSON.stringify({ kernel, bytes, who: lane.who, best, median }));
  }
}

for (const kernel of guests[0].kernels.filter((name) => name.startsWith(options.kernel))) {
  for (const bytes of options.bytes) measure(kernel, bytes);
}
