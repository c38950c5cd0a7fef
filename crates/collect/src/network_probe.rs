//! The enforcement probe: whether the cluster's network does what its NetworkPolicies say.
//!
//! One server has three ports and one client tries them. Policies let the client out to the first two and in to the first and third, so that the first must be open, the
//! second must be closed by what is said of ingress, and the third by what is said of egress. All three are one process that listens before it says that it is ready: when the
//! first port answers, the others would, too.
//!
//! The client's result is one line of JSON, which it also leaves as its termination message: there the watch of pods sees it, and `normalize` makes rows of it. It needs
//! no rights in the cluster, and has no token.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use normalize::probe::LABEL;
use serde::Serialize;

/// The port that must be open.
pub const ALLOWED_PORT: u16 = 8080;
/// The port to which the client may go out, and the server lets nobody in.
pub const INGRESS_DENIED_PORT: u16 = 8081;
/// The port at which the server lets the client in, and to which the client may not go out.
pub const EGRESS_DENIED_PORT: u16 = 8082;

/// Where Kubernetes reads what a container has to say at its end.
pub const TERMINATION_MESSAGE: &str = "/dev/termination-log";

/// What must be, or what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// A connection was made.
    Open,
    /// It was refused, or nothing answered.
    Closed,
    /// It could not be tried.
    Failed,
}

/// One connection to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it shows, in a few words.
    pub name: String,
    /// The host: a name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What must be: [`Connection::Open`] or [`Connection::Closed`].
    pub expected: Connection,
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Name of the check.
    pub name: String,
    /// Host and port.
    pub target: String,
    /// What must be.
    pub expected: Connection,
    /// What was.
    pub outcome: Connection,
    /// More about it; may be empty.
    pub detail: String,
}

/// The result of a run, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeResult {
    /// Always `network-policy`.
    pub probe: &'static str,
    /// Whether nothing was really connected.
    pub simulated: bool,
    /// The outcomes.
    pub checks: Vec<Checked>,
}

impl ProbeResult {
    /// Whether everything went as it must.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.expected == check.outcome)
    }

    /// One line of JSON, without the line feed.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// How long the probe waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For what must be open to be so: servers start, policies are taken up.
    pub ready: Duration,
    /// After that, before what must be closed is tried.
    pub settle: Duration,
    /// For one connection.
    pub connection: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { ready: Duration::from_secs(90), settle: Duration::from_secs(10), connection: Duration::from_secs(4) }
    }
}

/// The checks of the probe whose server is at this host.
#[must_use]
pub fn checks(host: &str) -> Vec<Check> {
    let check = |name: &str, port, expected| Check { name: name.to_owned(), host: host.to_owned(), port, expected };
    vec![
        check("allowed both ways", ALLOWED_PORT, Connection::Open),
        check("denied by ingress", INGRESS_DENIED_PORT, Connection::Closed),
        check("denied by egress", EGRESS_DENIED_PORT, Connection::Closed),
    ]
}

/// Tries the checks: those that must be open again and again until they are or patience ends, then the others, then the first ones once more, so that
/// what is closed at the end of the network is not taken for closed by a policy. Blocks.
#[must_use]
pub fn run(checks: &[Check], patience: Patience) -> ProbeResult {
    let begin = Instant::now();
    let mut outcomes: Vec<Checked> = checks.iter().map(|check| attempt(check, Duration::ZERO)).collect();
    let of = |expected| move |(_, check): &(usize, &Check)| check.expected == expected;
    for (at, check) in checks.iter().enumerate().filter(of(Connection::Open)) {
        loop {
            outcomes[at] = attempt(check, patience.connection);
            if outcomes[at].outcome == Connection::Open || begin.elapsed() >= patience.ready {
                break;
            }
            std::thread::sleep(Duration::from_millis(200).min(patience.ready));
        }
    }
    std::thread::sleep(patience.settle);
    for expected in [Connection::Closed, Connection::Open] {
        for (at, check) in checks.iter().enumerate().filter(of(expected)) {
            outcomes[at] = attempt(check, patience.connection);
        }
    }
    ProbeResult { probe: "network-policy", simulated: false, checks: outcomes }
}

/// What a run would find where policies are enforced. It says that it is made up.
#[must_use]
pub fn simulated(checks: &[Check]) -> ProbeResult {
    let made_up = |check: &Check| Checked {
        name: check.name.clone(),
        target: format!("{}:{}", check.host, check.port),
        expected: check.expected,
        outcome: check.expected,
        detail: "simulated: nothing was connected".to_owned(),
    };
    ProbeResult { probe: "network-policy", simulated: true, checks: checks.iter().map(made_up).collect() }
}

/// Tries one connection; without time it is not tried.
fn attempt(check: &Check, time: Duration) -> Checked {
    let target = format!("{}:{}", check.host, check.port);
    let checked = |outcome, detail: String| Checked {
        name: check.name.clone(),
        target: target.clone(),
        expected: check.expected,
        outcome,
        detail,
    };
    if time.is_zero() {
        return checked(Connection::Failed, "not tried".to_owned());
    }
    let addresses: Vec<SocketAddr> = match (check.host.as_str(), check.port).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => return checked(Connection::Failed, format!("the host has no address: {error}")),
    };
    let Some(address) = addresses.first() else {
        return checked(Connection::Failed, "the host has no address".to_owned());
    };
    match TcpStream::connect_timeout(address, time) {
        Ok(_) => checked(Connection::Open, String::new()),
        Err(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                checked(Connection::Closed, "nothing answered".to_owned())
            }
            io::ErrorKind::ConnectionRefused => checked(Connection::Closed, "refused".to_owned()),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::PermissionDenied => checked(Connection::Closed, error.to_string()),
            _ => checked(Connection::Failed, error.to_string()),
        },
    }
}

