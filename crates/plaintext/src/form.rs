//! What a file is, by its name.

/// How a text without structure is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON, also with one value a line.
    Json,
    /// YAML.
    Yaml,
    /// Settings: what stands after a name is its value, in quotes or not.
    Settings,
    /// Source code: what stands after a name without quotes is an expression.
    Code,
    /// Logs and everything else.
    Text,
}

const SETTINGS: &[&str] = &[
    "env",
    "ini",
    "properties",
    "conf",
    "cfg",
    "cnf",
    "config",
    "toml",
    "tfvars",
    "xml",
    "netrc",
    "npmrc",
    "pypirc",
    "sh",
    "bash",
    "zsh",
    "bashrc",
    "bash_profile",
    "zshrc",
    "profile",
    "dockerfile",
    "credentials",
    "service",
    "plist",
    "reg",
    "ovpn",
    "pgpass",
    "my.cnf",
    "s3cfg",
    "boto",
    "ps1",
    "bat",
    "cmd",
    "hcl",
    "nomad",
    "rdp",
    "ica",
    "udl",
    "kdl",
    "tmpl",
    "tpl",
    "j2",
    "txt",
    "secret",
    "secrets",
    "htpasswd",
    "dotenv",
];
const CODE: &[&str] = &[
    "rs", "go", "py", "js", "mjs", "cjs", "ts", "tsx", "jsx", "java", "kt", "scala", "rb", "php", "c", "h", "cc",
    "cpp", "cs", "swift", "lua", "pl", "groovy", "gradle", "ex", "exs", "erl", "clj", "dart", "vue", "svelte", "tf",
    "sql", "md", "rst", "adoc", "html", "css", "r", "jl", "hs",
];

/// The form of a file, by the end of its name; [`Form::Text`] when that says nothing.
pub(crate) fn form(name: &str) -> Form {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    let end = base.rsplit('.').next().unwrap_or(&base);
    match end {
        "json" | "tfstate" | "jsonl" | "ndjson" | "dockerconfigjson" | "dockercfg" | "ipynb" | "webmanifest" => {
            Form::Json
        }
        "yaml" | "yml" | "kubeconfig" => Form::Yaml,
        _ if SETTINGS.contains(&end) || base.contains(".env") || base.starts_with("dockerfile") => Form::Settings,
        _ if CODE.contains(&end) => Form::Code,
        _ => Form::Text,
    }
}
