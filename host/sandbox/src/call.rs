//! What is asked of a module.

use std::sync::Arc;

use crate::module::Module;

/// Which function of a module is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function<'a> {
    /// By its number, of a module of ABI 1.
    Op(u32),
    /// By the name of its export, of a module of the older form.
    Named(&'a str),
    /// The whole program, of a module of WASI.
    Program,
}

/// How input and output of a program of WASI are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Strict dag-cbor, as with ABI 1.
    #[default]
    Cbor,
    /// JSON, as with the older form.
    Json,
}

/// The state that a module sees.
pub trait View: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
}

/// The modules that a module can call.
pub trait Modules: Send + Sync {
    /// The module of a binary CID, if this one may be called.
    fn module(&self, cid: &[u8]) -> Option<Module>;
}

/// A call of a module.
#[derive(Clone)]
pub struct Call<'a> {
    /// Which function.
    pub function: Function<'a>,
    /// What it is given, byte for byte: for ABI 1 the map that [`crate::value::Request`] writes, else JSON.
    pub input: &'a [u8],
    /// How input and output of a program of WASI are written.
    pub format: Format,
    /// The gas that it may use; `None`: what the profile says.
    pub gas: Option<u64>,
    /// The time that the clock of WASI shows, milliseconds since 1970.
    pub now_ms: u64,
    /// What the random bytes of WASI are made of.
    pub seed: [u8; 32],
    /// The module's binary CID, by which those that it calls can't call it; empty if it has none.
    pub name: &'a [u8],
    /// The state that it sees; `None`: an empty one.
    pub view: Option<Arc<dyn View>>,
    /// The modules that it can call; `None`: none.
    pub modules: Option<Arc<dyn Modules>>,
}

impl<'a> Call<'a> {
    /// A call with this input and nothing else.
    #[must_use]
    pub fn new(function: Function<'a>, input: &'a [u8]) -> Self {
        Self {
            function,
            input,
            format: Format::Cbor,
            gas: None,
            now_ms: 0,
            seed: [0; 32],
            name: &[],
            view: None,
            modules: None,
        }
    }
}
