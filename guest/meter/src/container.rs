//! The container: all that an engine needs to run a module for the same gas.

use dagvault_meter::admit::{Facts, admit};
use dagvault_meter::imports::imports;
use dagvault_meter::instrument::{START, instrument};
use dagvault_meter::profile::{Profile, STACK_BYTES};
use dagvault_meter::schedule::Schedule;
use serde_json::{Value, json};
use wasmparser::{ExternalKind, Parser, Payload, ValType};

/// What a container begins with; its length, in JSON, follows as a little-endian `u32`, the head in JSON, and what the
/// head tells the lengths of: the section `dagvault:module`, the refunds, the metered module.
const MAGIC: [u8; 8] = *b"dv:meter";

/// The section that says what a module is.
const SECTION: &str = "dagvault:module";

/// Admits and meters a module under the profile of that name, by the schedule of this build.
///
/// # Errors
/// Why it is refused, in words.
pub(crate) fn container(module: &[u8], profile: &str) -> Result<Vec<u8>, String> {
    let profile = Profile::named(profile).ok_or("there is no such profile")?;
    let schedule = Schedule::first();
    let facts = admit(module, &profile.limits(imports(profile))).map_err(|refusal| refusal.to_string())?;
    let metered = instrument(module, &facts, &schedule).map_err(|refusal| refusal.to_string())?;
    let manifest = manifest(module)?;
    let refunds = metered.refunds.write();
    let head = json!({
        "profile": profile.name,
        "schedule": schedule.version(),
        "gas": profile.gas.map(|gas| json!({ "default": gas.default, "max": gas.max })),
        "stack": STACK_BYTES,
        "host": schedule.host(),
        "functions": functions(&facts),
        "manifest": manifest.map(<[u8]>::len),
        "refunds": refunds.len(),
        "module": metered.bytes.len(),
    })
    .to_string();
    let head_bytes = u32::try_from(head.len()).map_err(|_| "the head is too long")?;
    let parts: [&[u8]; 6] = [
        &MAGIC,
        &head_bytes.to_le_bytes(),
        head.as_bytes(),
        manifest.unwrap_or_default(),
        &refunds,
        &metered.bytes,
    ];
    Ok(parts.concat())
}

/// Names and types of the functions that are exported, which JavaScript cannot ask for: parameters and results, a
/// letter each.
fn functions(facts: &Facts) -> Vec<Value> {
    let letters = |types: &[ValType]| -> String {
        let letter = |ty: &ValType| match ty {
            ValType::I32 => 'i',
            ValType::I64 => 'I',
            ValType::F32 => 'f',
            ValType::F64 => 'F',
            _ => 'r',
        };
        types.iter().map(letter).collect()
    };
    let exported = facts.exports().iter().filter(|export| export.kind == ExternalKind::Func);
    let typed = exported.filter_map(|export| {
        let ty = facts.signature(export.index)?;
        Some(json!([export.name, letters(&ty.params), letters(&ty.results)]))
    });
    let start = facts.start().map(|_| json!([START, "", ""]));
    typed.chain(start).collect()
}

/// The section of an admitted module that says what it is.
fn manifest(module: &[u8]) -> Result<Option<&[u8]>, String> {
    let mut found = None;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| error.to_string())?;
        if let Payload::CustomSection(section) = payload
            && section.name() == SECTION
            && found.replace(section.data()).is_some()
        {
            return Err(format!("the section {SECTION} is there twice"));
        }
    }
    Ok(found)
}
