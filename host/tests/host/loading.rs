//! Modules that are refused, each for its own reason.

use std::sync::Arc;

use dagvault_api::SECTIONS;
use dagvault_core::abi::{ABI_VERSION, exports};
use dagvault_core::layout::{MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, TLS_BYTES_MAX};
use dagvault_host::{ENGINE_MODULE, StartError, WasmEngine};

use crate::support::guest::Guest;
use crate::support::{MapStore, config, config_of};

fn refusal(module: Vec<u8>) -> String {
    match WasmEngine::new(config_of(module)) {
        Err(StartError::Refused { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

/// Why the guest is refused that `change` makes of a good one.
fn refusal_of(change: impl FnOnce(&mut Guest)) -> String {
    let mut guest = Guest::default();
    change(&mut guest);
    refusal(guest.build())
}

#[test]
fn a_module_as_the_abi_says_is_taken() {
    WasmEngine::new(config_of(Guest::default().build())).unwrap();
    WasmEngine::new(config(Arc::new(MapStore::default()))).unwrap();
}

#[test]
fn imports_outside_the_table_are_refused_by_name() {
    for (module, name) in
        [("env", "clock"), ("dagvault", "open_file"), ("wasi_snapshot_preview1", "fd_write")]
    {
        let detail = refusal_of(|guest| guest.more_imports.push((module, name)));
        assert!(detail.contains(&format!("'{module}.{name}' is not in the ABI")), "{detail}");
    }
    let detail = refusal_of(|guest| guest.more_imports.push(("dagvault", "sync")));
    assert!(detail.contains("'dagvault.sync' has another type"), "{detail}");
}

#[test]
fn sections_must_be_there_once_and_the_same() {
    for (index, (name, _)) in SECTIONS.iter().enumerate() {
        let detail = refusal_of(|guest| drop(guest.sections.remove(index)));
        assert_eq!(detail, format!("it has no section '{name}'"));
        let detail = refusal_of(|guest| guest.sections[index].1[0] ^= 1);
        assert!(detail.starts_with(&format!("its section '{name}' is not the one of this host")), "{detail}");
        let detail = refusal_of(|guest| guest.sections[index].1.push(b' '));
        assert!(detail.starts_with(&format!("its section '{name}' is not the one of this host")), "{detail}");
        let detail = refusal_of(|guest| guest.sections.push(guest.sections[index].clone()));
        assert_eq!(detail, format!("it has two sections '{name}'"));
    }
    let detail = refusal_of(|guest| guest.sections.push(("dagvault.more".into(), vec![])));
    assert_eq!(detail, "it has an unknown section 'dagvault.more'");
    // Other tools' sections are nobody's business.
    let mut guest = Guest::default();
    guest.sections.push(("producers.x".into(), vec![1]));
    WasmEngine::new(config_of(guest.build())).unwrap();
}

#[test]
fn sections_of_the_real_module_are_checked_too() {
    for (name, content) in SECTIONS {
        let at = ENGINE_MODULE.windows(content.len()).rposition(|window| window == content).unwrap();
        let mut forged = ENGINE_MODULE.to_vec();
        forged[at] ^= 1;
        let detail = refusal(forged);
        assert!(detail.starts_with(&format!("its section '{name}' is not the one of this host")), "{detail}");
    }
    for end in [0, 7, 8, 100, ENGINE_MODULE.len() / 2, ENGINE_MODULE.len() - 1] {
        assert!(!refusal(ENGINE_MODULE[..end].to_vec()).is_empty());
    }
}

#[test]
fn another_version_of_the_abi_is_refused() {
    for version in [0, ABI_VERSION + 1, u32::MAX] {
        let detail = refusal_of(|guest| guest.abi_version = version);
        assert!(detail.contains(&format!("version {version}")), "{detail}");
    }
}

#[test]
fn exports_must_be_there_with_their_types() {
    for name in [
        exports::ABI_VERSION,
        exports::ALLOC,
        exports::FREE,
        exports::CALL,
        exports::RUN_JOB,
        exports::HEAP,
        exports::INIT_TLS,
    ] {
        let detail = refusal_of(|guest| guest.without_export = Some(name));
        assert_eq!(detail, format!("it does not export '{name}'"));
    }
    for index in 0..Guest::default().globals.len() {
        let name = Guest::default().globals[index].0;
        let detail = refusal_of(|guest| guest.globals.retain(|global| global.0 != name));
        assert_eq!(detail, format!("it does not export '{name}'"));
        let detail = refusal_of(|guest| guest.globals[index].1 ^= true);
        assert_eq!(detail, format!("its export '{name}' has another type"));
    }
}

#[test]
fn another_layout_is_refused() {
    for (min, max) in [
        (MEMORY_PAGES_MIN - 1, MEMORY_PAGES_MAX),
        (MEMORY_PAGES_MIN + 1, MEMORY_PAGES_MAX),
        (MEMORY_PAGES_MIN, MEMORY_PAGES_MAX + 1),
        (MEMORY_PAGES_MIN, MEMORY_PAGES_MIN),
    ] {
        let detail = refusal_of(|guest| guest.pages = (min, max));
        assert!(detail.contains("other limits"), "{detail}");
    }
    let global = |name: &str, value: u32| {
        refusal_of(|guest| {
            guest.globals.iter_mut().find(|global| global.0 == name).unwrap().2 = value;
        })
    };
    assert!(global(exports::STACK_POINTER, 1024).contains("stack begins"));
    assert!(global(exports::HEAP_BASE, 0x20_0001).contains("static data ends"));
    assert!(global(exports::DATA_END, 0x1000).contains("static data ends"));
    assert!(global(exports::TLS_SIZE, TLS_BYTES_MAX as u32 + 1).contains("thread-local"));
}

#[test]
fn fields_out_of_range_are_refused() {
    let start = |change: &dyn Fn(&mut dagvault_host::Config)| {
        let mut config = config_of(Guest::default().build());
        change(&mut config);
        WasmEngine::new(config).map(drop)
    };
    let refused = |result| matches!(result, Err(StartError::Config { .. }));
    assert!(refused(start(&|config| config.workers = 0)));
    assert!(refused(start(&|config| config.workers = 17)));
    assert!(refused(start(&|config| config.max_memory_bytes = (32 << 20) - 1)));
    start(&|config| config.max_memory_bytes = 32 << 20).unwrap();
    start(&|config| config.max_memory_bytes = u64::MAX).unwrap();
    start(&|config| config.workers = 16).unwrap();
}
