//! The attribute `#[trials::test]`.

use proc_macro::{TokenStream, TokenTree};

/// Registers a function as a test. The arguments name what it needs of the machine: `#[test(Netns, Nft)]`.
#[proc_macro_attribute]
pub fn test(needs: TokenStream, function: TokenStream) -> TokenStream {
    let needs: String = needs
        .into_iter()
        .filter(|token| matches!(token, TokenTree::Ident(_)))
        .map(|need| format!("::trials::Need::{need},"))
        .collect();
    let mut tokens = function.clone().into_iter();
    let name = tokens
        .by_ref()
        .find(|token| token.to_string() == "fn")
        .and_then(|_| tokens.next());
    let Some(name) = name else {
        return "compile_error!(\"`#[test]` stands before a function\");"
            .parse()
            .unwrap_or_default();
    };
    let registered = format!(
        "::trials::inventory::submit! {{ ::trials::Test {{ \
            module: module_path!(), name: stringify!({name}), needs: &[{needs}], run: {name} }} }}"
    );
    let registered: TokenStream = registered.parse().unwrap_or_default();
    function.into_iter().chain(registered).collect()
}
