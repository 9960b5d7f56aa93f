//! A module as the interpreter wants it: functions as steps whose branches know where they lead.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{
    BlockType, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncType, FunctionBody,
    KnownCustom, Name, Operator, Parser, Payload, TypeRef,
};

use super::step::{Step, decode};
use super::value::Value;

/// Where the functions are imported from that say what is secret.
const SECRECY: &str = "secrecy";

/// What a function is.
pub(crate) enum Body {
    /// `classify(address, bytes)`.
    Classify,
    /// `declassify(address, bytes)`.
    Declassify,
    /// Steps, each with its place in the file.
    Steps { locals: usize, steps: Vec<(Step, usize)> },
}

/// A function.
pub(crate) struct Function {
    pub(crate) params: usize,
    pub(crate) results: usize,
    pub(crate) body: Body,
}

/// A module.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) functions: Vec<Function>,
    pub(crate) names: HashMap<u32, String>,
    pub(crate) exports: HashMap<String, u32>,
    pub(crate) globals: Vec<Value>,
    /// Pages at the start.
    pub(crate) memory_pages: u64,
    pub(crate) data: Vec<(usize, Vec<u8>)>,
    pub(crate) table: Vec<Option<u32>>,
}

/// The parts of a module that refer to each other.
#[derive(Default)]
struct Types {
    all: Vec<FuncType>,
    /// The type of each function.
    of: Vec<u32>,
}

impl Types {
    fn arity(&self, index: u32) -> Result<(usize, usize)> {
        let kind = self.all.get(index as usize).context("a type that isn't there")?;
        Ok((kind.params().len(), kind.results().len()))
    }

    fn arity_of_block(&self, kind: BlockType) -> Result<(usize, usize)> {
        match kind {
            BlockType::Empty => Ok((0, 0)),
            BlockType::Type(_) => Ok((0, 1)),
            BlockType::FuncType(index) => self.arity(index),
        }
    }
}

impl Module {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let (mut module, mut types) = (Self::default(), Types::default());
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload?, &mut types)?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'_>, types: &mut Types) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for kind in section.into_iter_err_on_gc_types() {
                    types.all.push(kind?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let (TypeRef::Func(kind), SECRECY) = (import.ty, import.module) else {
                        bail!("imports {}.{}", import.module, import.name);
                    };
                    let body = match import.name {
                        "classify" => Body::Classify,
                        "declassify" => Body::Declassify,
                        name => bail!("imports {name}"),
                    };
                    let (params, results) = types.arity(kind)?;
                    types.of.push(kind);
                    self.functions.push(Function { params, results, body });
                }
            }
            Payload::FunctionSection(section) => {
                for kind in section {
                    types.of.push(kind?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    ensure!(self.table.is_empty(), "has two tables");
                    self.table = vec![None; usize::try_from(table?.ty.initial)?];
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory_pages = memory?.initial;
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(constant(&global?.init_expr)?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.insert(export.name.to_owned(), export.index);
                    }
                }
            }
            other => self.add_contents(other, types)?,
        }
        Ok(())
    }

    fn add_contents(&mut self, payload: Payload<'_>, types: &Types) -> Result<()> {
        match payload {
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    let ElementKind::Active { offset_expr, .. } = element.kind else {
                        bail!("passive elements")
                    };
                    let ElementItems::Functions(functions) = element.items else {
                        bail!("computed elements")
                    };
                    let start = constant(&offset_expr)?.index();
                    for (index, function) in functions.into_iter().enumerate() {
                        *self.table.get_mut(start + index).context("elements beyond the table")? =
                            Some(function?);
                    }
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    let DataKind::Active { offset_expr, .. } = data.kind else { bail!("passive data") };
                    self.data.push((constant(&offset_expr)?.index(), data.data.to_vec()));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let kind = *types.of.get(self.functions.len()).context("a function without a type")?;
                let (params, results) = types.arity(kind)?;
                let body = function(&body, types)?;
                self.functions.push(Function { params, results, body });
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for part in names {
                        let Name::Function(names) = part? else { continue };
                        for name in names {
                            let name = name?;
                            self.names.insert(name.index, name.name.to_owned());
                        }
                    }
                }
            }
            Payload::StartSection { .. } => bail!("has a start function"),
            _ => {}
        }
        Ok(())
    }
}

fn constant(expression: &ConstExpr<'_>) -> Result<Value> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(Value::u32(value.cast_unsigned())),
        Operator::I64Const { value } => Ok(Value::public(value.cast_unsigned().into())),
        other => bail!("{other:?} at the start"),
    }
}

/// Makes steps, then tells the heads of blocks where these end.
fn function(body: &FunctionBody<'_>, types: &Types) -> Result<Body> {
    let mut locals = 0;
    for group in body.get_locals_reader()? {
        locals += group?.0 as usize;
    }
    let mut steps = Vec::new();
    // Heads of the blocks that are open.
    let mut open: Vec<usize> = Vec::new();
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let (operator, place) = reader.read_with_offset()?;
        let here = steps.len();
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                let (params, results) = types.arity_of_block(blockty)?;
                open.push(here);
                let is_if = matches!(operator, Operator::If { .. });
                let step = if is_if {
                    Step::If { params, results, otherwise: None, end: 0 }
                } else {
                    Step::Block { params, results, end: 0 }
                };
                steps.push((step, place));
            }
            Operator::Loop { blockty } => {
                open.push(here);
                steps.push((Step::Loop { params: types.arity_of_block(blockty)?.0 }, place));
            }
            Operator::Else => {
                let head = *open.last().context("an else without its if")?;
                if let Step::If { otherwise, .. } = &mut steps[head].0 {
                    *otherwise = Some(here);
                }
                steps.push((Step::Else { end: 0 }, place));
            }
            Operator::End => {
                close(&mut steps, open.pop(), here);
                steps.push((Step::End, place));
            }
            Operator::CallIndirect { type_index, .. } => {
                steps.push((Step::CallIndirect { arity: types.arity(type_index)? }, place));
            }
            other => decode(other, |step| steps.push((step, place)))?,
        }
    }
    Ok(Body::Steps { locals, steps })
}

fn close(steps: &mut [(Step, usize)], head: Option<usize>, here: usize) {
    let Some(head) = head else { return };
    let mut middle = None;
    match &mut steps[head].0 {
        Step::Block { end, .. } => *end = here,
        Step::If { end, otherwise, .. } => {
            *end = here;
            middle = *otherwise;
        }
        _ => {}
    }
    if let Some((Step::Else { end }, _)) = middle.map(|middle| &mut steps[middle]) {
        *end = here;
    }
}
