//! The command line.

mod analyze;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use records::Timestamp;

pub(crate) use analyze::{
    AccessDiffArguments, AnalyzeCommand, AnalyzeSource, Blocks, NetworkArguments, NetworkView, RbacArguments,
    SecretsArguments, SecretsView, WhatCanArguments, WhoCanArguments, WorkloadsArguments,
};

/// Heading of the options that all commands have.
const COMMON: &str = "Common options";

/// Operating evidence for SOC 2 from Kubernetes: collected continuously, provable, re-performable.
///
/// Exit codes: 0 good; 1 findings, where the command was asked to fail on them; 2 an error.
#[derive(Parser)]
#[command(name = "plimsoll", version, max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The evidence store's folder.
    #[arg(long, global = true, help_heading = COMMON, default_value = "plimsoll-store", env = "PLIMSOLL_STORE")]
    pub(crate) store: PathBuf,
    /// The configuration file (YAML). Without it `run` uses the current kubeconfig and defaults.
    #[arg(long, global = true, help_heading = COMMON, env = "PLIMSOLL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How results are printed; for `ingest`, what the files hold.
    #[arg(long, global = true, help_heading = COMMON, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Say more of what is done (twice for details).
    #[arg(short, long, global = true, help_heading = COMMON, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Json,
    /// Parquet, to standard output (only `query`).
    Parquet,
    /// SARIF 2.1.0 (`policy check`, `analyze`).
    Sarif,
    /// A graph in the DOT language of Graphviz (only `analyze`).
    Dot,
    /// A graph as SVG (only `analyze`).
    Svg,
    /// JUnit XML (only `policy check`).
    Junit,
    /// For `ingest`: audit events of Kubernetes, one a line, in lists, or in the envelopes of EKS, GKE and AKS.
    #[value(name = "k8s-audit")]
    K8sAudit,
    /// For `ingest`: a managed cluster as `aws eks describe-cluster`, `gcloud container clusters describe --format json` or `az aks show` print it.
    CloudDescription,
    /// For `ingest`: logs of containers as the kubelet names and writes them; they are looked through for credentials, and not kept.
    ContainerLog,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Collects evidence and serves the portal until it is interrupted.
    Run(RunArguments),
    /// Takes in audit log files, descriptions of managed clusters, and what logs of containers hold.
    Ingest(IngestArguments),
    /// Takes in lists of the people who work here and who left.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Takes in lists of what was approved: tickets of changes, pull requests.
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Asks the open tables with SQL.
    Query(QueryArguments),
    /// Evaluates the controls over a window and appends the result as evidence.
    Evaluate(EvaluateArguments),
    /// Writes the offline package of a window for an auditor.
    Report(ReportArguments),
    /// Shows and tests the catalogue of controls.
    #[command(subcommand)]
    Controls(ControlsCommand),
    /// Looks after the evidence store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Checks manifests and admission requests against policies, tests policies, explains rules.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Analyses who can do what, what can reach what, where credentials are: of manifests, a cluster, or a moment of the history.
    #[command(subcommand)]
    Analyze(AnalyzeCommand),
    /// Verifies the signatures of images.
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Prints the ClusterRole and binding that collection needs, to be applied by an administrator.
    Rbac,
    /// Tries whether the cluster's network enforces its NetworkPolicies.
    #[command(subcommand)]
    NetworkProbe(NetworkProbeCommand),
    /// Sets up the admission webhook.
    #[command(subcommand)]
    Admission(AdmissionCommand),
    /// Reads from etcd with which provider and key every object is stored; decrypts nothing, writes nothing to etcd, and shows no value.
    EtcdScan(EtcdScanArguments),
}

