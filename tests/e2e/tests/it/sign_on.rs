//! The authentication configuration of the documentation, with a real OIDC provider: who logs in with a second factor is let in, who does not is not, and
//! the audit event says by which factors.
//!
//! The provider is the npm package of `tests/oidc`, installed once into the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::pki::Authority;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::shared::{SOON, ask_for_event};

/// A running provider; dropping it ends it.
struct Provider {
    process: Child,
    folder: tempfile::TempDir,
    programs: PathBuf,
    url: String,
    authority: String,
}

impl Provider {
    async fn start() -> Result<Self> {
        let programs = installed()?;
        let folder = tempfile::tempdir()?;
        let authority = Authority::new("oidc-ca")?;
        let server = authority.server(&["127.0.0.1"])?;
        fs::write(folder.path().join("server.crt"), &server.certificate_pem)?;
        fs::write(folder.path().join("server.key"), &server.key_pem)?;
        fs::write(folder.path().join("ca.crt"), authority.pem())?;
        let port = e2e::port::free()?;
        let process = Command::new("node")
            .current_dir(folder.path())
            .arg(programs.join("provider.mjs"))
            .args([port.to_string().as_str(), "server.crt", "server.key"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("provider.log"))?)
            .spawn()
            .context("failed to start node; is it installed")?;
        let url = format!("https://127.0.0.1:{port}");
        let provider = Self { process, folder, programs, url, authority: authority.pem().to_owned() };
        e2e::wait::until("the provider listens", SOON, || async {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(()))
        })
        .await?;
        Ok(provider)
    }

    /// Logs somebody in; `+mfa` at the end of the name is the second factor.
    fn identity(&self, who: &str) -> Result<Identity> {
        let output = Command::new("node")
            .env("NODE_EXTRA_CA_CERTS", self.folder.path().join("ca.crt"))
            .arg(self.programs.join("login.mjs"))
            .args([&self.url, who])
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Identity::bearer(who, String::from_utf8(output.stdout)?.trim()))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder of the provider with its packages.
fn installed() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oidc");
    let lock = fs::read(source.join("package-lock.json"))?;
    let folder = e2e::build::cache_folder()?.join("oidc").join(hex::encode(&Sha256::digest(&lock)[..16]));
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "provider.mjs", "login.mjs"] {
        fs::copy(source.join(file), folder.join(file))?;
    }
    let done = folder.join("installed");
    if !done.exists() {
        let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        let output = Command::new("npm").current_dir(&folder).args(install).output()?;
        ensure!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(done, "")?;
    }
    Ok(folder)
}

/// The documentation's file, for this issuer.
fn configuration(provider: &Provider) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/authentication-configuration.yaml");
    let mut value: Value = serde_yaml_ng::from_str(&fs::read_to_string(file)?)?;
    value["jwt"][0]["issuer"]["url"] = json!(provider.url);
    value["jwt"][0]["issuer"]["certificateAuthority"] = json!(provider.authority);
    Ok(format!("{value:#}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_configuration_lets_in_who_has_a_second_factor() -> Result<()> {
    let provider = Provider::start().await?;
    let configuration = configuration(&provider)?;
    let options = ControlPlaneOptions { authentication: Some(configuration.clone()), ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(options).await?;
    let _keep = plane.keep_logs_if_panicking();

    let carol = provider.identity("carol+mfa")?;
    let (answer, event) = ask_for_event(&plane, &carol, "GET", "/version", &[], None).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let user = &event["user"];
    assert_eq!(user["username"], "idp:carol+mfa");
    assert_eq!(user["groups"], json!(["idp:sre", "system:authenticated"]));
    assert_eq!(user["extra"]["idp.example.com/amr"], json!(["pwd", "mfa"]));
    assert_eq!(user["extra"]["idp.example.com/iss"], json!([provider.url]));
    // This provider gives its ID tokens no `jti`: only the claims say what it was.
    assert_eq!(user["extra"].get("authentication.kubernetes.io/credential-id"), None);

    let (answer, event) = ask_for_event(&plane, &provider.identity("dave")?, "GET", "/version", &[], None).await?;
    assert_eq!((answer.status, &event["user"]), (401, &json!({})));

    let metrics = plane.request(&plane.admin()?, "GET", "/metrics", &[], None).await?.body;
    let digest = hex::encode(Sha256::digest(&configuration));
    let reported = format!("hash=\"sha256:{digest}\"");
    let series = "apiserver_authentication_config_controller_last_config_info{";
    assert!(metrics.lines().any(|line| line.starts_with(series) && line.contains(&reported)), "{digest}");
    Ok(())
}
