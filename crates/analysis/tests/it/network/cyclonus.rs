//! The generated cases of cyclonus (the Go module pinned in `tests/cyclonus`): every connection of every step of every case is judged as its
//! simulated engine judges it.

use std::path::Path;
use std::process::Command;

use analysis::network::PodBlocks;
use analysis::network::ports::Protocol;
use serde::Deserialize;
use serde_json::Value;

use super::{asked, open, workload};

#[derive(Deserialize)]
struct Step {
    case: usize,
    step: usize,
    description: String,
    objects: Vec<Value>,
    cells: Vec<Cell>,
    invalid: usize,
}

#[derive(Deserialize)]
struct Cell {
    from: String,
    to: String,
    protocol: String,
    port: u16,
    allowed: bool,
}

#[test]
fn every_connection_is_judged_as_cyclonus_judges_it() {
    let output = Command::new("go")
        .args(["run", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cyclonus"))
        .output()
        .expect("go is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut cases, mut cells, mut allowed, mut different) = (0, 0, 0, Vec::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let step: Step = serde_json::from_str(line).unwrap();
        cases = cases.max(step.case + 1);
        assert_eq!(step.invalid, 0, "{}", step.description);
        // It takes pods by their addresses.
        let mut ours = asked(&step.objects, PodBlocks::ByAddress);
        for cell in &step.cells {
            let [from, to] = [&cell.from, &cell.to].map(|name| workload(&ours, &format!("{name}[Pod]")));
            let protocol = Protocol::named(&cell.protocol).unwrap();
            let judged = open(&mut ours, from, to, protocol, cell.port);
            cells += 1;
            allowed += usize::from(cell.allowed);
            if judged != (cell.allowed, cell.allowed) {
                let Cell { from, to, protocol, port, allowed } = cell;
                let (case, step, description) = (step.case, step.step, &step.description);
                different.push(format!(
                    "{case}.{step} {description}: {from} to {to} {protocol} {port} is {judged:?}, not {allowed}"
                ));
            }
        }
    }
    println!("{cases} cases, {cells} connections, {allowed} allowed, {} different", different.len());
    assert_eq!(different, Vec::<String>::new());
    assert_eq!((cases, cells), (230, 123_669));
}
