// The other side of the interchange tests: CAR files and dag-cbor by the libraries of IPFS.
//
//   node interchange.mjs write FOLDER     writes the fixtures
//   node interchange.mjs check FILE...    reads CAR files, checks every hash, writes them anew and compares
//   node interchange.mjs cbor FILE...     reads dag-cbor, writes it anew and compares
import { readFile, writeFile, mkdir } from 'node:fs/promises'
import assert from 'node:assert/strict'
import { CarReader, CarWriter } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagPb from '@ipld/dag-pb'
import { blake3 as blake3Hash } from '@noble/hashes/blake3.js'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { from } from 'multiformats/hashes/hasher'
import { identity } from 'multiformats/hashes/identity'
import { sha256 } from 'multiformats/hashes/sha2'

const blake3 = from({ name: 'blake3', code: 0x1e, encode: (bytes) => blake3Hash(bytes) })
const HASHERS = new Map([sha256, blake3, identity].map((hasher) => [hasher.code, hasher]))

async function block (codec, value, hasher = sha256, version = 1) {
  const bytes = codec.encode(value)
  const digest = await hasher.digest(bytes)
  return { cid: CID.create(version, codec.code, digest), bytes }
}

async function carOf (roots, blocks) {
  const { writer, out } = CarWriter.create(roots)
  const parts = []
  const drained = (async () => { for await (const part of out) parts.push(part) })()
  for (const each of blocks) await writer.put(each)
  await writer.close()
  await drained
  return Buffer.concat(parts)
}

const text = (string) => new TextEncoder().encode(string)
const noise = (length) => Uint8Array.from({ length }, (_, at) => at * at * 31 >> 3 & 0xff)

// The public fixture carv1-basic of the IPLD specifications, to the byte: raw blocks, dag-pb nodes named by CIDv0 that
// link to them and to each other, and two roots in dag-cbor.
async function basic () {
  const raws = await Promise.all(['aaaa', 'bbbb', 'cccc'].map((word) => block(raw, text(word))))
  const nodes = []
  let size = 0
  for (const [at, [name, below]] of [['cat', ''], ['dog', 'first'], ['bear', 'second']].entries()) {
    const links = [dagPb.createLink(name, 4, raws[at].cid)]
    if (at > 0) links.push(dagPb.createLink(below, size, nodes[at - 1].cid))
    nodes.push(await block(dagPb, { Links: links }, sha256, 0))
    size += nodes[at].bytes.length + 4
  }
  const blip = await block(dagCbor, { name: 'blip', link: nodes[2].cid })
  const limbo = await block(dagCbor, { name: 'limbo', link: null })
  assert.equal(String(blip.cid), 'bafyreihyrpefhacm6kkp4ql6j6udakdit7g3dmkzfriqfykhjw6cad5lrm', 'the public root')
  return [[blip.cid, limbo.cid], [...raws, ...nodes, blip, limbo]]
}

async function fixtures () {
  const b3 = await Promise.all([0, 1, 64, 1025, 5000].map((length) => block(raw, noise(length), blake3)))
  const leaves = await Promise.all([1, 2, 3].map((n) => block(dagCbor, { n, big: 2 ** 40 + n, neg: -n, f: n / 4 })))
  const tree = await block(dagCbor, { leaves: leaves.map((leaf) => leaf.cid), deep: [[[{ a: null, bb: true }]]] })
  const words = await block(dagCbor, ['ä', text('bytes'), tree.cid], blake3)
  const tiny = await block(raw, text('inside'), identity)
  const many = await Promise.all(Array.from({ length: 256 }, (_, n) => block(raw, text(`root ${n}`), blake3)))
  return {
    basic: await basic(),
    'no-roots': [[], b3.slice(0, 2)],
    'no-blocks': [[b3[1].cid], []],
    empty: [[], []],
    blake3: [[b3[4].cid], b3],
    'dag-cbor': [[tree.cid], [tree, ...leaves]],
    mixed: [[words.cid, tiny.cid], [words, tree, tiny, ...leaves, b3[2]]],
    repeated: [[b3[1].cid, b3[1].cid], [b3[1], b3[2], b3[1]]],
    'many-roots': [many.map((each) => each.cid), many.slice(0, 3)]
  }
}

async function write (folder) {
  await mkdir(folder, { recursive: true })
  for (const [name, [roots, blocks]] of Object.entries(await fixtures())) {
    await writeFile(`${folder}/${name}.car`, await carOf(roots, blocks))
    const cids = [...roots, ...blocks.map((each) => each.cid)].map((cid) => `${cid}\n`)
    await writeFile(`${folder}/${name}.cids`, cids.join(''))
  }
}

async function check (file) {
  const bytes = await readFile(file)
  const reader = await CarReader.fromBytes(bytes)
  const roots = await reader.getRoots()
  const blocks = []
  for await (const each of reader.blocks()) {
    const hasher = HASHERS.get(each.cid.multihash.code)
    assert(hasher, `hash ${each.cid.multihash.code}`)
    const digest = await hasher.digest(each.bytes)
    assert.deepEqual(Buffer.from(digest.bytes), Buffer.from(each.cid.multihash.bytes), `${each.cid}`)
    blocks.push(each)
  }
  assert((await carOf(roots, blocks)).equals(bytes), `${file}: written anew it differs`)
  console.log(JSON.stringify({ roots: roots.map(String), blocks: blocks.map((each) => String(each.cid)) }))
}

async function cbor (file) {
  const bytes = await readFile(file)
  assert(Buffer.from(dagCbor.encode(dagCbor.decode(bytes))).equals(bytes), `${file}: written anew it differs`)
}

const [mode, ...names] = process.argv.slice(2)
const todo = { write, check, cbor }[mode]
assert(todo && names.length > 0, 'write FOLDER, check FILE... or cbor FILE...')
for (const name of names) await todo(name)
