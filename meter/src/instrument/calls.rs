//! Which functions take nothing from the counted stack.

use wasmparser::{FunctionBody, Operator, OperatorsReader};

use super::count_of;
use crate::admit::{Facts, Refusal};
use crate::reach::Reach;

/// What a function that takes nothing may need, together with what it calls, bytes.
const SHALLOW_BYTES_MAX: u64 = 4096;

/// For each function of the module's own whether it takes nothing from the stack.
pub(super) fn shallow(facts: &Facts, bodies: &[FunctionBody<'_>]) -> Result<Vec<bool>, Refusal> {
    let imported = facts.imports.len();
    let mut callers: Vec<Vec<u32>> = vec![Vec::new(); bodies.len()];
    // Of each function: the most that one of its callees needs, and how many of them are not known yet.
    let mut needs = vec![0_u64; bodies.len()];
    let mut unknown = Vec::with_capacity(bodies.len());
    for (function, body) in bodies.iter().enumerate() {
        let callees = callees(body, imported)?;
        for callee in callees.iter().flatten() {
            callers.get_mut(*callee).ok_or(Refusal::Facts)?.push(count_of(function)?);
        }
        // One that calls through a table waits for ever.
        unknown.push(callees.map_or(usize::MAX, |callees| callees.len()));
    }
    let mut shallow = vec![false; bodies.len()];
    let mut known: Vec<usize> = (0..bodies.len()).filter(|function| unknown[*function] == 0).collect();
    while let Some(function) = known.pop() {
        let need = needs[function] + facts.functions.get(function).ok_or(Refusal::Facts)?.frame();
        if need > SHALLOW_BYTES_MAX {
            continue;
        }
        shallow[function] = true;
        for caller in &callers[function] {
            let caller = *caller as usize;
            needs[caller] = needs[caller].max(need);
            unknown[caller] -= 1;
            if unknown[caller] == 0 {
                known.push(caller);
            }
        }
    }
    Ok(shallow)
}

/// The functions of the module's own that a body calls, each once; `None` if it calls through a table.
fn callees(body: &FunctionBody<'_>, imported: usize) -> Result<Option<Vec<usize>>, Refusal> {
    let mut callees = Vec::new();
    let mut reach = Reach::default();
    let mut reader = OperatorsReader::new(body.get_binary_reader_for_operators()?);
    while !reader.eof() {
        let operator = reader.read()?;
        if !reach.step(&operator) {
            continue;
        }
        match operator {
            Operator::Call { function_index } => {
                callees.extend((function_index as usize).checked_sub(imported));
            }
            Operator::CallIndirect { .. } => return Ok(None),
            _ => {}
        }
    }
    callees.sort_unstable();
    callees.dedup();
    Ok(Some(callees))
}
