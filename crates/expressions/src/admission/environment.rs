//! What the expressions of policies can name (`k8s.io/apiserver`, `admission/plugin/cel`).

use crate::compile::{Dialect, Environment, Shape};

const TEXT: Shape = Shape::Leaf("string");

const KIND: Shape = Shape::Fields(&[("group", TEXT), ("version", TEXT), ("kind", TEXT)]);
const RESOURCE: Shape = Shape::Fields(&[("group", TEXT), ("version", TEXT), ("resource", TEXT)]);
const USER: Shape =
    Shape::Fields(&[("username", TEXT), ("uid", TEXT), ("groups", Shape::Open), ("extra", Shape::Open)]);

const REQUEST: Shape = Shape::Fields(&[
    ("kind", KIND),
    ("resource", RESOURCE),
    ("subResource", TEXT),
    ("requestKind", KIND),
    ("requestResource", RESOURCE),
    ("requestSubResource", TEXT),
    ("name", TEXT),
    ("namespace", TEXT),
    ("operation", TEXT),
    ("userInfo", USER),
    ("dryRun", Shape::Leaf("bool")),
    ("options", Shape::Open),
]);

const NAMESPACE_METADATA: Shape = Shape::Fields(&[
    ("name", TEXT),
    ("generateName", TEXT),
    ("namespace", TEXT),
    ("labels", Shape::Open),
    ("annotations", Shape::Open),
    ("UID", TEXT),
    ("creationTimestamp", Shape::Open),
    ("deletionGracePeriodSeconds", Shape::Leaf("int")),
    ("deletionTimestamp", Shape::Open),
    ("generation", Shape::Leaf("int")),
    ("resourceVersion", TEXT),
    ("finalizers", Shape::Open),
]);

const NAMESPACE: Shape = Shape::Fields(&[
    ("metadata", NAMESPACE_METADATA),
    ("spec", Shape::Fields(&[("finalizers", Shape::Open)])),
    ("status", Shape::Fields(&[("conditions", Shape::Open), ("phase", TEXT)])),
]);

const AUTHORIZER: &str =
    "the authorizer asks the API server who may do what, which a policy evaluated outside of it cannot";

/// Positions of the values that are handed in.
pub(super) const ROOTS: usize = 5;
pub(super) const NAMESPACE_ROOT: usize = 3;

fn base(dialect: Dialect) -> Environment {
    Environment::new(dialect)
        .root("object", Shape::Open)
        .root("oldObject", Shape::Open)
        .root("request", REQUEST)
        .root("namespaceObject", NAMESPACE)
        .refuse("authorizer", AUTHORIZER)
}

/// For a policy with or without `paramKind`. Without, `params` is refused as the API server does.
pub(super) fn policy_environment(with_params: bool) -> Environment {
    let environment = base(Dialect::Kubernetes);
    if with_params {
        environment.root("params", Shape::Open)
    } else {
        environment.refuse("params", "the policy has no paramKind")
    }
}

/// For a policy of Kyverno.
pub(crate) fn kyverno_environment() -> Environment {
    let mut environment = base(Dialect::Kyverno).with_variables();
    for (name, reason) in KYVERNO_ONLY {
        environment = environment.refuse(name, reason);
    }
    environment
}

const NEEDS_CLUSTER: &str = "it is a function of Kyverno that reads from the cluster, which an evaluation here cannot";
const NEEDS_NETWORK: &str = "it is a function of Kyverno that makes requests, which an evaluation here cannot";
const NEEDS_REGISTRY: &str =
    "it is a function of Kyverno for images and signatures, which an evaluation here does not have";
const NEEDS_CLOCK: &str =
    "it is a function of Kyverno that reads the clock, which makes a decision impossible to repeat";
const NOT_PLAIN: &str = "it is a function of Kyverno's own that plain CEL does not have";

const KYVERNO_ONLY: [(&str, &str); 33] = [
    ("resource", NEEDS_CLUSTER),
    ("resource.Get", NEEDS_CLUSTER),
    ("resource.List", NEEDS_CLUSTER),
    ("resource.Post", NEEDS_CLUSTER),
    ("globalContext", NEEDS_CLUSTER),
    ("globalContext.Get", NEEDS_CLUSTER),
    ("generator", NEEDS_CLUSTER),
    ("generator.Apply", NEEDS_CLUSTER),
    ("http", NEEDS_NETWORK),
    ("http.Get", NEEDS_NETWORK),
    ("http.Post", NEEDS_NETWORK),
    ("http.Client", NEEDS_NETWORK),
    ("image", NEEDS_REGISTRY),
    ("images", NEEDS_REGISTRY),
    ("imageData", NEEDS_REGISTRY),
    ("image.GetMetadata", NEEDS_REGISTRY),
    ("isImage", NEEDS_REGISTRY),
    ("parseImageReference", NEEDS_REGISTRY),
    ("verifyImageSignatures", NEEDS_REGISTRY),
    ("verifyAttestationSignatures", NEEDS_REGISTRY),
    ("extractPayload", NEEDS_REGISTRY),
    ("time.now", NEEDS_CLOCK),
    ("time.truncate", NOT_PLAIN),
    ("time.toCron", NOT_PLAIN),
    ("now", NEEDS_CLOCK),
    ("random", "it is random, which makes a decision impossible to repeat"),
    ("parseYAML", NOT_PLAIN),
    ("yaml.parse", NOT_PLAIN),
    ("parseJSON", NOT_PLAIN),
    ("json.unmarshal", NOT_PLAIN),
    ("parseServiceAccount", NOT_PLAIN),
    ("x509.decode", NOT_PLAIN),
    ("hash.sha256", NOT_PLAIN),
];
