//! What stands against each threat of `docs/security.md`, by its number there: here, and where the page's table says.

mod build;
mod comment;
mod order;
mod process;
mod reader;
mod text;

use std::path::Path;

/// Every `.rs` file below a folder, as one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

#[test]
fn every_threat_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let (guards, tests) = page.split_once("### Which test shows it").unwrap();
    let tests = tests.split("\n## ").next().unwrap();
    let rows = |text: &str| -> Vec<(String, String)> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
        rows.filter_map(|row| row.split_once(" | "))
            .filter(|(number, _)| number.parse::<u32>().is_ok())
            .map(|(number, rest)| (number.to_owned(), rest.to_owned()))
            .collect()
    };
    let numbers = |rows: &[(String, String)]| -> Vec<String> {
        rows.iter().map(|(number, _)| number.clone()).collect()
    };
    assert_eq!(numbers(&rows(guards)), numbers(&rows(tests)));
    let code = sources(&root.join("src")) + &sources(&root.join("tests/it"));
    for (number, names) in rows(tests) {
        let named: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "threat {number}");
        for name in named {
            let scenario = root.join(format!("tests/scenarios/{name}.yml"));
            assert!(
                code.contains(&format!("fn {name}(")) || scenario.is_file(),
                "threat {number}: there is no test {name}"
            );
        }
    }
}
