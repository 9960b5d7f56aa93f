// Random cases on every backend of the kernels' modules in V8, against the digests that benches/src/bin/differential.rs
// printed: node differential.mjs WANTED.json LABEL=MODULE.wasm …   (a module that this V8 can't read is left out)
import { readFileSync } from 'node:fs';
import process from 'node:process';

const [file, ...modules] = process.argv.slice(2);
const { seed, step, digests } = JSON.parse(readFileSync(file, 'utf8'));
const engine = `Node ${process.versions.node.split('.')[0]}`;
let compared = 0;
for (const word of modules) {
  const [label, path] = word.split('=');
  const bytes = readFileSync(path);
  if (!WebAssembly.validate(bytes)) {
    console.log(`${label}: not for ${engine}`);
    continue;
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const text = (length) => Buffer.from(exports.memory.buffer, exports.text(), length);
  for (let backend = 0; backend < exports.backend_count(); backend++) {
    const name = text(exports.backend_name(backend)).toString();
    digests.forEach((wanted, index) => {
      const length = exports.differential_run(backend, BigInt(seed), index * step, step);
      if (text(length).toString('hex') !== wanted) {
        throw new Error(`${label} ${name} differs in ${engine} among the ${step} cases from ${index * step} on`);
      }
    });
    console.log(`${label} ${name} in ${engine}: ${digests.length * step} random cases agree`);
    compared += 1;
  }
}
if (compared === 0) throw new Error(`${engine} can read none of the modules`);
