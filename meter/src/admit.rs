//! Admission: a module is valid, uses only what is listed, and stays within limits.

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, OperatorsReader, Parser, Payload,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

pub use crate::refusal::Refusal;

use crate::profile::{Floats, Imports};
use crate::reach::Reach;
use crate::refusal::bound;
use crate::schedule::Class;

mod facts;
mod sections;

pub use facts::{Export, Facts, Function, Signature};

/// Names that begin so are the host's.
pub const RESERVED: &str = "dv:";

/// What a module may have; counts unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The whole module, bytes.
    pub module_bytes: u32,
    /// Types.
    pub types: u32,
    /// Parameters of a type.
    pub params: u32,
    /// Results of a type.
    pub results: u32,
    /// Imports; the same one may be there more than once.
    pub imports_count: u32,
    /// What can be imported.
    pub imports: Imports,
    /// Functions of its own.
    pub functions: u32,
    /// Tables.
    pub tables: u32,
    /// Elements that a table can grow to.
    pub table_elements: u32,
    /// Pages that its memory can grow to.
    pub memory_pages: u32,
    /// Globals.
    pub globals: u32,
    /// Exports.
    pub exports: u32,
    /// A name of an export, bytes.
    pub name_bytes: u32,
    /// Element segments.
    pub element_segments: u32,
    /// Data segments.
    pub data_segments: u32,
    /// The code of a function, bytes.
    pub body_bytes: u32,
    /// Parameters and locals of a function.
    pub locals: u32,
    /// Blocks within one another.
    pub nesting: u32,
    /// Operands of a function at one time.
    pub operands: u32,
    /// Targets of a `br_table`.
    pub branch_targets: u32,
    /// Whether there may be floats.
    pub floats: Floats,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            module_bytes: 8 << 20,
            types: 10_000,
            params: 64,
            results: 16,
            imports_count: 256,
            imports: Imports::none(),
            functions: 20_000,
            tables: 16,
            table_elements: 65_536,
            memory_pages: 256,
            globals: 10_000,
            exports: 1_000,
            name_bytes: 1_024,
            element_segments: 10_000,
            data_segments: 10_000,
            body_bytes: 512 << 10,
            locals: 10_000,
            nesting: 512,
            operands: 10_000,
            branch_targets: 10_000,
            floats: Floats::Canonical,
        }
    }
}

/// The features that are admitted. Whatever is not here is refused by the validator, which names it.
fn features(floats: Floats) -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        // `externref` is behind it; the proposal itself stays off.
        | WasmFeatures::GC_TYPES;
    features.set(WasmFeatures::FLOATS, floats == Floats::Canonical);
    features
}

/// Says whether a module is admitted, and what instrumentation and host need to know of it.
///
/// Time and memory are bounded by the limits, and by a small multiple of the module's size.
///
/// # Errors
///
/// The first part of the module that is not valid, not admitted or above a limit.
pub fn admit(bytes: &[u8], limits: &Limits) -> Result<Facts, Refusal> {
    bound("bytes of module", bytes.len() as u64, limits.module_bytes, None)?;
    let mut admission = Admission {
        limits,
        validator: Validator::new_with_features(features(limits.floats)),
        facts: Facts::new(bytes.len(), limits),
        declared: Vec::new(),
        allocations: None,
    };
    for payload in Parser::new(0).parse_all(bytes) {
        admission.payload(&payload?)?;
    }
    if admission.facts.functions.len() != admission.declared.len() {
        return Err(Refusal::Facts);
    }
    Ok(admission.facts)
}

/// What is known so far.
struct Admission<'a> {
    limits: &'a Limits,
    validator: Validator,
    facts: Facts,
    /// The types of the module's own functions, whose bodies come later.
    declared: Vec<u32>,
    allocations: Option<FuncValidatorAllocations>,
}

impl Admission<'_> {
    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        self.bound_section(payload)?;
        if let ValidPayload::Func(function, body) = self.validator.payload(payload)? {
            let index = function.index;
            return self.function(function, &body).map_err(|refusal| refusal.within(index));
        }
        self.section(payload)
    }

    /// Validates a body, instruction by instruction, and measures it.
    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), Refusal> {
        let index = function.index;
        let bound = |what, count: u64, limit| bound(what, count, limit, Some(index));
        bound("bytes of code", body.range().len() as u64, self.limits.body_bytes)?;
        let ty = *self.declared.get(self.facts.functions.len()).ok_or(Refusal::Facts)?;
        let params = self.facts.types.get(ty as usize).ok_or(Refusal::Facts)?.params.len();
        let mut count = params as u64;
        // Counted before the validator takes them, which keeps a table.
        for group in body.get_locals_reader()? {
            count += u64::from(group?.0);
            bound("locals", count, self.limits.locals)?;
        }
        let mut validator = function.into_validator(self.allocations.take().unwrap_or_default());
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        let mut reader = OperatorsReader::new(reader);
        let mut reach = Reach::default();
        let mut operands = 0;
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset()?;
            // First: it names the feature that an instruction belongs to.
            validator.op(offset, &operator)?;
            self.instruction(&operator, index, offset)?;
            bound("nested blocks", u64::from(validator.control_stack_height()), self.limits.nesting)?;
            let height = validator.operand_stack_height();
            bound("operands", u64::from(height), self.limits.operands)?;
            if reach.step(&operator) {
                operands = operands.max(height);
            }
        }
        reader.finish()?;
        self.allocations = Some(validator.into_allocations());
        let locals = u32::try_from(count).map_err(|_| Refusal::Facts)?;
        self.facts.functions.push(Function { ty, locals, operands });
        Ok(())
    }

    /// What the validator doesn't ask of an instruction.
    fn instruction(&self, operator: &Operator<'_>, function: u32, offset: usize) -> Result<(), Refusal> {
        match operator {
            Operator::BrTable { targets } => {
                bound("branch targets", u64::from(targets.len()), self.limits.branch_targets, Some(function))
            }
            Operator::End
            | Operator::Else
            | Operator::Nop
            | Operator::Block { .. }
            | Operator::Loop { .. } => Ok(()),
            operator if Class::of(operator).is_some() => Ok(()),
            operator => {
                let mut name = format!("{operator:?}");
                name.truncate(name.find([' ', '{', '(']).unwrap_or(name.len()));
                Err(Refusal::Instruction { function, offset, name })
            }
        }
    }
}
