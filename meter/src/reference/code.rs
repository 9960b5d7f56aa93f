//! Bodies of functions, read and validated.

use wasmparser::{
    BlockType, FrameKind, FuncToValidate, FuncType, FuncValidator, FuncValidatorAllocations, FunctionBody,
    Operator, ValidatorResources, WasmModuleResources,
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
    /// Parameters and locals.
    pub(super) held: u64,
    pub(super) instructions: Vec<Instruction<'a>>,
    /// Bytes of its frame.
    pub(super) frame: u64,
}

/// The construct that an instruction stands in, innermost last.
struct Open {
    /// The place of its `block`, `loop` or `if`; `None` for the function itself.
    place: Option<usize>,
    kind: FrameKind,
    named: bool,
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
    let mut operands_max = 0;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        operands_max = operands_max.max(operands(&validator));
        let cost = runs::fixed_cost(&operator, prices);
        let block = block_of(&operator, types);
        instructions.push(Instruction { operator, cost, run: None, block });
    }
    operators.finish()?;
    let begins = nest(&mut instructions)?;
    runs::mark(&mut instructions, begins);
    let held = types[type_index].params().len() as u64
        + locals.iter().map(|(count, _)| u64::from(*count)).sum::<u64>();
    let frame = 16 + 8 * (held + operands_max);
    Ok(Function { type_index, locals, held, instructions, frame })
}

/// How many operands there are behind the instruction that was just validated.
fn operands<R: WasmModuleResources>(validator: &FuncValidator<R>) -> u64 {
    u64::from(validator.operand_stack_height())
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
fn nest(instructions: &mut [Instruction<'_>]) -> Result<Vec<bool>, Error> {
    // The beginning of the body, and one place behind its `end` that nothing reads.
    let mut begins = vec![false; instructions.len() + 1];
    begins[0] = true;
    let mut open = vec![Open { place: None, kind: FrameKind::Block, named: false }];
    for index in 0..instructions.len() {
        let operator = instructions[index].operator.clone();
        match &operator {
            Operator::Block { .. } => {
                open.push(Open { place: Some(index), kind: FrameKind::Block, named: false })
            }
            Operator::If { .. } => open.push(Open { place: Some(index), kind: FrameKind::If, named: false }),
            Operator::Loop { .. } => {
                open.push(Open { place: Some(index), kind: FrameKind::Loop, named: false });
                begins[index + 1] = true;
            }
            Operator::Else => {
                begins[index + 1] = true;
                if let Some(block) = block_at(instructions, &open) {
                    block.otherwise = Some(index);
                }
            }
            Operator::End => {
                if let Some(block) = block_at(instructions, &open) {
                    block.end = index;
                }
                let closed = open.pop().expect("valid bodies are nested");
                begins[index + 1] = match closed.kind {
                    FrameKind::If => true,
                    FrameKind::Loop => false,
                    _ => closed.named,
                };
            }
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                name(&mut open, *relative_depth);
            }
            Operator::BrTable { targets } => {
                for target in targets.targets() {
                    name(&mut open, target?);
                }
                name(&mut open, targets.default());
            }
            _ => {}
        }
    }
    begins.truncate(instructions.len());
    Ok(begins)
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
