//! Crates for new modules: [`new_crate`] answers their files, which carry the sources of `dagvault-module` with them.
//!
//! A file of a template is a file of this crate under `validator/`, `intent/` and `policy/`; `NAME` in it becomes the
//! crate's name.
#![forbid(unsafe_code)]

use core::fmt;

/// What a module is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Accepts or rejects requests under rules.
    Validator,
    /// Changes a state and tells effects.
    Intent,
    /// Allows or denies, with nothing imported.
    Policy,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Validator, Self::Intent, Self::Policy];

    /// What it is called, which is the profile's name, too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Intent => "intent",
            Self::Policy => "policy",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why a name is none for a crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty or has more than [`NAME_BYTES_MAX`] bytes.
    Length,
    /// It begins otherwise than with a letter, or has others than lower-case letters, digits, `-` and `_`.
    Letters,
    /// It is a word of the language, or the name of something that the crate depends on.
    Taken,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "the name of a module has 1 to {NAME_BYTES_MAX} bytes"),
            Self::Letters => f.write_str(
                "the name of a module begins with a letter and has lower-case letters, digits, '-' and '_'",
            ),
            Self::Taken => f.write_str("the name is one of Rust's or of what a module depends on"),
        }
    }
}

impl std::error::Error for NameError {}

/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 64;

/// Where in the new crate the sources of `dagvault-module` are.
const SDK: &str = "dagvault-module";

/// Files of `guest/sdk` that a new crate carries.
macro_rules! sdk {
    ($($file:literal),+ $(,)?) => { &[$(($file, include_str!(concat!("../../sdk/", $file)))),+] };
}

const SDK_FILES: &[(&str, &str)] = sdk![
    "Cargo.toml",
    "macros/Cargo.toml",
    "macros/src/lib.rs",
    "src/abi.rs",
    "src/cbor.rs",
    "src/context.rs",
    "src/function.rs",
    "src/host.rs",
    "src/host/module.rs",
    "src/host/native.rs",
    "src/intent.rs",
    "src/lib.rs",
    "src/section.rs",
    "src/verdict.rs",
];

/// What all new crates have.
const COMMON: [(&str, &str); 2] =
    [("Cargo.toml", include_str!("../common/Cargo.toml.in")), (".gitignore", "/target\n")];

const VALIDATOR: [(&str, &str); 4] = [
    ("README.md", include_str!("../validator/README.md.in")),
    ("src/lib.rs", include_str!("../validator/lib.rs.in")),
    ("request.json", include_str!("../validator/request.json")),
    ("rules.json", include_str!("../validator/rules.json")),
];

const INTENT: [(&str, &str); 3] = [
    ("README.md", include_str!("../intent/README.md.in")),
    ("src/lib.rs", include_str!("../intent/lib.rs.in")),
    ("request.json", include_str!("../intent/request.json")),
];

const POLICY: [(&str, &str); 4] = [
    ("README.md", include_str!("../policy/README.md.in")),
    ("src/lib.rs", include_str!("../policy/lib.rs.in")),
    ("request.json", include_str!("../policy/request.json")),
    ("rules.json", include_str!("../policy/rules.json")),
];

/// The files of a crate for a new module: paths relative to its folder, with `/`, and contents. It builds by `cargo
/// build --release --target wasm32-unknown-unknown`.
///
/// # Errors
///
/// When a crate can't have this name.
pub fn new_crate(kind: Kind, name: &str) -> Result<Vec<(String, String)>, NameError> {
    check(name)?;
    let own: &[(&str, &str)] = match kind {
        Kind::Validator => &VALIDATOR,
        Kind::Intent => &INTENT,
        Kind::Policy => &POLICY,
    };
    let written = |(path, text): &(&str, &str)| ((*path).to_owned(), text.replace("NAME", name));
    let carried = |(path, text): &(&str, &str)| (format!("{SDK}/{path}"), (*text).to_owned());
    Ok(COMMON
        .iter()
        .map(written)
        .chain(own.iter().map(written))
        .chain(SDK_FILES.iter().map(carried))
        .collect())
}

/// The file that the crate of a name is built to, relative to its target folder.
#[must_use]
pub fn built(name: &str) -> String {
    format!("wasm32-unknown-unknown/release/{}.wasm", name.replace('-', "_"))
}

fn check(name: &str) -> Result<(), NameError> {
    /// Words of the language, names that cargo or a system has for itself, and what a module depends on.
    const TAKEN: [&str; 5] = [
        "abstract alloc as async await become box break build const continue core crate dagvault_module deps do dyn",
        "else enum examples extern false final fn for gen if impl in incremental let loop macro match mod move mut",
        "override priv proc_macro pub ref return self serde static std struct super test trait true try type typeof",
        "union unsafe unsized use virtual where while yield",
        "con prn aux nul",
    ];
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(NameError::Length);
    }
    let letters =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if !name.as_bytes()[0].is_ascii_lowercase() || !name.bytes().all(letters) {
        return Err(NameError::Letters);
    }
    let name = name.replace('-', "_");
    let mut taken = TAKEN.iter().flat_map(|words| words.split(' '));
    if taken.any(|word| word == name) { Err(NameError::Taken) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The files below a folder, relative to it.
    fn files(root: &Path, folder: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}{}", entry.file_name().into_string().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => files(root, &format!("{name}/"), found),
                false => assert!(found.insert(name)),
            }
        }
    }

    #[test]
    fn every_source_of_the_sdk_is_carried() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        let mut there = BTreeSet::new();
        files(&sdk, "", &mut there);
        there.retain(|file| !file.starts_with("tests/") && !file.starts_with("target/"));
        let carried: BTreeSet<_> = SDK_FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(carried, there);
    }

    #[test]
    fn new_crates_have_their_names() {
        for kind in Kind::ALL {
            let files = new_crate(kind, "my-module").unwrap();
            let of = |path: &str| files.iter().find(|file| file.0 == path).unwrap().1.as_str();
            assert!(of("Cargo.toml").contains("name = \"my-module\""));
            assert!(of("README.md").starts_with("# my-module\n"));
            assert!(of("README.md").contains(kind.name()));
            assert!(of("src/lib.rs").contains(&format!("#[{}]", kind.name())));
            assert_eq!(Kind::named(kind.name()), Some(kind));
            let paths: BTreeSet<_> = files.iter().map(|file| &file.0).collect();
            assert_eq!(paths.len(), files.len());
            let own = files.iter().filter(|file| !file.0.starts_with(SDK));
            assert!(own.clone().all(|file| !file.1.contains("NAME")));
        }
        assert_eq!(built("my-module"), "wasm32-unknown-unknown/release/my_module.wasm");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (name, wrong) in [
            ("", NameError::Length),
            (&"a".repeat(65), NameError::Length),
            ("../a", NameError::Letters),
            ("9a", NameError::Letters),
            ("Aa", NameError::Letters),
            ("a b", NameError::Letters),
            ("a\"\n", NameError::Letters),
            ("fn", NameError::Taken),
            ("yield", NameError::Taken),
            ("abstract", NameError::Taken),
            ("dagvault-module", NameError::Taken),
        ] {
            assert_eq!(new_crate(Kind::Policy, name), Err(wrong), "{name}");
        }
        assert!(new_crate(Kind::Policy, &"a".repeat(64)).is_ok());
        assert!(new_crate(Kind::Policy, "test-it").is_ok());
    }
}
