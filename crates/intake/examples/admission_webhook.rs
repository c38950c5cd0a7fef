//! An admission webhook by itself, to be killed by tests: `admission_webhook DIR [PORT]` serves with the certificate in DIR (`tls.crt`, `tls.key`) over a
//! store there, prints its address, and goes on until it is ended.

use std::path::Path;
use std::sync::Arc;

use intake::admission::CertificateFiles;
use intake::{Admission, AdmissionOptions};
use policy::Surroundings;
use store::{NoProjection, Store, StoreOptions};
use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("give the folder")?;
    let dir = Path::new(&dir);
    let port: u16 = std::env::args().nth(2).map_or(Ok(0), |port| port.parse())?;
    let store = Store::open(StoreOptions::new(dir.join("store"), "plimsoll.test/log"), Arc::new(NoProjection))?;
    let (_known, surroundings) = watch::channel(Some(Arc::new(Surroundings::new().all())));
    let files = CertificateFiles { certificate: dir.join("tls.crt"), private_key: dir.join("tls.key") };
    let mut options = AdmissionOptions::new("prod", ([127, 0, 0, 1], port).into(), files, surroundings);
    options.pod_security = Some("baseline".parse()?);
    let webhook = Admission::start(options, store).await?;
    println!("{}", webhook.address());
    std::future::pending::<()>().await;
    Ok(())
}
