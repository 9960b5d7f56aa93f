//! What modules may import, by profile.

use wasmparser::ValType;

use crate::profile::{Import, Imports, Profile};

/// The module that the host's own functions are imported from.
pub const HOST: &str = "dagvault";
/// The module that functions of WASI preview 1 are imported from.
pub const WASI: &str = "wasi_snapshot_preview1";

/// The host's functions: name, parameters and results; `i` is an `i32`, `I` an `i64`.
const HOST_FUNCTIONS: [(&str, &str, &str); 6] = [
    ("log", "iii", ""),
    ("state_get", "iiii", "i"),
    ("state_set", "iiii", ""),
    ("state_delete", "ii", ""),
    ("effect", "ii", ""),
    ("call", "iiiiiii", "i"),
];

/// WASI preview 1, whole: what needs authority is there and says no.
pub const WASI_FUNCTIONS: [(&str, &str, &str); 46] = [
    ("args_get", "ii", "i"),
    ("args_sizes_get", "ii", "i"),
    ("clock_res_get", "ii", "i"),
    ("clock_time_get", "iIi", "i"),
    ("environ_get", "ii", "i"),
    ("environ_sizes_get", "ii", "i"),
    ("fd_advise", "iIIi", "i"),
    ("fd_allocate", "iII", "i"),
    ("fd_close", "i", "i"),
    ("fd_datasync", "i", "i"),
    ("fd_fdstat_get", "ii", "i"),
    ("fd_fdstat_set_flags", "ii", "i"),
    ("fd_fdstat_set_rights", "iII", "i"),
    ("fd_filestat_get", "ii", "i"),
    ("fd_filestat_set_size", "iI", "i"),
    ("fd_filestat_set_times", "iIIi", "i"),
    ("fd_pread", "iiiIi", "i"),
    ("fd_prestat_dir_name", "iii", "i"),
    ("fd_prestat_get", "ii", "i"),
    ("fd_pwrite", "iiiIi", "i"),
    ("fd_read", "iiii", "i"),
    ("fd_readdir", "iiiIi", "i"),
    ("fd_renumber", "ii", "i"),
    ("fd_seek", "iIii", "i"),
    ("fd_sync", "i", "i"),
    ("fd_tell", "ii", "i"),
    ("fd_write", "iiii", "i"),
    ("path_create_directory", "iii", "i"),
    ("path_filestat_get", "iiiii", "i"),
    ("path_filestat_set_times", "iiiiIIi", "i"),
    ("path_link", "iiiiiii", "i"),
    ("path_open", "iiiiiIIii", "i"),
    ("path_readlink", "iiiiii", "i"),
    ("path_remove_directory", "iii", "i"),
    ("path_rename", "iiiiii", "i"),
    ("path_symlink", "iiiii", "i"),
    ("path_unlink_file", "iii", "i"),
    ("poll_oneoff", "iiii", "i"),
    ("proc_exit", "i", ""),
    ("proc_raise", "i", "i"),
    ("random_get", "ii", "i"),
    ("sched_yield", "", "i"),
    ("sock_accept", "iii", "i"),
    ("sock_recv", "iiiiii", "i"),
    ("sock_send", "iiiii", "i"),
    ("sock_shutdown", "ii", "i"),
];

/// The host's functions that a profile has, and whether it has those of WASI.
fn allowed(profile: &str) -> (&'static [&'static str], bool) {
    match profile {
        "intent" => (&["log", "state_get", "state_set", "state_delete", "effect", "call"], true),
        "validator" | "waf" | "edge" | "sealed" => (&["log"], true),
        _ => (&[], false),
    }
}

fn import(module: &str, (name, params, results): (&str, &str, &str)) -> Import {
    let types = |letters: &str| {
        letters.chars().map(|letter| if letter == 'I' { ValType::I64 } else { ValType::I32 }).collect()
    };
    Import { module: module.into(), name: name.into(), params: types(params), results: types(results) }
}

/// What modules of a profile may import.
#[must_use]
pub fn imports(profile: &Profile) -> Imports {
    let (host, wasi) = allowed(profile.name);
    let own = HOST_FUNCTIONS.iter().filter(|(name, ..)| host.contains(name)).map(|of| import(HOST, *of));
    let wasi = WASI_FUNCTIONS.iter().filter(|_| wasi).map(|of| import(WASI, *of));
    Imports(own.chain(wasi).collect())
}
