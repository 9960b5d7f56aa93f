//! The operands. Validation has shown that what is popped is there, and of its type.

use super::value::{Number, Value};

/// The operands of all functions that are being executed.
#[derive(Debug, Default)]
pub(super) struct Stack(Vec<Value>);

impl Stack {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, value: Value) {
        self.0.push(value);
    }

    pub(super) fn pop(&mut self) -> Value {
        self.0.pop().expect("a valid module never pops from an empty stack")
    }

    pub(super) fn put(&mut self, number: impl Number) {
        self.push(number.value());
    }

    pub(super) fn take<T: Number>(&mut self) -> T {
        T::of(self.pop()).expect("a valid module pops what it pushed")
    }

    pub(super) fn top(&self) -> Value {
        *self.0.last().expect("a valid module never reads an empty stack")
    }

    /// Takes the topmost values, the topmost last.
    pub(super) fn split(&mut self, count: usize) -> Vec<Value> {
        self.0.split_off(self.0.len() - count)
    }

    pub(super) fn extend(&mut self, values: &[Value]) {
        self.0.extend_from_slice(values);
    }

    /// Keeps the `count` topmost values and drops those below them, down to `height`.
    pub(super) fn unwind(&mut self, height: usize, count: usize) {
        let kept = self.split(count);
        self.0.truncate(height);
        self.extend(&kept);
    }
}
