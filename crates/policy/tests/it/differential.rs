//! Random pods, judged here and by Kubernetes' own checks at every level and version: the verdicts are the same.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use policy::{PolicySet, Request, evaluate};
use serde_json::{Value, json};

use crate::context;

const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_notsent_lowat",
    "kernel.msgmax",
];
const CAPABILITIES: &[&str] =
    &["CHOWN", "MKNOD", "NET_BIND_SERVICE", "SYS_CHROOT", "NET_RAW", "SYS_ADMIN", "ALL", "all", "CAP_CHOWN"];
const SOURCES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "hostPath",
    "nfs",
    "gitRepo",
    "azureFile",
    "rbd",
    "iscsi",
    "fc",
    "flexVolume",
    "cephfs",
    "glusterfs",
    "storageos",
    "portworxVolume",
];
const ANNOTATIONS: &[&str] = &[
    "container.apparmor.security.beta.kubernetes.io/a",
    "container.apparmor.security.beta.kubernetes.io/other",
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/a",
    "container.seccomp.security.alpha.kubernetes.io/other",
];

/// A die that falls the same way for the same seed.
struct Die(u64);

impl Die {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn text(&mut self, texts: &[&str]) -> String {
        texts[self.below(texts.len())].to_owned()
    }

    /// Sometimes sets the field to one of the values of a JSON list.
    fn sometimes(&mut self, object: &mut Value, sides: usize, field: &str, values: &Value) {
        if self.one_in(sides) {
            let values = values.as_array().unwrap();
            object[field] = values[self.below(values.len())].clone();
        }
    }
}

/// Fields that pods and containers share.
fn shared_context(die: &mut Die, context: &mut Value) {
    let profiles = json!([{"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "a"}, {"type": "Unconfined"}, {"type": ""}, {}]);
    die.sometimes(context, 12, "runAsNonRoot", &json!([true, false, null]));
    die.sometimes(context, 12, "runAsUser", &json!([0, 1, 1000, null]));
    die.sometimes(context, 12, "seccompProfile", &profiles);
    die.sometimes(context, 12, "appArmorProfile", &profiles);
    die.sometimes(context, 12, "windowsOptions", &json!([{"hostProcess": true}, {"hostProcess": false}, {}]));
    let options = json!([{"type": "container_t"}, {"type": "container_engine_t"}, {"type": "x"}, {"user": "u"}, {"role": "r"}, {"level": "s0"}, {}]);
    die.sometimes(context, 12, "seLinuxOptions", &options);
}

fn container(die: &mut Die, name: &str, hardened: bool) -> Value {
    let mut context = if hardened {
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})
    } else {
        json!({})
    };
    shared_context(die, &mut context);
    die.sometimes(&mut context, 12, "privileged", &json!([true, false, null]));
    die.sometimes(&mut context, 12, "allowPrivilegeEscalation", &json!([true, false, null]));
    die.sometimes(&mut context, 12, "procMount", &json!(["Default", "Unmasked", "", null]));
    let add = die.text(CAPABILITIES);
    let drops = json!([["ALL"], [], null, ["all"], ["NET_RAW"], ["KILL", "ALL"]]);
    let mut capabilities = json!({"add": [add]});
    die.sometimes(&mut capabilities, 1, "drop", &drops);
    die.sometimes(&mut context, 12, "capabilities", &json!([capabilities]));
    let mut container = json!({"name": name, "image": "i"});
    die.sometimes(
        &mut container,
        1,
        "securityContext",
        &if hardened { json!([context]) } else { json!([context, null]) },
    );
    die.sometimes(
        &mut container,
        12,
        "ports",
        &json!([[{"hostPort": 80}], [{"hostPort": 0}], [{"containerPort": 80}, {"hostPort": 81}]]),
    );
    let handlers = json!([{"httpGet": {"host": "h", "port": 1}}, {"httpGet": {"port": 1}}, {"tcpSocket": {"host": "h", "port": 1}}, {"exec": {}}]);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        die.sometimes(&mut container, 40, probe, &handlers);
    }
    let mut lifecycle = json!({});
    die.sometimes(&mut lifecycle, 2, "postStart", &handlers);
    die.sometimes(&mut lifecycle, 2, "preStop", &handlers);
    die.sometimes(&mut container, 40, "lifecycle", &json!([lifecycle]));
    container
}

