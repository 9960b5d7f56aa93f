//! Gas in the bytecode: a module of the same behaviour that counts what it does, as `docs/gas.md` says.

use wasmparser::{FunctionBody, MemorySectionReader, Parser, Payload};

use crate::admit::{Facts, Refusal, Signature};
use crate::refusal::bound;
use crate::schedule::Schedule;

mod body;
mod calls;
mod emit;
mod floats;
mod labels;
mod prices;
mod refunds;
mod sections;

pub use refunds::{Refunds, TrapKind};

use body::Context;
use emit::{Globals, leb};
use sections::Sections;

/// Name of the exported global that holds what is left of the gas, an `i64`; negative: it is out.
pub const GAS: &str = "dv:gas";
/// Name of the exported global that holds what is left of the stack, an `i32` of bytes; negative: it is out.
pub const STACK: &str = "dv:stack";
/// Name of the exported global that says whether the last `memory.grow` was refused, an `i32`: 1, else 0.
pub const FULL: &str = "dv:full";
/// Name of the exported start function.
pub const START: &str = "dv:start";

/// The most that engines take for one function, bytes.
const BODY_BYTES_MAX: u32 = 7_654_321;
/// The most that a metered module may have, bytes.
const MODULE_BYTES_MAX: u32 = 128 << 20;

/// A module that counts its gas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metered {
    /// The module.
    pub bytes: Vec<u8>,
    /// What is given back where it traps.
    pub refunds: Refunds,
}

/// Puts gas into a module.
///
/// # Errors
///
/// When the facts are of another module, or the metered module is larger than engines take.
pub fn instrument(bytes: &[u8], facts: &Facts, schedule: &Schedule) -> Result<Metered, Refusal> {
    if bytes.len() != facts.bytes_count {
        return Err(Refusal::Facts);
    }
    let mut sections = Sections::default();
    let mut bodies = Vec::new();
    let mut pages_max = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::CodeSectionEntry(body) => bodies.push(body),
            payload => {
                if let Payload::MemorySection(memories) = &payload {
                    pages_max = memory_pages_max(memories.clone(), facts)?;
                }
                sections.take(&payload, bytes)?;
            }
        }
    }
    if bodies.len() != facts.functions.len() {
        return Err(Refusal::Facts);
    }
    let mut types = BlockTypes { facts, added: Vec::new() };
    let code = Code::meter(bytes, facts, schedule, &bodies, pages_max << 16, &mut types)?;
    sections.rewrite(facts, &types.added)?;
    let has_code = !bodies.is_empty();
    let (bytes, code_at) = sections.write(has_code.then_some(code.bytes.as_slice()))?;
    bound("bytes of metered module", bytes.len() as u64, MODULE_BYTES_MAX, None)?;
    // Within the module's length, which is bounded.
    let mut places = code.places;
    places.iter_mut().for_each(|place| place.offset += code_at);
    Ok(Metered { bytes, refunds: Refunds { places } })
}

/// What the memory may grow to.
fn memory_pages_max(memories: MemorySectionReader<'_>, facts: &Facts) -> Result<u64, Refusal> {
    let limit = u64::from(facts.memory_pages_max);
    memories.into_iter().try_fold(0, |_, memory| Ok(memory?.maximum.map_or(limit, |own| own.min(limit))))
}

/// The content of the code section, and its instructions that can trap: their offsets are those in the content.
struct Code {
    bytes: Vec<u8>,
    places: Vec<refunds::Place>,
}

impl Code {
    fn meter(
        module: &[u8],
        facts: &Facts,
        schedule: &Schedule,
        bodies: &[FunctionBody<'_>],
        memory_bytes_max: u64,
        types: &mut BlockTypes<'_>,
    ) -> Result<Self, Refusal> {
        let first = facts.globals_count;
        let globals = Globals { gas: first, stack: first + 1, fence: first + 2, full: first + 3 };
        let imported = count_of(facts.imports.len())?;
        let context = Context { bytes: module, schedule, globals, imported, memory_bytes_max };
        let shallow = calls::shallow(facts, bodies)?;
        let mut code = Self { bytes: Vec::new(), places: Vec::new() };
        leb(count_of(bodies.len())?, &mut code.bytes);
        let functions = bodies.iter().zip(&facts.functions).zip(shallow);
        for (index, ((body, function), shallow)) in (imported..).zip(functions) {
            let signature = facts.types.get(function.ty as usize).ok_or(Refusal::Facts)?;
            let results = types.of_results(function.ty)?;
            let body = body::meter(context, body, function, signature, &results, shallow)
                .map_err(|refusal| refusal.within(index))?;
            let length = body.bytes.len();
            bound("bytes of metered code", length as u64, BODY_BYTES_MAX, Some(index))?;
            bound("bytes of metered module", (code.bytes.len() + length) as u64, MODULE_BYTES_MAX, None)?;
            leb(count_of(length)?, &mut code.bytes);
            let at = count_of(code.bytes.len())?;
            code.bytes.extend_from_slice(&body.bytes);
            code.places.extend(
                body.places.iter().map(|place| refunds::Place { offset: place.offset + at, ..*place }),
            );
        }
        Ok(code)
    }
}

/// Types of blocks that leave what a function does.
struct BlockTypes<'a> {
    facts: &'a Facts,
    /// Types that are appended to the module's: no parameters, these results.
    added: Vec<Signature>,
}

impl BlockTypes<'_> {
    /// The type for functions of this one, as it stands behind a `block`.
    fn of_results(&mut self, ty: u32) -> Result<Vec<u8>, Refusal> {
        let results = &self.facts.types.get(ty as usize).ok_or(Refusal::Facts)?.results;
        let mut bytes = Vec::new();
        match results.as_slice() {
            [] => bytes.push(0x40),
            [single] => sections::value_type(*single, &mut bytes)?,
            results => {
                let same = |ty: &Signature| ty.params.is_empty() && ty.results == results;
                let there = self.facts.types.iter().position(same);
                let added = || self.added.iter().position(same).map(|at| at + self.facts.types.len());
                let index = there.or_else(added).unwrap_or_else(|| {
                    self.added.push(Signature { params: Vec::new(), results: results.to_vec() });
                    self.facts.types.len() + self.added.len() - 1
                });
                // Signed, of 33 bits.
                signed(index as i64, &mut bytes);
            }
        }
        Ok(bytes)
    }
}

/// A signed number as LEB128.
fn signed(number: i64, bytes: &mut Vec<u8>) {
    wasm_encoder::Encode::encode(&number, bytes);
}

/// A count of the format: 32 bits.
fn count_of(count: usize) -> Result<u32, Refusal> {
    u32::try_from(count).map_err(|_| Refusal::Facts)
}
