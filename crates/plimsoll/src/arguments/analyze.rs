//! The command line of `plimsoll analyze`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use records::Timestamp;

/// Heading of the options that say where objects come from.
const SOURCE: &str = "What is analysed (default: the history in the store)";

#[derive(Subcommand)]
pub(crate) enum AnalyzeCommand {
    /// Finds risky permissions and where they lead: 45 patterns, with the way from the subject to what it becomes.
    Rbac(RbacArguments),
    /// Tells all who may make a request by RBAC, with the binding and role that let them.
    #[command(
        after_help = "Members of groups are not told one by one: RBAC does not know them. Rights of kubelets by the Node authorizer are not among these."
    )]
    WhoCan(WhoCanArguments),
    /// Tells everything that a subject may do by RBAC, by itself and by the groups that it is in.
    WhatCan(WhatCanArguments),
    /// Tells which rights came and went between two moments of the history.
    AccessDiff(AccessDiffArguments),
    /// Tells what can reach what under the network policies, the ways in from outside, and what a compromised workload reaches.
    Network(NetworkArguments),
    /// Finds credentials in plain text in files, objects and the history of git repositories: kind, place and keyed digest, never the value.
    Secrets(SecretsArguments),
    /// Tells how each container runs: user, privileges, access to its host, seccomp, token, limits.
    Workloads(WorkloadsArguments),
}

#[derive(Args)]
pub(crate) struct RbacArguments {
    /// The API server's version, as 1.36: some permissions lead further before or after a version. Default: not known, and what any version allows counts.
    #[arg(long, value_name = "VERSION")]
    pub(crate) server_version: Option<analysis::rbac::risks::ServerVersion>,
    /// Leave out the subjects that Kubernetes itself creates.
    #[arg(long)]
    pub(crate) without_built_in: bool,
    /// With --manifests: leave out the roles and bindings that every API server makes, as cluster-admin and edit.
    #[arg(long, requires = "manifests")]
    pub(crate) without_default_roles: bool,
    /// End with exit code 1 when something is found of severity critical or high.
    #[arg(long)]
    pub(crate) fail: bool,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

#[derive(Args)]
pub(crate) struct SecretsArguments {
    /// What is told.
    #[arg(long, value_enum, default_value_t = SecretsView::Plaintext)]
    pub(crate) view: SecretsView,
    /// Look through every version of every file of this local git repository as well.
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) git: Vec<PathBuf>,
    /// Search by the rules of this file as well, TOML in the form of gitleaks and betterleaks. Several times for several files. Default: those of the store's configuration, if there are any.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Search by the rules of --rules only, not by those that come with Plimsoll.
    #[arg(long, requires = "rules")]
    pub(crate) only_these_rules: bool,
    /// End with exit code 1 when a credential is found.
    #[arg(long)]
    pub(crate) fail: bool,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

/// What `analyze secrets` tells.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretsView {
    /// Credentials in plain text. With --manifests every file is looked through, whatever it holds.
    Plaintext,
    /// Secrets with what keeps them: the manager, its object, refresh and rotation as far as the objects tell.
    Kept,
}

#[derive(Args)]
pub(crate) struct WorkloadsArguments {
    /// End with exit code 1 when a container runs with rights over its host.
    #[arg(long)]
    pub(crate) fail: bool,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

#[derive(Args)]
pub(crate) struct WhoCanArguments {
    /// The verb: get, list, watch, create, update, patch, delete, deletecollection, bind, escalate, impersonate ...
    pub(crate) verb: String,
    /// The resource, as pods, pods/exec, deployments.apps or deployments.apps/scale; or a path, as /metrics.
    pub(crate) resource: String,
    /// The namespace. Default: all of them at once, and what lives in none.
    #[arg(short, long, default_value = "")]
    pub(crate) namespace: String,
    /// The object's name. Default: none, as for a list or a create.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// With --manifests: leave out the roles and bindings that every API server makes, as cluster-admin and edit.
    #[arg(long, requires = "manifests")]
    pub(crate) without_default_roles: bool,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

#[derive(Args)]
pub(crate) struct WhatCanArguments {
    /// The subject: User:name, Group:name or ServiceAccount:namespace/name.
    pub(crate) subject: String,
    /// With --manifests: leave out the roles and bindings that every API server makes, as cluster-admin and edit.
    #[arg(long, requires = "manifests")]
    pub(crate) without_default_roles: bool,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

#[derive(Args)]
pub(crate) struct AccessDiffArguments {
    /// The first moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Timestamp,
    /// The second moment. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// The cluster in the history, where it holds several.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
}

#[derive(Args)]
pub(crate) struct NetworkArguments {
    /// What is told.
    #[arg(long, value_enum, default_value_t = NetworkView::Flows)]
    pub(crate) view: NetworkView,
    /// With `--view reached`: the workload that somebody has taken over, as namespace/name[Kind].
    #[arg(long, value_name = "WORKLOAD", required_if_eq("view", "reached"))]
    pub(crate) from: Option<String>,
    /// Trust level of a namespace, higher for more trust; before the configuration file and the label plimsoll.dev/trust-level. Several times for several.
    #[arg(long, value_name = "NAMESPACE=LEVEL", value_parser = trust_level)]
    pub(crate) trust_level: Vec<(String, i64)>,
    /// Whether an ipBlock of a NetworkPolicy takes pods by their addresses, which depends on the network plugin; default: as the configuration file has it, else unknown.
    #[arg(long, value_enum)]
    pub(crate) blocks: Option<Blocks>,
    #[command(flatten)]
    pub(crate) source: AnalyzeSource,
}

/// What `analyze network` tells.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkView {
    /// Pairs that are open for certain, with their ports.
    Flows,
    /// Pairs of which it is not known whether they are open.
    Unknown,
    /// Ways in from outside of the cluster.
    EntryPoints,
    /// Ways to the metadata service, DNS to the outside, and DNS that is missed.
    Holes,
    /// Pairs of trust levels: how many pairs of workloads there are, and how many of them are open.
    Trust,
    /// What somebody reaches step by step who has taken over the workload --from.
    Reached,
}

/// What blocks of addresses mean for pods.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Blocks {
    /// Not known: what only a block opens between pods is unknown.
    Unknown,
    /// They never take pods (Cilium).
    Never,
    /// They take pods by their addresses (Calico).
    ByAddress,
}

fn trust_level(text: &str) -> Result<(String, i64), String> {
    let (namespace, level) = text.split_once('=').ok_or("expected NAMESPACE=LEVEL")?;
    let level = level.parse().map_err(|_| format!("{level:?} is no whole number"))?;
    Ok((namespace.to_owned(), level))
}

/// Where the objects come from.
#[derive(Args)]
pub(crate) struct AnalyzeSource {
    /// Files of manifests, or folders of them (YAML and JSON); - is standard input.
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = SOURCE, conflicts_with_all = ["kubeconfig", "at"])]
    pub(crate) manifests: Vec<PathBuf>,
    /// The cluster as it is now, reached by this kubeconfig; without a value by the current one.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "", help_heading = SOURCE, conflicts_with = "at")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The moment in the history (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME", help_heading = SOURCE)]
    pub(crate) at: Option<Timestamp>,
    /// The cluster in the history, where it holds several.
    #[arg(long, value_name = "NAME", help_heading = SOURCE)]
    pub(crate) cluster: Option<String>,
}