#[derive(Args)]
pub(crate) struct EtcdScanArguments {
    /// etcd's client address, as https://HOST:2379.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: String,
    /// The authority that signed etcd's certificate (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) authority: Option<PathBuf>,
    /// The certificate to show to etcd (PEM). A user of etcd's own that may only read is enough.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) private_key: Option<PathBuf>,
    /// The API server's --etcd-prefix.
    #[arg(long, default_value = "/registry")]
    pub(crate) prefix: String,
    /// What to scan, as RESOURCE or RESOURCE.GROUP. May be given several times.
    #[arg(long = "resource", value_name = "RESOURCE", default_value = "secrets")]
    pub(crate) resources: Vec<String>,
    /// Append what was found to the store (--store) as evidence.
    #[arg(long)]
    pub(crate) append: bool,
    /// The cluster's name in the names of sources. Default: that of the configuration file, or `cluster`.
    #[arg(long, requires = "append")]
    pub(crate) cluster: Option<String>,
    /// Exit with 1 when an object is stored in the clear or in an unknown form.
    #[arg(long)]
    pub(crate) fail_on_findings: bool,
}

/// `plimsoll network-probe`.
#[derive(Subcommand)]
pub(crate) enum NetworkProbeCommand {
    /// Prints the manifests of a probe, to be created by an administrator (`kubectl create -f -`).
    Manifest {
        /// The namespace.
        #[arg(long, default_value = "plimsoll-probe")]
        namespace: String,
        /// The image of this program.
        #[arg(long)]
        image: String,
    },
    /// Tries the connections, prints the result as one line of JSON, and leaves it as termination message.
    Run {
        /// Where the server is: a name or an address.
        #[arg(long)]
        host: String,
        /// Connects nothing and prints a made-up result that says so, to try the rest with.
        #[arg(long)]
        simulate: bool,
    },
    /// Listens on the ports of the probe.
    Serve,
}

#[derive(Subcommand)]
pub(crate) enum AdmissionCommand {
    /// Prints the webhook's configuration and rights, to be applied by an administrator.
    Manifest(AdmissionManifestArguments),
    /// Tries whether pods that must be refused are refused, by dry runs, and keeps the answers as evidence for AD-08.
    ///
    /// Exit 1 when one was admitted, 2 when a guard was not asked or gave no answer. Nothing is stored in the cluster.
    Probe(AdmissionProbeArguments),
}

#[derive(Args)]
pub(crate) struct AdmissionProbeArguments {
    /// Only print the ServiceAccount, Role and binding that it needs, to be applied by an administrator.
    #[arg(long)]
    pub(crate) manifest: bool,
    /// A kubeconfig with the probe's own credentials. Those of the collection cannot create anything.
    #[arg(long, required_unless_present = "manifest")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The cluster's name in the names of sources (lower case). Default: the configuration's, or `cluster`.
    #[arg(long)]
    pub(crate) cluster: Option<String>,
    /// The namespace to try. It should be guarded like those that count, and nothing should run in it.
    #[arg(long, default_value = "plimsoll-probe")]
    pub(crate) namespace: String,
    /// The level of the Pod Security Standards that the guards keep.
    #[arg(long, value_enum, default_value_t = ProbeLevel::Baseline)]
    pub(crate) level: ProbeLevel,
    /// Further pods that must be refused (YAML): what your own policies forbid.
    #[arg(long, value_name = "FILE")]
    pub(crate) pods: Vec<PathBuf>,
    /// The image of the pods; one that your policies allow.
    #[arg(long, default_value = "registry.k8s.io/pause:3.10")]
    pub(crate) image: String,
}

/// Levels of the Pod Security Standards that a probe can try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProbeLevel {
    /// Host namespaces, privileges, host paths and ports, capabilities, seccomp.
    Baseline,
    /// Also root, privilege escalation, capabilities that were not dropped.
    Restricted,
}

