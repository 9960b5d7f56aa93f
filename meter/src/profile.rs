//! Profiles: what a kind of module may use, as data.

use wasmparser::ValType;

use crate::admit::Limits;

/// What happens to floats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Floats {
    /// A module with a float in it is refused.
    Refused,
    /// NaNs that arithmetic makes are replaced by the canonical one.
    Canonical,
}

/// Gas that a run gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gas {
    /// When nothing is said.
    pub default: u64,
    /// The most that may be asked for.
    pub max: u64,
}

/// What modules of a kind may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// What it is called.
    pub name: &'static str,
    /// Gas of an execution; `None` where the wall clock ends it.
    pub gas: Option<Gas>,
    /// Most pages of 64 KiB.
    pub memory_pages_max: u32,
    /// Longest execution, milliseconds.
    pub wall_ms_max: u32,
    /// What happens to floats.
    pub floats: Floats,
}

/// Bytes of the counted stack that an execution has, in every profile.
pub const STACK_BYTES: i32 = 64 << 10;

const M: u64 = 1_000_000;
/// Pages of a MiB.
const MIB: u32 = 16;

/// A profile with floats made canonical.
const fn profile(
    name: &'static str,
    gas: Option<(u64, u64)>,
    memory_pages_max: u32,
    wall_ms_max: u32,
) -> Profile {
    let gas = match gas {
        Some((default, max)) => Some(Gas { default, max }),
        None => None,
    };
    Profile { name, gas, memory_pages_max, wall_ms_max, floats: Floats::Canonical }
}

/// Every profile.
pub const ALL: [Profile; 7] = [
    profile("validator", Some((10 * M, 100 * M)), 16 * MIB, 1_000),
    profile("intent", Some((10 * M, 100 * M)), 32 * MIB, 1_000),
    profile("policy", Some((M, 10 * M)), 4 * MIB, 100),
    profile("waf", Some((M, 30 * M)), 10 * MIB, 10),
    profile("edge", None, 50 * MIB, 50),
    profile("sealed", Some((100 * M, 1_000 * M)), 64 * MIB, 10_000),
    profile("zk", Some((100 * M, 1_000 * M)), 64 * MIB, 5_000),
];

impl Profile {
    /// The profile of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|profile| profile.name == name)
    }

    /// The limits of admission under it, with these imports allowed.
    #[must_use]
    pub fn limits(&self, imports: Imports) -> Limits {
        Limits { memory_pages: self.memory_pages_max, floats: self.floats, imports, ..Limits::default() }
    }
}

/// A function that modules may import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// The module that it is imported from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Types of its parameters.
    pub params: Vec<ValType>,
    /// Types of its results.
    pub results: Vec<ValType>,
}

/// The functions that modules may import; nothing else can be imported.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imports(pub Vec<Import>);

impl Imports {
    /// No imports.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The import of that name.
    #[must_use]
    pub fn find(&self, module: &str, name: &str) -> Option<&Import> {
        self.0.iter().find(|import| import.module == module && import.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_by_name_and_give_their_limits() {
        for profile in &ALL {
            assert_eq!(Profile::named(profile.name), Some(profile));
            assert!(profile.gas.is_none_or(|gas| gas.default <= gas.max && gas.max < 1 << 40));
        }
        assert!(Profile::named("waf ").is_none());
        let limits = ALL[2].limits(Imports::none());
        assert_eq!((limits.memory_pages, limits.floats), (64, Floats::Canonical));
    }
}
