//! Certificate authorities, made anew for each control plane.

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate authority with its key.
pub struct Authority {
    pem: String,
    key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key, PKCS #8.
    pub key_pem: String,
    /// The certificate's DER bytes: `X509SHA256=` of an audit event is the SHA-256 of these.
    pub certificate_der: Vec<u8>,
}

impl Authority {
    /// A new authority named `name`.
    ///
    /// # Errors
    /// The key could not be made.
    pub fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate().context("failed to make a key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name.to_owned());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self { pem, key_pem, issuer: Issuer::new(params, key) })
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's private key, PEM: the controller-manager signs certificate requests with it.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A certificate for a server at these host names and addresses.
    ///
    /// # Errors
    /// A name is no valid host name or address.
    pub fn server(&self, names: &[&str]) -> Result<Certified> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, "server", &[])
    }

    /// A client certificate: Kubernetes reads the common name as user and each organisation as group.
    ///
    /// # Errors
    /// More than two groups were given: the certificate library cannot write more.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Certified> {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, user, groups)
    }

    fn sign(&self, mut params: CertificateParams, name: &str, organisations: &[&str]) -> Result<Certified> {
        ensure!(organisations.len() <= 2, "a client certificate made here holds at most two groups");
        params.distinguished_name = DistinguishedName::new();
        for organisation in organisations {
            // rcgen keeps one value for each kind of name part, so that further groups need a kind of their own
            // that encodes to the same object identifier.
            let kind = if params.distinguished_name.get(&DnType::OrganizationName).is_none() {
                DnType::OrganizationName
            } else {
                DnType::CustomDnType(vec![2, 5, 4, 10])
            };
            params.distinguished_name.push(kind, (*organisation).to_owned());
        }
        params.distinguished_name.push(DnType::CommonName, name.to_owned());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("failed to make a key")?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certified {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate_der: certificate.der().to_vec(),
        })
    }
}
