//! Bodies of functions, read and validated.

use wasmparser::{
    BlockType, FrameKind, FuncToValidate, FuncType, FuncValidatorAllocations, FunctionBody, Operator,
    ValidatorResources,
};

use super::value::Value;
use super::{Error, Prices, runs};

/// An instruction with its costs.
#[derive(Debug)]
pub(super) struct Instruction<'a> {
    pub(super) operator: Operator<'a>,
    pub(super) cost: u64,
    /// If a run begins here: what it costs.
    pub(super) run: Option<u64>,
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
}

/// The construct that an instruction stands in, innermost last.
struct Open {
    /// The place of its `block`, `loop` or `if`; `None` for the function itself.
    place: Option<usize>,
    kind: FrameKind,
    /// Whether a branch names it that can be executed.
    named: bool,
    /// Whether it can be executed itself.
    live: bool,
}

/// What the nesting of a body tells.
struct Nesting {
    /// The places behind those where control can arrive from elsewhere, and the beginning.
    begins: Vec<bool>,
    /// The instructions that can be executed: not those behind a branch, `return` or `unreachable`, up to the `else` or
    /// `end` of the block that they stand in.
    live: Vec<bool>,
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
        let cost = runs::fixed_cost(&operator, prices);
        let block = block_of(&operator, types);
        instructions.push(Instruction { operator, cost, run: None, block });
    }
    operators.finish()?;
    let nesting = nest(&mut instructions)?;
    let held = types[type_index].params().len() as u64
        + locals.iter().map(|(count, _)| u64::from(*count)).sum::<u64>();
    // Entering is part of the first run: paid with it, as what its first instruction costs, which is executed once.
    let entry = held.saturating_mul(prices.per_local()).saturating_add(prices.entry());
    instructions[0].cost = instructions[0].cost.saturating_add(entry);
    runs::mark(&mut instructions, nesting.begins);
    // Of code that is never executed, there are no operands at any time.
    let live = heights.iter().zip(&nesting.live).filter(|(_, live)| **live);
    let operands_max = live.map(|(height, _)| *height).max().unwrap_or(0);
    let frame = 16 + 8 * (held + operands_max);
    Ok(Function { type_index, locals, instructions, frame })
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

/// Finds the `else` and `end` of each block, and behind which instructions control can arrive from elsewhere.
fn nest(instructions: &mut [Instruction<'_>]) -> Result<Nesting, Error> {
    // The beginning of the body, and one place behind its `end` that nothing reads.
    let mut begins = vec![false; instructions.len() + 1];
    begins[0] = true;
    let mut lives = Vec::new();
    let mut live = true;
    let mut open = vec![Open { place: None, kind: FrameKind::Block, named: false, live }];
    for index in 0..instructions.len() {
        let operator = instructions[index].operator.clone();
        if let Some(kind) = opens(&operator) {
            open.push(Open { place: Some(index), kind, named: false, live });
        }
        match operator {
            Operator::Loop { .. } => begins[index + 1] = true,
            Operator::Else => {
                begins[index + 1] = true;
                live = open.last().is_some_and(|block| block.live);
                if let Some(block) = block_at(instructions, &open) {
                    block.otherwise = Some(index);
                }
            }
            Operator::End => {
                if let Some(block) = block_at(instructions, &open) {
                    block.end = index;
                }
                let closed = open.pop().expect("valid bodies are nested");
                live = closed.live;
                begins[index + 1] = match closed.kind {
                    FrameKind::If => true,
                    FrameKind::Loop => false,
                    _ => closed.named,
                };
            }
            _ => {}
        }
        lives.push(live);
        if live {
            name_targets(&mut open, &instructions[index].operator)?;
        }
        live &= !leaves(&instructions[index].operator);
    }
    begins.truncate(instructions.len());
    Ok(Nesting { begins, live: lives })
}

/// The kind of block that an instruction begins.
fn opens(operator: &Operator<'_>) -> Option<FrameKind> {
    match operator {
        Operator::Block { .. } => Some(FrameKind::Block),
        Operator::Loop { .. } => Some(FrameKind::Loop),
        Operator::If { .. } => Some(FrameKind::If),
        _ => None,
    }
}

/// Whether what stands right behind an instruction is never executed.
fn leaves(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Br { .. } | Operator::BrTable { .. } | Operator::Return | Operator::Unreachable
    )
}

/// Notes which blocks a branch names.
fn name_targets(open: &mut [Open], operator: &Operator<'_>) -> Result<(), Error> {
    match operator {
        Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => name(open, *relative_depth),
        Operator::BrTable { targets } => {
            for target in targets.targets() {
                name(open, target?);
            }
            name(open, targets.default());
        }
        _ => {}
    }
    Ok(())
}

/// Notes that a branch names the construct at a depth.
fn name(open: &mut [Open], depth: u32) {
    let index = open.len() - 1 - depth as usize;
    open[index].named = true;
}

/// The innermost block.
fn block_at<'i>(instructions: &'i mut [Instruction<'_>], open: &[Open]) -> Option<&'i mut Block> {
    instructions[open.last()?.place?].block.as_mut()
}
