// What `Meter.admit` answers, read.
import { decode } from './cbor.mjs';
import { Refunds } from './traps.mjs';

const MAGIC = 'dv:meter';
const HEAD_AT = MAGIC.length + 4;
const FUNCTIONS_MAX = 256;

/** The functions that a module of ABI 1 exports, with their types. */
const ABI = [['alloc', 'i', 'i'], ['dealloc', 'ii', ''], ['run', 'iii', 'I']];
const HOST = ['log', 'state_get', 'state_set', 'state_delete', 'effect'];

/** Names of its functions, by what the module says of itself; without that it has one, which has no name. */
function manifest(bytes) {
  const said = decode(bytes);
  const { abi, profile, functions, ...more } = said ?? {};
  const texts = Array.isArray(functions) && functions.every((name) => typeof name === 'string');
  const known = profile === undefined || typeof profile === 'string';
  if (abi !== 1 || !texts || !known || functions.length > FUNCTIONS_MAX || Object.keys(more).length > 0) {
    throw new TypeError("the module's section dagvault:module is not of the form");
  }
  return functions;
}

/** Reads a container: the head, the refunds, the metered module. */
export function read(bytes) {
  const begins = bytes.length >= HEAD_AT && [...MAGIC].every((letter, at) => bytes[at] === letter.charCodeAt(0));
  if (!begins) throw new TypeError('this is no container');
  let at = HEAD_AT;
  const take = (count) => {
    if (!(count >= 0 && count <= bytes.length - at)) throw new TypeError('the container ends too early');
    at += count;
    return bytes.slice(at - count, at);
  };
  const headBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const head = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(take(headBytes)));
  const said = head.manifest === null ? undefined : take(head.manifest);
  const refunds = new Refunds(take(head.refunds));
  const metered = take(head.module);
  if (at !== bytes.length) throw new TypeError('there is more behind the container');
  const typed = new Map(head.functions.map(([name, params, results]) => [name, `${params}:${results}`]));
  return { head, functions: said && manifest(said), refunds, metered, typed };
}

/** Refuses what this executor does not run, in words. */
export function check(module, typed) {
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from !== 'dagvault' || !HOST.includes(name)) {
      throw new TypeError(`the import ${name} of ${from} is not there in JavaScript`);
    }
  }
  for (const [name, params, results] of ABI) {
    if (typed.get(name) !== `${params}:${results}`) {
      throw new TypeError(`the module is not of ABI 1: it does not export ${name} as that has it`);
    }
  }
  const memory = WebAssembly.Module.exports(module).some(({ name, kind }) => name === 'memory' && kind === 'memory');
  if (!memory) throw new TypeError('the module does not export its memory');
}
