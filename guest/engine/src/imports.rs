//! The imports of the ABI's table.

/// Makes the `extern` block of the table.
macro_rules! extern_block {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> i64;)*) => {
        #[allow(dead_code, reason = "`parallel_for` is declared and called in `dagvault_core::parallel`")]
        #[link(wasm_import_module = "dagvault")]
        unsafe extern "C" {
            $(
                $(#[$doc])*
                ///
                /// # Safety
                /// - Each pointer argument is the address of memory of the length that goes with it, alive during
                ///   the call; where the host writes, borrowed by nothing else.
                pub(crate) fn $name($($arg: $type),*) -> i64;
            )*
        }
    };
}

dagvault_core::abi_imports!(extern_block);

/// The address of `value` as the ABI passes it.
pub(crate) fn address<T: ?Sized>(value: *const T) -> u32 {
    value.cast::<u8>().expose_provenance() as u32
}
