//! Network policies: held against other engines, and against what must always be so.

use analysis::network::ports::Protocol;
use analysis::network::{Options, PodBlocks, Reachability, reachability};
use analysis::snapshot::{Object, Place, Snapshot};
use serde_json::Value;

mod cyclonus;
mod history;
mod properties;
mod reference;
mod traps;
mod ways;

fn snapshot(objects: &[Value]) -> Snapshot {
    objects.iter().map(|body| Object::from_json(body.clone(), Place::default()).unwrap()).collect()
}

fn asked(objects: &[Value], blocks: PodBlocks) -> Reachability {
    reachability(&snapshot(objects), &Options { blocks, ..Options::default() })
}

/// The number of the workload with this name.
fn workload(of: &Reachability, name: &str) -> usize {
    let found = of.workloads.iter().position(|w| w.name.to_string() == name);
    found.unwrap_or_else(|| panic!("{name} is not among the workloads"))
}

/// Whether the port is open for certain, and whether it may be.
fn open(of: &mut Reachability, from: usize, to: usize, protocol: Protocol, port: u16) -> (bool, bool) {
    let answer = of.between(from, to);
    let pool = &of.engine.pool;
    (pool.get(answer.open).contains(protocol, port), pool.get(answer.possible).contains(protocol, port))
}
