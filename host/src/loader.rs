//! What a module must be before it runs: its sections, imports and exports.

use dagvault_api::SECTIONS;
use dagvault_core::abi::{IMPORT_MODULE, exports};
use dagvault_core::layout::{MEMORY_PAGES_MAX, MEMORY_PAGES_MIN};
use wasmparser::{DataKind, Parser, Payload};
use wasmtime::{ExternType, Module, Mutability, ValType};

use crate::failure::StartError;
use crate::imports::ALLOWED;

const SECTION_PREFIX: &str = "dagvault.";
const MEMORY_IMPORT: (&str, &str) = ("env", "memory");

const I32: &[ValType] = &[ValType::I32];
const I64: &[ValType] = &[ValType::I64];

/// Exported functions with their arguments and results.
const FUNCTIONS: [(&str, &[ValType], &[ValType]); 7] = [
    (exports::ABI_VERSION, &[], I32),
    (exports::ALLOC, I32, I32),
    (exports::FREE, &[ValType::I32, ValType::I32], &[]),
    (exports::CALL, &[ValType::I32, ValType::I32], I64),
    (exports::RUN_JOB, &[ValType::I32, ValType::I32, ValType::I32], &[]),
    (exports::HEAP, I32, I64),
    (exports::INIT_TLS, I32, &[]),
];

/// Exported globals of type `i32`.
const GLOBALS: [(&str, Mutability); 6] = [
    (exports::STACK_POINTER, Mutability::Var),
    (exports::TLS_BASE, Mutability::Var),
    (exports::TLS_SIZE, Mutability::Const),
    (exports::TLS_ALIGN, Mutability::Const),
    (exports::HEAP_BASE, Mutability::Const),
    (exports::DATA_END, Mutability::Const),
];

/// Checks what can be seen in the bytes, before anything is compiled: each section of the ABI is there once and
/// byte for byte, and no data segment would be written anew by each instance.
pub(crate) fn check_bytes(module: &[u8]) -> Result<(), StartError> {
    let mut found = [false; SECTIONS.len()];
    let unreadable =
        |error: wasmparser::BinaryReaderError| StartError::refused(format!("unreadable: {error}"));
    let mut parser = Parser::new(0);
    let mut rest = module;
    loop {
        let (consumed, payload) = match parser.parse(rest, true).map_err(unreadable)? {
            wasmparser::Chunk::Parsed { consumed, payload } => (consumed, payload),
            wasmparser::Chunk::NeedMoreData(_) => return Err(StartError::refused("unreadable: cut off")),
        };
        let mut skip = 0;
        match payload {
            Payload::CustomSection(section) if section.name().starts_with(SECTION_PREFIX) => {
                check_section(section.name(), section.data(), &mut found)?;
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    if !matches!(segment.map_err(unreadable)?.kind, DataKind::Passive) {
                        return Err(StartError::refused("it has an active data segment"));
                    }
                }
            }
            Payload::CodeSectionStart { size, .. } => {
                // Bodies are Wasmtime's to check.
                parser.skip_section();
                skip = size as usize;
            }
            Payload::End(_) => break,
            _ => {}
        }
        rest = rest.get(consumed + skip..).ok_or_else(|| StartError::refused("unreadable: cut off"))?;
    }
    match SECTIONS.iter().zip(found).find(|(_, found)| !found) {
        Some(((name, _), _)) => Err(StartError::refused(format!("it has no section '{name}'"))),
        None => Ok(()),
    }
}

fn check_section(name: &str, data: &[u8], found: &mut [bool; SECTIONS.len()]) -> Result<(), StartError> {
    let Some(index) = SECTIONS.iter().position(|(known, _)| *known == name) else {
        return Err(StartError::refused(format!("it has an unknown section '{}'", name.escape_debug())));
    };
    if SECTIONS[index].1 != data {
        let advice = if name == "dagvault.api" { ": it was built from another version" } else { "" };
        return Err(StartError::refused(format!("its section '{name}' is not the one of this host{advice}")));
    }
    if std::mem::replace(&mut found[index], true) {
        return Err(StartError::refused(format!("it has two sections '{name}'")));
    }
    Ok(())
}

/// Checks the types of a compiled module's imports and exports.
pub(crate) fn check_types(module: &Module) -> Result<(), StartError> {
    let mut memories = 0;
    for import in module.imports() {
        let place = format!("import '{}.{}'", import.module().escape_debug(), import.name().escape_debug());
        match import.ty() {
            ExternType::Memory(memory) if (import.module(), import.name()) == MEMORY_IMPORT => {
                memories += 1;
                let limits = (memory.minimum(), memory.maximum());
                let expected = (u64::from(MEMORY_PAGES_MIN), Some(u64::from(MEMORY_PAGES_MAX)));
                if !memory.is_shared() || memory.is_64() || limits != expected {
                    return Err(StartError::refused(format!("its {place} has other limits: {memory:?}")));
                }
            }
            ExternType::Func(function) if import.module() == IMPORT_MODULE => {
                let Some((_, arguments)) = ALLOWED.iter().find(|(name, _)| *name == import.name()) else {
                    return Err(StartError::refused(format!("its {place} is not in the ABI")));
                };
                if !same(function.params(), arguments) || !same(function.results(), I64) {
                    return Err(StartError::refused(format!("its {place} has another type: {function}")));
                }
            }
            _ => return Err(StartError::refused(format!("its {place} is not in the ABI"))),
        }
    }
    if memories != 1 {
        return Err(StartError::refused("it does not import the one memory 'env.memory'"));
    }
    check_exports(module)
}

fn check_exports(module: &Module) -> Result<(), StartError> {
    for (name, arguments, results) in FUNCTIONS {
        match module.get_export(name) {
            Some(ExternType::Func(function))
                if same(function.params(), arguments) && same(function.results(), results) => {}
            other => return Err(wrong_export(name, other)),
        }
    }
    for (name, mutability) in GLOBALS {
        match module.get_export(name) {
            Some(ExternType::Global(global))
                if matches!(global.content(), ValType::I32) && global.mutability() == mutability => {}
            other => return Err(wrong_export(name, other)),
        }
    }
    Ok(())
}

fn wrong_export(name: &str, found: Option<ExternType>) -> StartError {
    match found {
        None => StartError::refused(format!("it does not export '{name}'")),
        Some(_) => StartError::refused(format!("its export '{name}' has another type")),
    }
}

fn same(found: impl ExactSizeIterator<Item = ValType>, expected: &[ValType]) -> bool {
    found.len() == expected.len()
        && found.zip(expected).all(|(found, expected)| ValType::eq(&found, expected))
}
