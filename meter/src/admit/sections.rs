//! Sections other than code: their counts before anything is read into memory, then what is in them.

use wasmparser::{ExternalKind, Payload, TypeRef};

use super::{Admission, Export, RESERVED, Refusal, Signature};
use crate::refusal::bound;

impl Admission<'_> {
    /// Refuses counts above the limits, before the validator makes room for them.
    pub(super) fn bound_section(&self, payload: &Payload<'_>) -> Result<(), Refusal> {
        let limits = self.limits;
        let (what, count, limit) = match payload {
            Payload::TypeSection(section) => ("types", section.count(), limits.types),
            Payload::ImportSection(section) => ("imports", section.count(), limits.imports_count),
            Payload::FunctionSection(section) => ("functions", section.count(), limits.functions),
            Payload::CodeSectionStart { count, .. } => ("functions", *count, limits.functions),
            Payload::TableSection(section) => ("tables", section.count(), limits.tables),
            Payload::MemorySection(section) => ("memories", section.count(), 1),
            Payload::GlobalSection(section) => ("globals", section.count(), limits.globals),
            Payload::ExportSection(section) => ("exports", section.count(), limits.exports),
            Payload::ElementSection(section) => {
                ("element segments", section.count(), limits.element_segments)
            }
            Payload::DataSection(section) => ("data segments", section.count(), limits.data_segments),
            Payload::DataCountSection { count, .. } => ("data segments", *count, limits.data_segments),
            _ => return Ok(()),
        };
        bound(what, u64::from(count), limit, None)
    }

    /// Takes what a valid section says.
    pub(super) fn section(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        let limits = self.limits;
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.clone().into_iter_err_on_gc_types() {
                    let ty = ty?;
                    bound("parameters", ty.params().len() as u64, limits.params, None)?;
                    bound("results", ty.results().len() as u64, limits.results, None)?;
                    let (params, results) = (ty.params().to_vec(), ty.results().to_vec());
                    self.facts.types.push(Signature { params, results });
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    self.import(&import?)?;
                }
            }
            Payload::FunctionSection(section) => {
                self.declared = section.clone().into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    bound("elements of a table", table?.ty.initial, limits.table_elements, None)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    bound("pages of memory", memory?.initial, limits.memory_pages, None)?;
                }
            }
            Payload::GlobalSection(section) => self.facts.globals_count = section.count(),
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    self.export(export.name, export.kind, export.index)?;
                }
            }
            Payload::StartSection { func, .. } => self.facts.start = Some(*func),
            _ => {}
        }
        Ok(())
    }

    /// An import has to be one of those that are allowed, with its very type.
    fn import(&mut self, import: &wasmparser::Import<'_>) -> Result<(), Refusal> {
        let refuse = |reason| {
            let (module, name) = (import.module.to_owned(), import.name.to_owned());
            Err(Refusal::Import { module, name, reason })
        };
        let Some(allowed) = self.limits.imports.find(import.module, import.name) else {
            return refuse("is not one that its profile has");
        };
        let TypeRef::Func(index) = import.ty else {
            return refuse("is no function");
        };
        let ty = self.facts.types.get(index as usize).ok_or(Refusal::Facts)?;
        if ty.params != allowed.params || ty.results != allowed.results {
            return refuse("has another type than the profile's");
        }
        self.facts.imports.push((import.module.to_owned(), import.name.to_owned()));
        self.facts.imports_types.push(index);
        Ok(())
    }

    fn export(&mut self, name: &str, kind: ExternalKind, index: u32) -> Result<(), Refusal> {
        bound("bytes in the name of an export", name.len() as u64, self.limits.name_bytes, None)?;
        if name.starts_with(RESERVED) {
            return Err(Refusal::Export { name: name.to_owned() });
        }
        self.facts.exports.push(Export { name: name.to_owned(), kind, index });
        Ok(())
    }
}
