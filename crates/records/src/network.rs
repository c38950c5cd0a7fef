//! Flows between workloads: what an analysis of network policies hands to reports.

/// What is known of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// It is open.
    Reachable,
    /// Whether it is open is not known.
    Unknown,
}

impl Certainty {
    /// `reachable` or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Unknown => "unknown",
        }
    }
}

/// Ports of one protocol on which one peer reaches another.
///
/// A peer is a workload (`namespace/name[Kind]`) or a range of addresses outside of the cluster (`a.b.c.d-e.f.g.h`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Who opens the connection.
    pub from: String,
    /// To whom.
    pub to: String,
    /// `TCP`, `UDP` or `SCTP`; `ANY` for every port of all of them.
    pub protocol: &'static str,
    /// First port of the destination.
    pub first_port: u16,
    /// Last port, itself included.
    pub last_port: u16,
    /// What is known of it.
    pub certainty: Certainty,
}