#[derive(Args)]
pub(crate) struct AdmissionManifestArguments {
    /// The authority that signed the webhook's certificate (PEM).
    #[arg(long, value_name = "FILE", required_unless_present_any = ["self_managed", "exceptions_definition", "as_policies"])]
    pub(crate) authority: Option<PathBuf>,
    /// The webhook makes its certificates itself (`self_managed` in its configuration): print the right to enter their authority, and none.
    #[arg(long, conflicts_with_all = ["authority", "from_disk"])]
    pub(crate) self_managed: bool,
    /// Only print the CustomResourceDefinition of PolicyException, by which the API server refuses what is no exception.
    #[arg(long, conflicts_with_all = ["authority", "as_policies"])]
    pub(crate) exceptions_definition: bool,
    /// Only print the policies of this folder, or file, as ValidatingAdmissionPolicies with bindings, where their rules can be said so; what cannot is named.
    #[arg(long, value_name = "DIR", conflicts_with = "authority")]
    pub(crate) as_policies: Option<PathBuf>,
    /// Where the API server reaches the webhook, as https://HOST:PORT. Default: the Service plimsoll-admission in the namespace.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Plimsoll's own namespace, which is never judged.
    #[arg(long, default_value = crate::admission::OWN_NAMESPACE)]
    pub(crate) namespace: String,
    /// The webhook's name.
    #[arg(long, default_value = intake::admission::options::WEBHOOK_NAME)]
    pub(crate) name: String,
    /// Let requests in when the webhook does not answer, instead of refusing them. The audit log then says so, and AD-05 finds it.
    #[arg(long)]
    pub(crate) fail_open: bool,
    /// How long the API server waits for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=30))]
    pub(crate) timeout: u8,
    /// Ask about every resource, for policies of your own about other kinds than workloads.
    #[arg(long)]
    pub(crate) all_resources: bool,
    /// Print the form for the API server's own disk (staticManifestsDir, Kubernetes 1.37), which no user of the API can change or delete.
    #[arg(long, requires = "url")]
    pub(crate) from_disk: bool,
}

#[derive(Args)]
pub(crate) struct RunArguments {
    /// The cluster's name in the names of sources (lower case). Default: `cluster`.
    #[arg(long)]
    pub(crate) cluster: Option<String>,
    /// The kubeconfig to use. Default: the current one.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Where the portal listens.
    #[arg(long)]
    pub(crate) portal: Option<std::net::SocketAddr>,
    /// Only these parts, each process with a store of its own; the admission webhook alone stays small.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Role::ALL)]
    pub(crate) roles: Vec<Role>,
}

/// Parts of a running Plimsoll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Receives audit events, and follows audit log files.
    Intake,
    /// Answers the API server's admission reviews.
    Admission,
    /// Lists and watches the cluster, reads counters, sends canaries.
    Collect,
    /// Evaluates the controls again and again, and shows the result.
    Portal,
}

impl Role {
    /// All of them: the default.
    pub(crate) const ALL: [Self; 4] = [Self::Intake, Self::Admission, Self::Collect, Self::Portal];
}

#[derive(Args)]
pub(crate) struct IngestArguments {
    /// The source, as `<cluster>/audit/<api server>`; for descriptions of managed clusters `<cluster>/encryption/cloud`, for logs of containers `<cluster>/logs/<node>`.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// The files; `-` is standard input, but for logs of containers, which are known by their paths. Plain, gzip or zstd, told by content.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum PeopleCommand {
    /// Takes in one reading of a list of people: the whole list, as one or several files.
    Import(PeopleImportArguments),
}

#[derive(Args)]
pub(crate) struct PeopleImportArguments {
    /// The list, as `<cluster>/identities/<list>`.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// The files of the reading: CSV with the columns user, and person, status, joined_at and left_at where there are; or answers of SCIM 2.0, one page each.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Takes in one reading of a list of approvals, as one or several files. Hand it in at least once a day, also when nothing was approved: with the header alone.
    Import(ApprovalsImportArguments),
}

#[derive(Args)]
pub(crate) struct ApprovalsImportArguments {
    /// The list, as `<cluster>/approvals/<list>`.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// The files of the reading: CSV with the columns approval, approver, approved_at and resource, and requested_by, from, until, user, verbs, namespace, name and reason where there are.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct QueryArguments {
    /// The query.
    pub(crate) sql: String,
}

