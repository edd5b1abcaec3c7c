//! House rules, run as a test: who may know whom, and what no file may hold.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of `lib.rs`, lowest first, cut finer where a layer has an order inside. A
/// module imports only from lines above its own.
const LAYERS: [&[&str]; 9] = [
    &["message"],
    &["metrics", "board"],
    &["config", "guard", "shutdown", "openapi"],
    &["route", "tls", "client"],
    &["store"],
    &["queue", "inbound", "outbound"],
    &["api", "admin", "gateway", "callback"],
    &["daemon"],
    &["commands"],
];
/// Beside the layers: they know only the protocol, and configuration values.
const BESIDE: [(&str, &[&str]); 2] = [("simulator", &[]), ("logging", &["config"])];
/// Used by everything that runs, although they stand beside the layers.
const FOR_THE_TOP: [&str; 2] = ["simulator", "logging"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|l| l.contains(&module))
}

/// The module of `src/` that a file belongs to.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Modules of this crate that a file names.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("crate::") {
        rest = &rest[at + "crate::".len()..];
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !name.is_empty() {
            found.push(name);
        } else if let Some(group) = rest.strip_prefix('{') {
            let end = group.find('}').unwrap_or(group.len());
            let names = group[..end]
                .split(',')
                .map(|n| n.trim().split("::").next().unwrap_or("").to_owned());
            found.extend(names.filter(|n| !n.is_empty() && n != "self"));
        }
    }
    found
}

#[test]
fn a_module_imports_only_from_lower_layers() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let module = module_of(&file);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for import in imports(&text) {
            let allowed = match (layer_of(&module), layer_of(&import)) {
                _ if import == module => true,
                (Some(own), Some(other)) => other < own,
                (None, _) => BESIDE
                    .iter()
                    .any(|(m, may)| *m == module && may.contains(&import.as_str())),
                (Some(own), None) => {
                    own == LAYERS.len() - 1 && FOR_THE_TOP.contains(&import.as_str())
                }
            };
            // Macros and nested items are not modules of the first level.
            let is_module = layer_of(&import).is_some() || BESIDE.iter().any(|(m, _)| *m == import);
            if is_module && !allowed {
                wrong.push(format!("{}: {module} imports {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    for file in rust_files(&root().join("src")) {
        let module = module_of(&file);
        let known = layer_of(&module).is_some() || BESIDE.iter().any(|(m, _)| *m == module);
        assert!(
            known || ["lib", "main"].contains(&module.as_str()),
            "{module} has no layer in tests/tidy.rs"
        );
    }
}

#[test]
fn the_protocol_reads_no_clock_and_knows_no_runtime() {
    for file in rust_files(&root().join("protocol/src")) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in [
            "Instant::now",
            "SystemTime::now",
            "tokio::",
            "tracing",
            "println!",
            "std::net",
            "async fn",
        ] {
            assert!(!code.contains(word), "{} has {word}", file.display());
        }
    }
}

/// A route has its description because nothing else takes routes: see `src/openapi/endpoint.rs`.
#[test]
fn a_route_is_registered_with_its_description() {
    let mut tables = 0;
    for file in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        if code.contains(".route(") || code.contains("axum::routing") {
            assert!(
                file.ends_with("src/openapi/endpoint.rs"),
                "{}",
                file.display()
            );
            tables += 1;
        }
    }
    assert_eq!(tables, 1);
}

#[test]
fn nothing_is_left_unfinished() {
    let here = root();
    let folders = [
        "src",
        "protocol/src",
        "tests",
        "benches",
        "fuzz/fuzz_targets",
    ];
    for file in folders.iter().flat_map(|f| rust_files(&here.join(f))) {
        if file.ends_with("tests/tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for word in ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "#[ignore"] {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in LAYERS
        .iter()
        .flat_map(|l| l.iter())
        .chain(BESIDE.iter().map(|(m, _)| m))
    {
        assert!(
            map.contains(&format!("[`{module}`]")),
            "lib.rs does not mention {module}"
        );
    }
}

/// The words in backticks of a line's second cell that are spelled like keys.
fn keys_promised(line: &str) -> impl Iterator<Item = &str> {
    let cell = line.split('|').nth(2).unwrap_or_default();
    let quoted = cell.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(|q| q.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words.filter(|w| w.contains('_') || w.chars().any(|c| c.is_ascii_uppercase()))
}

#[test]
fn whoever_migrates_finds_what_is_promised() {
    let here = root();
    let sources = rust_files(&here.join("src")).into_iter();
    let texts = sources.chain([here.join("config/bridge.toml")]);
    let all: String = texts.map(|f| fs::read_to_string(f).unwrap()).collect();
    let known: HashSet<&str> = all
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let guide = fs::read_to_string(here.join("MIGRATING.md")).unwrap();
    let promised: Vec<&str> = guide.lines().flat_map(keys_promised).collect();
    assert!(promised.len() > 50, "{promised:?}");
    for key in promised {
        // Members of JSON may be spelled by a rule that renames them.
        let mut snake = String::new();
        for c in key.chars() {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        }
        assert!(
            known.contains(key) || known.contains(&*snake),
            "MIGRATING.md promises {key}, which is nowhere"
        );
    }
}
