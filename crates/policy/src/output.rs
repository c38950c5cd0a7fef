//! Results in the forms that people and other programs read. Pure: values in, text out.

mod explain;
mod json;
mod junit;
mod sarif;
mod table;

pub use explain::explain;
pub use json::json;
pub use junit::junit;
pub use sarif::sarif;
pub use table::{explain_list, table, trials};

/// Text with control and direction characters made visible, so that a name cannot repaint a terminal or reorder a line.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '␤',
            c if c.is_control() => '\u{fffd}',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// `Deployment prod/web`, as far as it is known.
fn object(checked: &crate::check::Checked) -> String {
    let slash = if checked.namespace.is_empty() { "" } else { "/" };
    let kind = if checked.kind.is_empty() { "?" } else { &checked.kind };
    printable(&format!("{kind} {}{slash}{}", checked.namespace, checked.name)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_repaint_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\n"), "a\u{fffd}[2Jb\u{fffd}c␤");
    }
}
