//! Runs a module and reports where its time or its traces in caches depend on secrets.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::module::{Body, Function, Module};
use super::step::{Division, Step};
use super::value::{Value, all_if_any, choose, ones, signed};
use super::vector;

const PAGE_BYTES: usize = 65536;
/// Far more than the kernels take.
const PAGES_MAX: usize = 1024;
/// So that the interpreter's own stack suffices.
const CALLS_MAX: usize = 200;

/// What depends on a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leak {
    Address,
    Branch,
    Call,
    Division,
    Length,
}

/// An instance of a module.
pub(crate) struct Machine<'a> {
    module: &'a Module,
    memory: Vec<u8>,
    /// Ones where a bit of the memory is secret.
    secret: Vec<u8>,
    globals: Vec<Value>,
    stack: Vec<Value>,
    calls: usize,
    /// By function and place in the file, how often.
    pub(crate) leaks: BTreeMap<(u32, usize, Leak), u64>,
    /// Choices by a secret that are no branch in WebAssembly; an engine might make one of it.
    pub(crate) selects: u64,
}

/// Where a branch leads.
#[derive(Clone, Copy)]
struct Label {
    step: usize,
    height: usize,
    arity: usize,
    /// Stays open when it is branched to.
    repeats: bool,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(module: &'a Module) -> Result<Self> {
        let bytes = usize::try_from(module.memory_pages)? * PAGE_BYTES;
        let mut memory = vec![0; bytes];
        for (start, data) in &module.data {
            let place = memory.get_mut(*start..start + data.len()).context("data beyond the memory")?;
            place.copy_from_slice(data);
        }
        Ok(Self {
            module,
            memory,
            secret: vec![0; bytes],
            globals: module.globals.clone(),
            stack: Vec::new(),
            calls: 0,
            leaks: BTreeMap::new(),
            selects: 0,
        })
    }

    /// Calls an export with public arguments; answers its result, 0 for none.
    pub(crate) fn call(&mut self, name: &str, arguments: &[u64]) -> Result<u32> {
        let index = *self.module.exports.get(name).with_context(|| format!("exports no {name}"))?;
        self.stack.clear();
        self.stack.extend(arguments.iter().map(|&argument| Value::public(argument.into())));
        self.run(index)?;
        let result = self.stack.pop().map_or(0, |value| value.low(32).bits);
        Ok(u32::try_from(result)?)
    }

    /// A piece of the memory.
    pub(crate) fn bytes(&mut self, start: u32, bytes: u32) -> Result<&mut [u8]> {
        let start = start as usize;
        self.memory.get_mut(start..start + bytes as usize).context("beyond the memory")
    }

    /// Marks bytes of the memory as secret or public.
    pub(crate) fn mark(&mut self, start: u32, bytes: u32, secret: bool) -> Result<()> {
        let start = start as usize;
        let marks = self.secret.get_mut(start..start + bytes as usize).context("beyond the memory")?;
        marks.fill(if secret { 0xff } else { 0 });
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().context("an empty stack")
    }

    fn run(&mut self, index: u32) -> Result<()> {
        let function = self.module.functions.get(index as usize).context("a function that isn't there")?;
        match &function.body {
            Body::Classify | Body::Declassify => {
                let (bytes, start) = (self.pop()?.index(), self.pop()?.index());
                let secret = matches!(function.body, Body::Classify);
                self.mark(u32::try_from(start)?, u32::try_from(bytes)?, secret)
            }
            Body::Steps { locals, steps } => {
                ensure!(self.calls < CALLS_MAX, "calls too deep");
                self.calls += 1;
                let base = self.stack.len().checked_sub(function.params).context("too few arguments")?;
                let mut frame = self.stack.split_off(base);
                frame.resize(function.params + locals, Value::default());
                self.run_steps(index, function, steps, frame)?;
                self.calls -= 1;
                Ok(())
            }
        }
    }

