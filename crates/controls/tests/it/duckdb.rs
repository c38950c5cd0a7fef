//! The catalogue's SQL gives the same rows in a second engine, DuckDB, over the same Parquet files: for every case of every fixture.
//!
//! Needs Python 3 and, once, the package registry: the packages of `tests/python/requirements.txt` go into a virtual environment in the user's
//! cache folder (`PLIMSOLL_CACHE`, else `~/.cache/plimsoll`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::array::RecordBatch;
use controls::{Catalogue, canonical, fixture, runner, session};
use serde_json::{Value, json};

fn python() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python");
    let wanted: String = fs::read_to_string(tests.join("requirements.txt"))
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("duckdb=="))
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(!wanted.is_empty(), "requirements.txt pins no duckdb");
    let cache = std::env::var_os("PLIMSOLL_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/plimsoll"),
        PathBuf::from,
    );
    let environment = cache.join("python-controls");
    let python = environment.join("bin/python");
    let installed = environment.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(wanted.lines()));
    fs::write(installed, wanted).unwrap();
    python
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn rows(batch: &RecordBatch) -> Vec<Value> {
    let mut texts: Vec<String> = (0..batch.num_rows()).map(|row| canonical::row_text(batch, row)).collect();
    texts.sort();
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn parquet(path: &Path, batch: &RecordBatch) {
    session::write(session::Format::Parquet, std::slice::from_ref(batch), fs::File::create(path).unwrap()).unwrap();
}

#[tokio::test]
async fn the_whole_catalogue_gives_the_same_rows_in_duckdb() {
    let catalogue = Catalogue::load(crate::folder()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    let mut expected: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for control in catalogue.controls() {
        let (path, read) = fixture::read(&catalogue, control).unwrap();
        for (number, case) in read.cases.iter().enumerate() {
            let name = format!("{}/{number}", control.id);
            let place = folder.path().join(name.replace('/', "-"));
            fs::create_dir(&place).unwrap();
            let prepared = fixture::prepare(&catalogue, control, &path, &read, case).await.unwrap();
            let mut tables: BTreeMap<String, PathBuf> = BTreeMap::new();
            for file in prepared.session.export(&place).await.unwrap() {
                tables.insert(file.file_stem().unwrap().to_str().unwrap().to_owned(), file);
            }
            let given =
                runner::raw_rows(&prepared.session, control, &prepared.parameters, prepared.window).await.unwrap();
            for (table, batch) in &given.inputs {
                let file = place.join(format!("{table}.parquet"));
                parquet(&file, batch);
                tables.insert((*table).to_owned(), file);
            }
            let materialised = place.join("materialised.parquet");
            parquet(&materialised, &given.materialised);
            cases.push(json!({
                "name": name, "tables": tables, "materialised": materialised,
                "population": control.population, "test": control.test,
            }));
            expected.insert(name, (rows(&given.population), rows(&given.test)));
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/catalogue_in_duckdb.py");
    let mut child = Command::new(python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(json!({ "cases": cases }).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let got: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let (mut populations, mut tests) = (0, 0);
    for (name, (population, test)) in &expected {
        populations += population.len();
        tests += test.len();
        assert_eq!(got[name]["population"], json!(population), "{name}: population");
        assert_eq!(got[name]["test"], json!(test), "{name}: test");
    }
    // A comparison of nothing with nothing would pass.
    assert!(
        populations > 60 && tests > 50,
        "only {populations} rows of populations and {tests} of tests were compared"
    );
}
