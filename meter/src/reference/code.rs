//! Bodies of functions, read and validated.

use wasmparser::{
    BlockType, FuncToValidate, FuncType, FuncValidatorAllocations, FunctionBody, Operator, ValidatorResources,
};

use super::value::Value;
use super::{Error, Prices};

/// An instruction with its costs.
#[derive(Debug)]
pub(super) struct Instruction<'a> {
    pub(super) operator: Operator<'a>,
    pub(super) cost: u64,
    /// Whether it can be executed: not behind a branch, `return` or `unreachable`, up to the `else` or `end` of the
    /// block that it stands in.
    pub(super) live: bool,
    /// Of `block`, `loop` and `if`.
    pub(super) block: Option<Block>,
}

/// What `block`, `loop` or `if` begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    pub(super) parameters: usize,
    pub(super) results: usize,
    /// The place of its `else`.
    pub(super) otherwise: Option<usize>,
    /// The place of its `end`.
    pub(super) end: usize,
}

/// A function of the module.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) type_index: usize,
    /// The locals that are no parameters, as they are declared: how many, with which first value. A few bytes can
    /// declare thousands, so they are made only when the function is entered, out of its frame.
    pub(super) locals: Vec<(u32, Value)>,
    pub(super) instructions: Vec<Instruction<'a>>,
    /// Bytes of its frame.
    pub(super) frame: u64,
    /// Bytes that it takes from the stack.
    pub(super) taken: u64,
}

/// The construct that an instruction stands in, innermost last.
struct Open {
    /// The place of its `block`, `loop` or `if`; `None` for the function itself.
    place: Option<usize>,
    /// Whether it can be executed itself.
    live: bool,
}

/// Reads and validates a body.
pub(super) fn read<'a>(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'a>,
    type_index: usize,
    types: &[FuncType],
    prices: &dyn Prices,
) -> Result<Function<'a>, Error> {
    let mut validator = function.into_validator(FuncValidatorAllocations::default());
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut locals = Vec::new();
    for declared in body.get_locals_reader()? {
        let (count, of) = declared?;
        locals.push((count, Value::zero(of)?));
    }
    let mut instructions = Vec::new();
    let mut heights = Vec::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        heights.push(u64::from(validator.operand_stack_height()));
        let cost = fixed_cost(&operator, prices);
        let block = block_of(&operator, types);
        instructions.push(Instruction { operator, cost, live: false, block });
    }
    operators.finish()?;
    nest(&mut instructions);
    let held = types[type_index].params().len() as u64
        + locals.iter().map(|(count, _)| u64::from(*count)).sum::<u64>();
    // Entering is paid with its first instruction, which is executed once.
    let entry = held.saturating_mul(prices.per_local()).saturating_add(prices.entry());
    instructions[0].cost = instructions[0].cost.saturating_add(entry);
    // Of code that is never executed, there are no operands at any time.
    let live = heights.iter().zip(&instructions).filter(|(_, instruction)| instruction.live);
    let operands_max = live.map(|(height, _)| *height).max().unwrap_or(0);
    let frame = 16 + 8 * (held + operands_max);
    Ok(Function { type_index, locals, instructions, frame, taken: frame })
}

/// The fixed cost of an instruction.
fn fixed_cost(operator: &Operator<'_>, prices: &dyn Prices) -> u64 {
    match operator {
        Operator::End | Operator::Else | Operator::Block { .. } | Operator::Loop { .. } | Operator::Nop => 0,
        _ => prices.instruction(operator),
    }
}

fn block_of(operator: &Operator<'_>, types: &[FuncType]) -> Option<Block> {
    let (Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty }) = operator
    else {
        return None;
    };
    let (parameters, results) = match blockty {
        BlockType::Empty => (0, 0),
        BlockType::Type(_) => (0, 1),
        BlockType::FuncType(index) => {
            let of = &types[*index as usize];
            (of.params().len(), of.results().len())
        }
    };
    Some(Block { parameters, results, ..Block::default() })
}

/// Finds the `else` and `end` of each block, and what can be executed.
fn nest(instructions: &mut [Instruction<'_>]) {
    let mut live = true;
    let mut open = vec![Open { place: None, live }];
    for index in 0..instructions.len() {
        match instructions[index].operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                open.push(Open { place: Some(index), live });
            }
            Operator::Else => {
                live = open.last().is_some_and(|block| block.live);
                if let Some(block) = block_at(instructions, &open) {
                    block.otherwise = Some(index);
                }
            }
            Operator::End => {
                if let Some(block) = block_at(instructions, &open) {
                    block.end = index;
                }
                live = open.pop().expect("valid bodies are nested").live;
            }
            _ => {}
        }
        instructions[index].live = live;
        live &= !leaves(&instructions[index].operator);
    }
}

/// Whether what stands right behind an instruction is never executed.
fn leaves(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Br { .. } | Operator::BrTable { .. } | Operator::Return | Operator::Unreachable
    )
}

/// The innermost block.
fn block_at<'i>(instructions: &'i mut [Instruction<'_>], open: &[Open]) -> Option<&'i mut Block> {
    instructions[open.last()?.place?].block.as_mut()
}
