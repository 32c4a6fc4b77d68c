//! A policy's JSON as text that is safe to print anywhere and to paste. Knows what a log makes of characters; not what a policy says.

use serde_json::Value;

/// Over several lines, in printable ASCII: names in it may be other people's (a branch's). `##[` is a command to a runner
/// anywhere in a line, so its first character is spelled too.
pub fn policy_text(policy: &Value) -> String {
    let json = format!("{policy:#}");
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | ' '..='~' => out.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.replace("##[", "\\u0023#[")
}