/// Prints the result's line for Kubernetes to read, where there is such a place.
///
/// # Errors
/// When the file is there and cannot be written.
pub fn leave_message(result: &ProbeResult, file: &Path) -> io::Result<()> {
    if file.exists() { fs::write(file, result.line()) } else { Ok(()) }
}

/// Listens on all ports before it takes connections on any, and closes each connection at once. Never returns but with an error.
///
/// # Errors
/// When a port cannot be listened on.
pub fn serve(address: IpAddr, ports: &[u16]) -> io::Result<()> {
    let listeners = ports.iter().map(|port| TcpListener::bind((address, *port))).collect::<io::Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(move || {
                for connection in listener.incoming() {
                    drop(connection);
                }
            });
        }
    });
    Ok(())
}

/// The manifests of a probe: a namespace, the server with its Service, policies, and the Job of the client. YAML.
#[must_use]
pub fn manifest(namespace: &str, image: &str) -> String {
    let pod = |role: &str, arguments: &str, more: &str| {
        format!(
            "metadata:
      labels: {{{LABEL}: {role}}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
{more}      securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
      - name: probe
        image: {image}
        args: {arguments}
        securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
        resources: {{requests: {{cpu: 10m, memory: 32Mi}}, limits: {{memory: 64Mi}}}}
"
        )
    };
    let server = pod("server", "[network-probe, serve]", "");
    let client =
        pod("client", &format!("[network-probe, run, --host, server.{namespace}.svc]"), "      restartPolicy: Never\n");
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {namespace}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
  namespace: {namespace}
spec:
  replicas: 1
  selector: {{matchLabels: {{{LABEL}: server}}}}
  template:
    {server}        readinessProbe: {{tcpSocket: {{port: {ALLOWED_PORT}}}}}
---
apiVersion: v1
kind: Service
metadata:
  name: server
  namespace: {namespace}
spec:
  selector: {{{LABEL}: server}}
  ports:
  - {{name: allowed, port: {ALLOWED_PORT}}}
  - {{name: ingress-denied, port: {INGRESS_DENIED_PORT}}}
  - {{name: egress-denied, port: {EGRESS_DENIED_PORT}}}
---
# The server lets the client in at the first and the third port.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: server
  namespace: {namespace}
spec:
  podSelector: {{matchLabels: {{{LABEL}: server}}}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{{podSelector: {{matchLabels: {{{LABEL}: client}}}}}}]
    ports: [{{port: {ALLOWED_PORT}}}, {{port: {EGRESS_DENIED_PORT}}}]
---
# The client may go out to the first and the second port, and ask for names.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: client
  namespace: {namespace}
spec:
  podSelector: {{matchLabels: {{{LABEL}: client}}}}
  policyTypes: [Ingress, Egress]
  egress:
  - to: [{{podSelector: {{matchLabels: {{{LABEL}: server}}}}}}]
    ports: [{{port: {ALLOWED_PORT}}}, {{port: {INGRESS_DENIED_PORT}}}]
  - ports: [{{protocol: UDP, port: 53}}, {{protocol: TCP, port: 53}}]
---
# Each run is a Job of its own: create it, do not apply it.
apiVersion: batch/v1
kind: Job
metadata:
  generateName: client-
  namespace: {namespace}
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 300
  template:
    {client}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Patience =
        Patience { ready: Duration::from_millis(50), settle: Duration::ZERO, connection: Duration::from_secs(2) };

    fn check(host: &str, port: u16, expected: Connection) -> Check {
        Check { name: "c".to_owned(), host: host.to_owned(), port, expected }
    }

    fn outcome(check: Check) -> Connection {
        run(&[check], QUICK).checks[0].outcome
    }

    #[test]
    fn open_and_closed_ports_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(outcome(check("127.0.0.1", port, Connection::Closed)), Connection::Open);
        drop(listener);
        assert_eq!(outcome(check("127.0.0.1", port, Connection::Open)), Connection::Closed);
        assert_eq!(outcome(check("no-such-host.invalid", 80, Connection::Closed)), Connection::Failed);
    }

    #[test]
    fn a_result_is_one_line_that_becomes_rows() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let result = run(&[check("127.0.0.1", port, Connection::Open)], QUICK);
        assert!(result.is_good());
        assert_eq!(
            result.line(),
            format!(
                r#"{{"probe":"network-policy","simulated":false,"checks":[{{"name":"c","target":"127.0.0.1:{port}","expected":"open","outcome":"open","detail":""}}]}}"#
            )
        );
        let made_up = simulated(&checks("server"));
        assert!(made_up.is_good() && made_up.simulated && made_up.line().len() < 4096);
    }

    #[test]
    fn the_message_is_left_where_there_is_a_place_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("termination-log");
        let result = simulated(&checks("server"));
        leave_message(&result, &file).unwrap();
        assert!(!file.exists());
        fs::write(&file, "").unwrap();
        leave_message(&result, &file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), result.line());
    }

    #[test]
    fn the_manifests_are_objects_of_kubernetes() {
        let manifest = manifest("plimsoll-probe", "registry.example.com/plimsoll:1");
        let kinds: Vec<String> = manifest
            .split("\n---\n")
            .map(|document| {
                serde_yaml_ng::from_str::<serde_json::Value>(document).unwrap()["kind"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(kinds, ["Namespace", "Deployment", "Service", "NetworkPolicy", "NetworkPolicy", "Job"]);
        insta::assert_snapshot!(manifest);
    }
}
