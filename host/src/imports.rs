//! The host's side of the ABI's table: a trait to implement, the linker that calls it, and the allow-list of the
//! loader, all from `abi_imports!`.

use dagvault_core::abi::IMPORT_MODULE;
use wasmtime::{Caller, Linker, ValType};

use crate::calls::Call;
use crate::failure::Failure;
use crate::instance::State;

/// A number of the ABI and its type in WebAssembly.
trait Number {
    const TYPE: ValType;
}

impl Number for u32 {
    const TYPE: ValType = ValType::I32;
}

impl Number for u64 {
    const TYPE: ValType = ValType::I64;
}

/// An import of the table: its name and the types of its arguments; the result is an `i64`.
pub(crate) type Row = (&'static str, &'static [ValType]);

macro_rules! host_side {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> i64;)*) => {
        /// The functions of the table. A failure ends the call and the instances.
        #[allow(clippy::too_many_arguments, reason = "the ABI's table has them")]
        pub(crate) trait Imports {
            $(
                $(#[$doc])*
                fn $name(&mut self, $($arg: $type),*) -> Result<i64, Failure>;
            )*
        }

        /// Every import that a module may have in `IMPORT_MODULE`.
        pub(crate) const ALLOWED: &[Row] = &[$((stringify!($name), &[$(<$type as Number>::TYPE),*])),*];

        /// Defines every function of the table.
        pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
            $(
                linker.func_wrap(
                    IMPORT_MODULE,
                    stringify!($name),
                    |caller: Caller<'_, State>, $($arg: $type),*| -> wasmtime::Result<i64> {
                        Call(caller).$name($($arg),*).map_err(wasmtime::Error::new)
                    },
                )?;
            )*
            Ok(())
        }
    };
}

dagvault_core::abi_imports!(host_side);