#[derive(Args)]
pub(crate) struct WindowArguments {
    /// Beginning of the window, included (RFC 3339, for example 2026-01-01T00:00:00Z).
    #[arg(long)]
    pub(crate) from: Timestamp,
    /// End of the window, not included.
    #[arg(long)]
    pub(crate) to: Timestamp,
    /// Only these controls.
    #[arg(long = "control", value_name = "ID")]
    pub(crate) controls: Vec<String>,
    /// A catalogue folder to use instead of the built-in one.
    #[arg(long, value_name = "DIR")]
    pub(crate) catalogue: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct EvaluateArguments {
    #[command(flatten)]
    pub(crate) window: WindowArguments,
    /// Exit with 1 when a conclusion is `deviations noted` or `not determinable`.
    #[arg(long)]
    pub(crate) fail_on_findings: bool,
    /// Print every item instead of one line a control.
    #[arg(long)]
    pub(crate) items: bool,
    /// Do not append the result to the store.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) window: WindowArguments,
    /// The folder to write the package to; it must not exist or be empty.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum ControlsCommand {
    /// Lists the controls.
    List(CatalogueArguments),
    /// Shows one control: what it tests, with which SQL and parameters.
    Show {
        /// The control, for example AC-01.
        id: String,
        #[command(flatten)]
        catalogue: CatalogueArguments,
    },
    /// Runs the fixtures of the controls and compares with what they expect.
    Test {
        /// Only this control.
        id: Option<String>,
        #[command(flatten)]
        catalogue: CatalogueArguments,
    },
}

#[derive(Args)]
pub(crate) struct CatalogueArguments {
    /// A catalogue folder to use instead of the built-in one.
    #[arg(long, value_name = "DIR")]
    pub(crate) catalogue: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Says what the store holds.
    Stat,
    /// Recomputes everything from the bytes and lists all differences. Exit 1 when there are any.
    Fsck,
    /// Drops and recreates all tables and compares them row for row.
    Rebuild,
    /// Verifies segments, manifests, log and checkpoint; with an older checkpoint, that nothing was rewritten since.
    Verify {
        /// A checkpoint that was kept from before.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Decides on every object of files; `--format` table, json, sarif or junit. Exit 1 when one is denied, 2 when one could not be judged or a policy not be used.
    Check(PolicyCheckArguments),
    /// Tries the good and bad examples beside policies (`<policies>.good.yaml`, `<policies>.bad.yaml`); without a folder, those of
    /// the rules' pages. Exit 1 when one comes out otherwise.
    Test {
        /// A folder of policies, or one file.
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
    },
    /// Lists the rules that policies can name, or prints the page of one, or what a policy of a set does.
    Explain {
        /// A folder of policies, or one file, that the name is looked up in first.
        #[arg(long, value_name = "DIR", requires = "rule")]
        policies: Option<PathBuf>,
        /// The rule, for example trusted-registries, or the name of a policy in --policies.
        rule: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum ImagesCommand {
    /// Looks up the signatures and attestations of images in their registries; `--format` table, csv or json. Exit 1 when one is refused, 2
    /// when one is not known because its registry could not be asked.
    Verify(ImagesVerifyArguments),
}

#[derive(Args)]
pub(crate) struct ImagesVerifyArguments {
    /// The rules (YAML): which images need which signatures, and whose.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Credentials for registries: a Docker configuration, as an imagePullSecret holds it. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Vec<PathBuf>,
    /// Seconds that each image may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// The images, as a pod names them.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
}

#[derive(Args)]
pub(crate) struct PolicyCheckArguments {
    /// A folder of policies and exceptions (YAML), or one file.
    #[arg(long, value_name = "DIR")]
    pub(crate) policies: Option<PathBuf>,
    /// A level of the Pod Security Standards, with a version of Kubernetes: `baseline`, `restricted:v1.37`. Without this and
    /// without --policies: `restricted:latest`.
    #[arg(long, value_name = "LEVEL[:VERSION]")]
    pub(crate) pod_security: Option<policy::pod_security::LevelVersion>,
    /// The files hold AdmissionReviews, not manifests.
    #[arg(long)]
    pub(crate) review: bool,
    /// Files of YAML or JSON, folders of them, or `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}
