//! The execution of a call: control, calls, variables, and what instructions cost.

use wasmparser::Operator;

use super::code::{Block, Function};
use super::gas::Gas;
use super::instantiate::{State, null};
use super::module::Module;
use super::stack::Stack;
use super::value::Value;
use super::{Guest, Host, Prices, Stop, Trap, numeric};

/// A call from the host, while it is executed.
pub(super) struct Execution<'m, 'a, H> {
    pub(super) module: &'m Module<'a>,
    pub(super) state: &'m mut State<'a>,
    host: &'m mut H,
    pub(super) prices: &'m dyn Prices,
    pub(super) gas: Gas,
    stack_left: u64,
    steps: u64,
    steps_max: u64,
    pub(super) operands: Stack,
    /// The functions that have been entered, the innermost last.
    frames: Vec<Frame<'m, 'a>>,
}

/// A function that was entered.
struct Frame<'m, 'a> {
    function: &'m Function<'a>,
    /// The place of the next instruction.
    next: usize,
    locals: Vec<Value>,
    /// The blocks that were entered, the innermost last.
    labels: Vec<Label>,
    /// The operands below its own.
    height: usize,
    results: usize,
}

/// A block that was entered.
struct Label {
    block: Block,
    /// Behind the `loop` if it is one: where branches lead to.
    again: Option<usize>,
    /// The operands below its own.
    height: usize,
}

impl<'m, 'a, H: Host> Execution<'m, 'a, H> {
    pub(super) fn new(
        module: &'m Module<'a>,
        state: &'m mut State<'a>,
        host: &'m mut H,
        prices: &'m dyn Prices,
        gas: Gas,
        stack_left: u64,
        steps_max: u64,
    ) -> Self {
        let operands = Stack::default();
        let frames = Vec::new();
        Self { module, state, host, prices, gas, stack_left, steps: 0, steps_max, operands, frames }
    }

