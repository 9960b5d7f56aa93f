//! Where runs begin and end, and what they cost.

use wasmparser::Operator;

use super::Prices;
use super::code::Instruction;

/// The fixed cost of an instruction.
pub(super) fn fixed_cost(operator: &Operator<'_>, prices: &dyn Prices) -> u64 {
    match operator {
        Operator::End | Operator::Else | Operator::Block { .. } | Operator::Loop { .. } | Operator::Nop => 0,
        _ => prices.instruction(operator),
    }
}

/// Whether an instruction ends its run: control may be elsewhere behind it, or it costs something on top.
fn ends_run(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Br { .. }
            | O::BrIf { .. }
            | O::BrTable { .. }
            | O::Return
            | O::Unreachable
            | O::If { .. }
            | O::Call { .. }
            | O::CallIndirect { .. }
            | O::MemoryCopy { .. }
            | O::MemoryFill { .. }
            | O::MemoryInit { .. }
            | O::MemoryGrow { .. }
            | O::TableCopy { .. }
            | O::TableFill { .. }
            | O::TableInit { .. }
            | O::TableGrow { .. }
    )
}

/// Marks the instructions that runs begin with by what the run costs.
///
/// `loop`, `else` and `end` cost nothing, so a run that begins at one is taken to begin behind it: `begins` holds the
/// places behind those where control can arrive from elsewhere, and of the beginning of the body.
pub(super) fn mark(instructions: &mut [Instruction<'_>], mut begins: Vec<bool>) {
    begins.resize(instructions.len(), false);
    for index in 1..instructions.len() {
        begins[index] |= ends_run(&instructions[index - 1].operator);
    }
    let mut cost = 0_u64;
    // From the last to the first: at a beginning, what was summed up is the cost of the run.
    for (instruction, begins) in instructions.iter_mut().zip(begins).rev() {
        cost = cost.saturating_add(instruction.cost);
        instruction.run = begins.then_some(cost);
        if begins {
            cost = 0;
        }
    }
}