fn pod(die: &mut Die) -> Value {
    let hardened = !die.one_in(4);
    let mut spec = json!({"containers": [container(die, "a", hardened)]});
    for (list, sides) in [("initContainers", 2), ("ephemeralContainers", 6)] {
        let other = container(die, "b", hardened);
        die.sometimes(&mut spec, sides, list, &json!([[other]]));
    }
    let mut context =
        if hardened { json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}) } else { json!({}) };
    shared_context(die, &mut context);
    let sysctl = die.text(SYSCTLS);
    die.sometimes(&mut context, 12, "sysctls", &json!([[{"name": sysctl, "value": "1"}]]));
    spec["securityContext"] = context;
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        die.sometimes(&mut spec, 40, field, &json!([true, false]));
    }
    die.sometimes(&mut spec, 4, "hostUsers", &json!([true, false, null]));
    die.sometimes(&mut spec, 4, "os", &json!([{"name": "windows"}, {"name": "linux"}, {"name": "Windows"}, null]));
    let mut volume = json!({"name": "v"});
    volume[die.text(SOURCES)] = json!({});
    die.sometimes(&mut spec, 5, "volumes", &json!([[volume]]));
    let annotation = die.text(ANNOTATIONS);
    let mut annotations = json!({});
    die.sometimes(
        &mut annotations,
        1,
        &annotation,
        &json!(["runtime/default", "docker/default", "localhost/x", "unconfined", ""]),
    );
    let mut metadata = json!({"name": "p"});
    die.sometimes(&mut metadata, 6, "annotations", &json!([annotations]));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

#[test]
#[ignore = "builds a program of Kubernetes' packages, which takes minutes"]
fn random_pods_are_judged_as_kubernetes_judges_them() {
    let versions = (0..=39).map(|minor| format!("v1.{minor}")).chain(["latest".to_owned()]);
    let sets: Vec<_> = versions
        .flat_map(|version| {
            ["baseline", "restricted"].map(|level| (format!("{level} {version}"), format!("{level}:{version}")))
        })
        .map(|(name, standard)| (name, PolicySet::load([]).with_pod_security(standard.parse().unwrap())))
        .collect();
    let mut die = Die(7);
    let mut lines = String::new();
    for _ in 0..3_000 {
        let pod = pod(&mut die);
        let request = Request::from_manifest(&pod).unwrap();
        let verdicts: serde_json::Map<String, Value> = sets
            .iter()
            .map(|(name, set)| (name.clone(), evaluate(set, &request, &context()).verdict.as_str().into()))
            .collect();
        lines.push_str(&format!("{}\n", json!({"pod": pod, "verdicts": verdicts})));
    }
    // Built within the module of the test cluster, which pins Kubernetes, but not a part of it: the cluster is not built anew for it.
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut go = Command::new("go")
        .current_dir(own.join("../../tests/cluster"))
        .arg("run")
        .arg(own.join("tests/podsecurity/main.go"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("go is installed");
    let mut input = go.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = go.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let last = told.lines().last().unwrap_or_default();
    let numbers: Vec<usize> = last.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [compared, denied, different] = numbers[..] else { panic!("{told}") };
    assert_eq!(different, 0, "{}", told.lines().take(5).collect::<Vec<_>>().join("\n"));
    assert_eq!(compared, 3_000 * sets.len());
    // Neither all the same nor nearly: a generator that always gives refused pods would prove nothing.
    assert!(denied * 10 > compared && denied * 10 < compared * 9, "{last}");
}
