//! Which functions take nothing from the guest's stack.

use wasmparser::Operator;

use super::code::Function;

/// Bytes that a function may need with all that it calls, if it takes nothing.
const SHALLOW: u64 = 4096;

/// Sets what each function takes; `imports` are the functions that come before them.
///
/// What is needed at depth 0 is a frame alone, at depth n a frame above those of callees that need depth n - 1 at most.
/// No frame is below 16 bytes, so what is not found at the depth that [`SHALLOW`] has room for needs more, or recurs.
pub(super) fn measure(functions: &mut [Function<'_>], imports: usize) {
    let callees: Vec<Option<Vec<usize>>> =
        functions.iter().map(|function| callees(function, imports)).collect();
    let mut needs: Vec<Option<u64>> = vec![None; functions.len()];
    for _ in 0..=SHALLOW / 16 {
        let before = needs.clone();
        for (index, callees) in callees.iter().enumerate() {
            let deepest = callees.as_ref().and_then(|callees| {
                callees.iter().try_fold(0_u64, |most, callee| Some(most.max(before[*callee]?)))
            });
            let need = deepest.map(|below| below + functions[index].frame);
            needs[index] = need.filter(|need| *need <= SHALLOW);
        }
        if needs == before {
            break;
        }
    }
    for (function, need) in functions.iter_mut().zip(needs) {
        function.taken = if need.is_some() { 0 } else { function.frame };
    }
}

/// The functions of the module that one calls, in code that can be executed; `None` if it calls through a table.
fn callees(function: &Function<'_>, imports: usize) -> Option<Vec<usize>> {
    let live = function.instructions.iter().filter(|instruction| instruction.live);
    let calls = live.filter_map(|instruction| match instruction.operator {
        Operator::Call { function_index } => (function_index as usize).checked_sub(imports).map(Some),
        Operator::CallIndirect { .. } => Some(None),
        _ => None,
    });
    calls.collect()
}