    fn run_steps(
        &mut self,
        index: u32,
        function: &Function,
        steps: &[(Step, usize)],
        mut frame: Vec<Value>,
    ) -> Result<()> {
        let height = self.stack.len();
        let mut labels = vec![Label { step: steps.len(), height, arity: function.results, repeats: false }];
        let mut next = 0;
        while let Some((step, place)) = steps.get(next) {
            let at = (index, *place);
            let here = next;
            next += 1;
            match step {
                Step::Block { params, results, end } => {
                    let height = self.stack.len() - params;
                    labels.push(Label { step: end + 1, height, arity: *results, repeats: false });
                }
                Step::Loop { params } => {
                    let height = self.stack.len() - params;
                    labels.push(Label { step: here + 1, height, arity: *params, repeats: true });
                }
                Step::If { params, results, otherwise, end } => {
                    let taken = self.decide(at)? != 0;
                    let height = self.stack.len() - params;
                    labels.push(Label { step: end + 1, height, arity: *results, repeats: false });
                    if !taken {
                        next = otherwise.map_or(*end, |otherwise| otherwise + 1);
                    }
                }
                Step::Else { end } => next = *end,
                Step::End => {
                    labels.pop();
                }
                Step::Branch(depth) => next = self.branch(&mut labels, *depth)?,
                Step::BranchIf(depth) => {
                    if self.decide(at)? != 0 {
                        next = self.branch(&mut labels, *depth)?;
                    }
                }
                Step::BranchTable(depths) => {
                    let number = self.decide(at)?.min(depths.len() - 1);
                    next = self.branch(&mut labels, depths[number])?;
                }
                Step::Return => {
                    let outermost = u32::try_from(labels.len())? - 1;
                    next = self.branch(&mut labels, outermost)?;
                }
                Step::LocalGet(local) => self.stack.push(frame[*local as usize]),
                Step::LocalSet(local) => frame[*local as usize] = self.pop()?,
                Step::LocalTee(local) => {
                    frame[*local as usize] = *self.stack.last().context("an empty stack")?
                }
                other => self.step(other, at)?,
            }
        }
        ensure!(self.stack.len() == height + function.results, "a stack out of balance");
        Ok(())
    }

    /// Takes the branch; answers the next step.
    fn branch(&mut self, labels: &mut Vec<Label>, depth: u32) -> Result<usize> {
        let index = labels.len().checked_sub(depth as usize + 1).context("a branch out of its function")?;
        let label = labels[index];
        let kept = self.stack.len().checked_sub(label.arity).context("too few results")?;
        self.stack.drain(label.height..kept);
        labels.truncate(index + usize::from(label.repeats));
        Ok(label.step)
    }

    fn report(&mut self, (function, place): (u32, usize), leak: Leak) {
        *self.leaks.entry((function, place, leak)).or_default() += 1;
    }

    /// Pops what a branch depends on.
    fn decide(&mut self, at: (u32, usize)) -> Result<usize> {
        let condition = self.pop()?.low(32);
        if condition.is_secret() {
            self.report(at, Leak::Branch);
        }
        Ok(condition.index())
    }

    /// Pops an address; answers the start of `bytes` bytes there.
    fn address(&mut self, at: (u32, usize), offset: usize, bytes: usize) -> Result<usize> {
        let address = self.pop()?.low(32);
        if address.is_secret() {
            self.report(at, Leak::Address);
        }
        let start = address.index() + offset;
        ensure!(start + bytes <= self.memory.len(), "an address beyond the memory");
        Ok(start)
    }

    fn length(&mut self, at: (u32, usize)) -> Result<usize> {
        let length = self.pop()?.low(32);
        if length.is_secret() {
            self.report(at, Leak::Length);
        }
        Ok(length.index())
    }

    fn load(&self, start: usize, bytes: usize) -> Value {
        let number = |memory: &[u8]| {
            let mut all = [0; 16];
            all[..bytes].copy_from_slice(&memory[start..start + bytes]);
            u128::from_le_bytes(all)
        };
        Value { bits: number(&self.memory), secret: number(&self.secret) }
    }

    fn store(&mut self, start: usize, bytes: usize, value: Value) {
        self.memory[start..start + bytes].copy_from_slice(&value.bits.to_le_bytes()[..bytes]);
        self.secret[start..start + bytes].copy_from_slice(&value.secret.to_le_bytes()[..bytes]);
    }

    /// What needs no labels and no locals.
    fn step(&mut self, step: &Step, at: (u32, usize)) -> Result<()> {
        match *step {
            Step::Call(function) => return self.run(function),
            Step::CallIndirect { arity } => return self.call_indirect(arity, at),
            Step::Drop => {
                self.pop()?;
                return Ok(());
            }
            Step::GlobalSet(global) => {
                self.globals[global as usize] = self.pop()?;
                return Ok(());
            }
            Step::Store { offset, bytes } => {
                let value = self.pop()?;
                let start = self.address(at, offset, bytes)?;
                self.store(start, bytes, value);
                return Ok(());
            }
            Step::MemoryCopy | Step::MemoryFill => return self.bulk(step, at),
            Step::Unreachable => bail!("a trap"),
            Step::Unknown(ref name) => bail!("the interpreter doesn't know {name}"),
            _ => {}
        }
        let value = self.value(step, at)?;
        self.stack.push(value);
        Ok(())
    }

