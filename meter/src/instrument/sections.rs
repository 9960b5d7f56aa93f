//! Sections other than code: most stay as they are, some get something appended.

use std::collections::BTreeMap;

use wasm_encoder::{MemorySection, MemoryType, RefType, TableSection, TableType};
use wasmparser::{BinaryReader, Payload, ValType};

use super::emit::leb;
use super::{FULL, GAS, STACK, START, count_of};
use crate::admit::{Facts, Refusal, Signature};

/// The sections that are kept, in the order of the format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Types,
    Imports,
    Functions,
    Tables,
    Memories,
    Globals,
    Exports,
    Elements,
    DataCount,
    Code,
    Data,
}

impl Section {
    /// Its number in the format.
    fn id(self) -> u8 {
        match self {
            Self::Types => 1,
            Self::Imports => 2,
            Self::Functions => 3,
            Self::Tables => 4,
            Self::Memories => 5,
            Self::Globals => 6,
            Self::Exports => 7,
            Self::Elements => 9,
            Self::DataCount => 12,
            Self::Code => 10,
            Self::Data => 11,
        }
    }
}

/// The contents of sections, but for code.
#[derive(Default)]
pub(super) struct Sections {
    contents: BTreeMap<Section, Vec<u8>>,
}

impl Sections {
    /// Takes a section as it is; those that are not kept are left out: `start`, and custom ones.
    pub(super) fn take(&mut self, payload: &Payload<'_>, bytes: &[u8]) -> Result<(), Refusal> {
        let (section, range) = match payload {
            Payload::TypeSection(section) => (Section::Types, section.range()),
            Payload::ImportSection(section) => (Section::Imports, section.range()),
            Payload::FunctionSection(section) => (Section::Functions, section.range()),
            Payload::TableSection(section) => (Section::Tables, section.range()),
            Payload::MemorySection(section) => (Section::Memories, section.range()),
            Payload::GlobalSection(section) => (Section::Globals, section.range()),
            Payload::ExportSection(section) => (Section::Exports, section.range()),
            Payload::ElementSection(section) => (Section::Elements, section.range()),
            Payload::DataCountSection { range, .. } => (Section::DataCount, range.clone()),
            Payload::DataSection(section) => (Section::Data, section.range()),
            _ => return Ok(()),
        };
        let content = bytes.get(range).ok_or(Refusal::Facts)?;
        self.contents.insert(section, content.to_vec());
        Ok(())
    }

    /// Appends types, the globals and the exports, and bounds what memory and tables can grow to.
    pub(super) fn rewrite(&mut self, facts: &Facts, types: &[Signature]) -> Result<(), Refusal> {
        let mut added = Vec::new();
        for ty in types {
            added.push(0x60);
            for values in [&ty.params, &ty.results] {
                leb(count_of(values.len())?, &mut added);
                for value in values {
                    value_type(*value, &mut added)?;
                }
            }
        }
        if !types.is_empty() {
            self.append(Section::Types, count_of(types.len())?, &added)?;
        }
        // Mutable, zero until the host sets them.
        let (long, short) = ([0x7e, 1, 0x42, 0, 0x0b], [0x7f, 1, 0x41, 0, 0x0b]);
        self.append(Section::Globals, 4, &[long, short, short, short].concat())?;
        let mut exports = Vec::new();
        let mut export = |name: &str, kind: u8, index: u32| -> Result<(), Refusal> {
            leb(count_of(name.len())?, &mut exports);
            exports.extend_from_slice(name.as_bytes());
            exports.push(kind);
            leb(index, &mut exports);
            Ok(())
        };
        export(GAS, 3, facts.globals_count)?;
        export(STACK, 3, facts.globals_count + 1)?;
        export(FULL, 3, facts.globals_count + 3)?;
        if let Some(start) = facts.start {
            export(START, 0, start)?;
        }
        self.append(Section::Exports, if facts.start.is_some() { 4 } else { 3 }, &exports)?;
        self.bound_memories(facts)?;
        self.bound_tables(facts)
    }

    /// Puts entries behind those of a section that begins with their count.
    fn append(&mut self, section: Section, count: u32, entries: &[u8]) -> Result<(), Refusal> {
        let old = self.contents.remove(&section).unwrap_or_else(|| vec![0]);
        let mut reader = BinaryReader::new(&old, 0);
        let before = reader.read_var_u32()?;
        let mut content = Vec::with_capacity(old.len() + entries.len() + 5);
        leb(before.checked_add(count).ok_or(Refusal::Facts)?, &mut content);
        content.extend_from_slice(old.get(reader.original_position()..).unwrap_or_default());
        content.extend_from_slice(entries);
        self.contents.insert(section, content);
        Ok(())
    }

    fn bound_memories(&mut self, facts: &Facts) -> Result<(), Refusal> {
        let Some(content) = self.contents.get(&Section::Memories) else {
            return Ok(());
        };
        let max = u64::from(facts.memory_pages_max);
        let mut memories = MemorySection::new();
        for memory in wasmparser::MemorySectionReader::new(BinaryReader::new(content, 0))? {
            let memory = memory?;
            memories.memory(MemoryType {
                minimum: memory.initial,
                maximum: Some(memory.maximum.map_or(max, |own| own.min(max))),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        self.contents.insert(Section::Memories, content_of(&memories)?);
        Ok(())
    }

    fn bound_tables(&mut self, facts: &Facts) -> Result<(), Refusal> {
        let Some(content) = self.contents.get(&Section::Tables) else {
            return Ok(());
        };
        let max = u64::from(facts.table_elements_max);
        let mut tables = TableSection::new();
        for table in wasmparser::TableSectionReader::new(BinaryReader::new(content, 0))? {
            let ty = table?.ty;
            tables.table(TableType {
                element_type: if ty.element_type.is_func_ref() {
                    RefType::FUNCREF
                } else {
                    RefType::EXTERNREF
                },
                minimum: ty.initial,
                maximum: Some(ty.maximum.map_or(max, |own| own.min(max))),
                table64: false,
                shared: false,
            });
        }
        self.contents.insert(Section::Tables, content_of(&tables)?);
        Ok(())
    }

    /// The module, and where in it the content of the code section begins.
    pub(super) fn write(mut self, code: Option<&[u8]>) -> Result<(Vec<u8>, u32), Refusal> {
        if let Some(code) = code {
            self.contents.insert(Section::Code, code.to_vec());
        }
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        let mut code_at = 0;
        for (section, content) in self.contents {
            bytes.push(section.id());
            leb(count_of(content.len())?, &mut bytes);
            if section == Section::Code {
                code_at = count_of(bytes.len())?;
            }
            bytes.extend_from_slice(&content);
        }
        Ok((bytes, code_at))
    }
}

/// The content of a section that is made anew, without its length.
fn content_of(section: &impl wasm_encoder::Encode) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    let mut reader = BinaryReader::new(&bytes, 0);
    let length = reader.read_var_u32()? as usize;
    Ok(reader.read_bytes(length)?.to_vec())
}

/// A type of a value, as it stands in the bytes.
pub(super) fn value_type(ty: ValType, bytes: &mut Vec<u8>) -> Result<(), Refusal> {
    bytes.push(match ty {
        ValType::I32 => 0x7f,
        ValType::I64 => 0x7e,
        ValType::F32 => 0x7d,
        ValType::F64 => 0x7c,
        ValType::Ref(ty) if ty.is_func_ref() => 0x70,
        ValType::Ref(ty) if ty.is_extern_ref() => 0x6f,
        ValType::V128 | ValType::Ref(_) => return Err(Refusal::Facts),
    });
    Ok(())
}
