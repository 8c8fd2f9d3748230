//! Behaviour of the binary. One test binary: a file of tests that is no module here would never run, which
//! `every_file_of_tests_is_a_module` notices.

#![allow(clippy::unwrap_used, reason = "what is wrong in a test shall stop it")]

mod broken;
mod cli;
mod config;
mod decontaminate;
mod dedup_minhash;
mod dedup_spans;
mod duplicates;
mod filters;
mod index;
mod run;
mod substring;
mod workbench;

#[test]
fn every_file_of_tests_is_a_module() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in folder.read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("mod {module};")),
            "tests/{name} is no module of tests/main.rs"
        );
    }
}