    /// The one result of a step.
    fn value(&mut self, step: &Step, at: (u32, usize)) -> Result<Value> {
        Ok(match *step {
            Step::Constant(value) => value,
            Step::GlobalGet(global) => self.globals[global as usize],
            Step::Load { offset, bytes } => {
                let start = self.address(at, offset, bytes)?;
                self.load(start, bytes)
            }
            Step::LoadLane { offset, bytes, lane } => {
                let vector = self.pop()?;
                let start = self.address(at, offset, bytes)?;
                let width = u32::try_from(8 * bytes)?;
                replaced(width, lane, vector, self.load(start, bytes))
            }
            Step::Unary(f) => f(self.pop()?),
            Step::Binary(f) => {
                let b = self.pop()?;
                f(self.pop()?, b)
            }
            Step::Ternary(f) => {
                let (c, b) = (self.pop()?, self.pop()?);
                f(self.pop()?, b, c)
            }
            Step::Select => {
                let (flag, b) = (self.pop()?, self.pop()?);
                self.selects += u64::from(flag.low(32).is_secret());
                choose(self.pop()?, b, flag)
            }
            Step::Divide(division) => self.divide(division, at)?,
            Step::SignExtend { from, to } => self.pop()?.sign_extended(from, to),
            Step::ExtractLane { width, lane } => vector::lane(width, lane, self.pop()?),
            Step::ReplaceLane { width, lane } => {
                let new = self.pop()?;
                replaced(width, lane, self.pop()?, new)
            }
            Step::Shuffle(lanes) => {
                let (b, a) = (self.pop()?, self.pop()?);
                vector::from_lanes(8, |index| match lanes[index as usize] {
                    lane @ 0..16 => vector::lane(8, lane.into(), a),
                    lane => vector::lane(8, u32::from(lane) - 16, b),
                })
            }
            Step::RelaxedSwizzle => {
                let index = self.pop()?;
                ensure!(vector::is_defined_everywhere(index), "an index whose result engines may choose");
                vector::swizzle(self.pop()?, index)
            }
            Step::MemorySize => Value::u32(u32::try_from(self.memory.len() / PAGE_BYTES)?),
            Step::MemoryGrow => {
                let pages = self.length(at)?;
                let before = self.memory.len() / PAGE_BYTES;
                if before + pages > PAGES_MAX {
                    Value::u32(u32::MAX)
                } else {
                    self.memory.resize((before + pages) * PAGE_BYTES, 0);
                    self.secret.resize((before + pages) * PAGE_BYTES, 0);
                    Value::u32(u32::try_from(before)?)
                }
            }
            _ => bail!("a step out of its place"),
        })
    }

    fn call_indirect(&mut self, arity: (usize, usize), at: (u32, usize)) -> Result<()> {
        let index = self.pop()?.low(32);
        if index.is_secret() {
            self.report(at, Leak::Call);
        }
        let function =
            self.module.table.get(index.index()).copied().flatten().context("an empty place of the table")?;
        let callee = &self.module.functions[function as usize];
        ensure!((callee.params, callee.results) == arity, "a call of another type");
        self.run(function)
    }

    fn bulk(&mut self, step: &Step, at: (u32, usize)) -> Result<()> {
        let length = self.length(at)?;
        if matches!(step, Step::MemoryFill) {
            let value = self.pop()?.low(8);
            let start = self.address(at, 0, length)?;
            self.memory[start..start + length].fill(u8::try_from(value.bits)?);
            self.secret[start..start + length].fill(u8::try_from(value.secret)?);
            return Ok(());
        }
        let from = self.address(at, 0, length)?;
        let to = self.address(at, 0, length)?;
        self.memory.copy_within(from..from + length, to);
        self.secret.copy_within(from..from + length, to);
        Ok(())
    }

    fn divide(
        &mut self,
        Division { width, signed: is_signed, rest }: Division,
        at: (u32, usize),
    ) -> Result<Value> {
        let (b, a) = (self.pop()?, self.pop()?);
        if a.is_secret() || b.is_secret() {
            self.report(at, Leak::Division);
        }
        let number =
            |value: Value| if is_signed { signed(width, value.bits) } else { value.bits.cast_signed() };
        let (a_number, b_number) = (number(a), number(b));
        ensure!(b_number != 0, "a division by zero");
        let result = if rest { a_number % b_number } else { a_number / b_number };
        let secret = all_if_any(width, a.secret | b.secret);
        Ok(Value { bits: result.cast_unsigned() & ones(width), secret })
    }
}

/// A vector with another lane.
fn replaced(width: u32, lane: u32, vector: Value, new: Value) -> Value {
    vector::from_lanes(width, |index| if index == lane { new } else { vector::lane(width, index, vector) })
}
