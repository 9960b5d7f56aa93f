//! The attributes of `dagvault-module`: they leave the function as it is and export it as the module's only one.
//!
//! Nothing is read but the function's name: what it takes and answers is checked by a trait, so there is no need for a
//! parser of Rust.
#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Makes a function the module's, of the profile `validator`: it sees its inputs and may log.
#[proc_macro_attribute]
pub fn validator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    exported("validators", &arguments, item)
}

/// Makes a function the module's, of the profile `intent`: it may also change state, tell effects and call modules.
#[proc_macro_attribute]
pub fn intent(arguments: TokenStream, item: TokenStream) -> TokenStream {
    exported("intents", &arguments, item)
}

/// Makes a function the module's, of the profile `policy`: it sees its inputs and nothing else.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    exported("policies", &arguments, item)
}

/// The item with an export of it behind.
fn exported(list: &str, arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let written = match name(&item) {
        _ if !arguments.is_empty() => Err("this attribute takes no arguments"),
        other => other,
    }
    .map(|name| format!("::dagvault_module::{list}!({name});"))
    .unwrap_or_else(|wrong| format!("::core::compile_error!({wrong:?});"));
    let mut tokens = item;
    // The text is made of a name that was read and of the words above.
    tokens.extend(written.parse::<TokenStream>().unwrap_or_default());
    tokens
}

/// The name of a free function.
fn name(item: &TokenStream) -> Result<String, &'static str> {
    const NO_FUNCTION: &str = "this attribute is for a function";
    let mut tokens = item.clone().into_iter();
    // Attributes are `#` and a group, a visibility is an identifier and perhaps a group: none is the word `fn`.
    loop {
        match tokens.next() {
            Some(TokenTree::Ident(word)) if word.to_string() == "fn" => break,
            Some(TokenTree::Ident(word)) if word.to_string() == "async" => {
                return Err("a function of a module can't be async: there is nobody to wait for");
            }
            Some(TokenTree::Ident(word))
                if ["struct", "enum", "mod", "impl", "trait"].contains(&word.to_string().as_str()) =>
            {
                return Err(NO_FUNCTION);
            }
            Some(_) => {}
            None => return Err(NO_FUNCTION),
        }
    }
    let Some(TokenTree::Ident(name)) = tokens.next() else { return Err(NO_FUNCTION) };
    match tokens.next() {
        Some(TokenTree::Group(_)) => Ok(name.to_string()),
        _ => Err("a function of a module can't be generic: its types are what its input is read as"),
    }
}