    pub(super) fn gas(&self) -> &Gas {
        &self.gas
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Calls a function from the host and returns its results.
    pub(super) fn call(&mut self, function: usize, arguments: &[Value]) -> Result<Vec<Value>, Stop> {
        self.operands.extend(arguments);
        self.enter(function)?;
        while !self.frames.is_empty() {
            self.step()?;
        }
        Ok(self.operands.split(self.module.type_of(function).results().len()))
    }

    fn frame(&mut self) -> &mut Frame<'m, 'a> {
        self.frames.last_mut().expect("instructions are executed in functions")
    }

    /// Enters a function, or lets the host answer it if it is imported.
    fn enter(&mut self, index: usize) -> Result<(), Stop> {
        let module = self.module;
        let of = module.type_of(index);
        if let Some(import) = module.imports.get(index) {
            let arguments = self.operands.split(of.params().len());
            let mut guest = Guest { memory: &mut self.state.memory.bytes, gas: &mut self.gas };
            let results = self.host.call(import.module, import.name, &arguments, &mut guest)?;
            assert!(module.takes(&results, of.results()), "a host function returns values of its types");
            self.operands.extend(&results);
            return Ok(());
        }
        let function = &module.functions[index - module.imports.len()];
        self.stack_left = self.stack_left.checked_sub(function.taken).ok_or(Stop::StackExhausted)?;
        let mut locals = self.operands.split(of.params().len());
        for (count, zero) in &function.locals {
            locals.extend((0..*count).map(|_| *zero));
        }
        let (height, results) = (self.operands.len(), of.results().len());
        self.frames.push(Frame { function, next: 0, locals, labels: Vec::new(), height, results });
        Ok(())
    }

    /// Leaves the innermost function with its results.
    fn leave(&mut self) {
        let frame = self.frames.pop().expect("a function is left that was entered");
        self.operands.unwind(frame.height, frame.results);
        self.stack_left += frame.function.taken;
    }

    /// Executes one instruction.
    fn step(&mut self) -> Result<(), Stop> {
        if self.steps == self.steps_max {
            return Err(Stop::StepLimit);
        }
        self.steps += 1;
        let frame = self.frame();
        let function = frame.function;
        let instruction = &function.instructions[frame.next];
        frame.next += 1;
        self.gas.charge(instruction.cost)?;
        let operator = &instruction.operator;
        if let Some(block) = instruction.block {
            self.open(operator, block);
            return Ok(());
        }
        if self.variable(operator) {
            return Ok(());
        }
        if let Some(done) = numeric::execute(operator, &mut self.operands)
            .or_else(|| self.state.memory.access(operator, &mut self.operands))
        {
            return Ok(done?);
        }
        match self.control(operator).or_else(|| self.bulk(operator)).or_else(|| self.reference(operator)) {
            Some(done) => done,
            None => unreachable!("validation knows no other instruction: {operator:?}"),
        }
    }

    /// `block`, `loop` and `if`.
    fn open(&mut self, operator: &Operator<'_>, block: Block) {
        let taken = !matches!(operator, Operator::If { .. }) || self.operands.take::<bool>();
        let height = self.operands.len() - block.parameters;
        let frame = self.frame();
        let again = matches!(operator, Operator::Loop { .. }).then_some(frame.next);
        if !taken {
            // Behind its `else`, or at its `end`.
            frame.next = block.otherwise.map_or(block.end, |place| place + 1);
        }
        frame.labels.push(Label { block, again, height });
    }

    /// Branches to the block at a depth.
    fn branch(&mut self, depth: u32) {
        let frame = self.frame();
        let Some(index) = frame.labels.len().checked_sub(1 + depth as usize) else {
            // The outermost block is the function itself.
            self.leave();
            return;
        };
        let label = &frame.labels[index];
        let (block, again, height) = (label.block, label.again, label.height);
        match again {
            Some(place) => {
                frame.next = place;
                frame.labels.truncate(index + 1);
                self.operands.unwind(height, block.parameters);
            }
            None => {
                frame.next = block.end + 1;
                frame.labels.truncate(index);
                self.operands.unwind(height, block.results);
            }
        }
    }

    fn control(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        match operator {
            Operator::Nop => {}
            Operator::Unreachable => return Some(Err(Stop::Trap(Trap::Unreachable))),
            Operator::Else => {
                // Behind the first arm: on to the `end`.
                let frame = self.frame();
                frame.next = frame.labels.last().expect("an `else` has its `if`").block.end;
            }
            Operator::End => {
                if self.frame().labels.pop().is_none() {
                    self.leave();
                }
            }
            Operator::Br { relative_depth } => self.branch(*relative_depth),
            Operator::BrIf { relative_depth } => {
                if self.operands.take() {
                    self.branch(*relative_depth);
                }
            }
            Operator::BrTable { targets } => {
                let index = self.operands.take::<u32>() as usize;
                let target = targets.targets().nth(index).map(|target| target.expect("was validated"));
                self.branch(target.unwrap_or(targets.default()));
            }
            Operator::Return => self.leave(),
            Operator::Call { function_index } => return Some(self.enter(*function_index as usize)),
            Operator::CallIndirect { type_index, table_index } => {
                return Some(self.indirect(*type_index as usize, *table_index as usize));
            }
            _ => return None,
        }
        Some(Ok(()))
    }

    fn indirect(&mut self, type_index: usize, table_index: usize) -> Result<(), Stop> {
        let index = self.operands.take();
        let function = match self.state.tables[table_index].get(index)? {
            Value::FuncRef(Some(function)) => function as usize,
            _ => return Err(Stop::Trap(Trap::IndirectCallToNull)),
        };
        if *self.module.type_of(function) != self.module.types[type_index] {
            return Err(Stop::Trap(Trap::BadSignature));
        }
        self.enter(function)
    }

    /// Locals, globals, `drop` and `select`; whether it was one of them.
    fn variable(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::LocalGet { local_index } => {
                let value = self.frame().locals[*local_index as usize];
                self.operands.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.operands.pop();
                self.frame().locals[*local_index as usize] = value;
            }
            Operator::LocalTee { local_index } => {
                let value = self.operands.top();
                self.frame().locals[*local_index as usize] = value;
            }
            Operator::GlobalGet { global_index } => {
                self.operands.push(self.state.globals[*global_index as usize]);
            }
            Operator::GlobalSet { global_index } => {
                self.state.globals[*global_index as usize] = self.operands.pop();
            }
            Operator::Drop => {
                self.operands.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                let first = self.operands.take();
                let (b, a) = (self.operands.pop(), self.operands.pop());
                self.operands.push(if first { a } else { b });
            }
            _ => return false,
        }
        true
    }

    fn reference(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        match operator {
            Operator::RefNull { hty } => self.operands.push(null(*hty).expect("was validated")),
            Operator::RefIsNull => {
                let reference = self.operands.pop();
                self.operands.put(matches!(reference, Value::FuncRef(None) | Value::ExternRef(None)));
            }
            Operator::RefFunc { function_index } => {
                self.operands.push(Value::FuncRef(Some(*function_index)));
            }
            _ => return None,
        }
        Some(Ok(()))
    }
}
