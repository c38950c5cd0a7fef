//! Making certificates, and reading what is needed of them.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::timing::Timing;

/// What the names of authorities begin with; a random part follows, so that no two are mistaken for each other.
const AUTHORITY_NAME: &str = "plimsoll-admission";

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name is neither a host name nor an address.
    #[error("{name:?} is neither a host name nor an address")]
    Name {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// The library refused.
    #[error("failed to make a certificate")]
    Make(#[from] rcgen::Error),
    /// A time that certificates cannot hold.
    #[error("{0} is no time for a certificate")]
    Time(Timestamp),
    /// No randomness.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// No name at all.
    #[error("a server's certificate needs at least one name")]
    NoName,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Host names in lower case, and addresses, sorted.
    pub(crate) names: Vec<String>,
    public_key: Vec<u8>,
}

impl Facts {
    /// Reads a certificate; `None` when it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let whole = x509_cert::Certificate::from_der(der).ok()?;
        let read = &whole.tbs_certificate;
        let time = |at: x509_cert::time::Time| {
            Timestamp::from_second(i64::try_from(at.to_unix_duration().as_secs()).ok()?).ok()
        };
        let alternative: Option<(bool, SubjectAltName)> = read.get().ok()?;
        let mut names: Vec<String> = match alternative {
            Some((_, SubjectAltName(all))) => all.iter().filter_map(name).collect(),
            None => Vec::new(),
        };
        names.sort();
        Some(Self {
            not_before: time(read.validity.not_before)?,
            not_after: time(read.validity.not_after)?,
            subject: read.subject.to_string(),
            issuer: read.issuer.to_string(),
            names,
            public_key: read.subject_public_key_info.subject_public_key.raw_bytes().to_vec(),
        })
    }
}

fn name(general: &GeneralName) -> Option<String> {
    match general {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Names as a certificate holds them, to be compared with [`Facts::names`].
pub(crate) fn normalised(names: &[String]) -> Vec<String> {
    let one = |name: &String| match name.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => name.to_ascii_lowercase(),
    };
    let mut all: Vec<String> = names.iter().map(one).collect();
    all.sort();
    all.dedup();
    all
}

/// An authority with its key.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) facts: Facts,
    common_name: String,
    key: KeyPair,
}

impl Authority {
    /// A new one.
    pub(crate) fn new(timing: &Timing, now: Timestamp) -> Result<Self, IssueError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(IssueError::Random)?;
        let common_name = format!("{AUTHORITY_NAME} {}", hex::encode(random));
        let key = KeyPair::generate()?;
        let mut params = authority_params(&common_name);
        (params.not_before, params.not_after) =
            (date(after(now, -timing.backdated)?)?, date(after(now, timing.authority_lasts)?)?);
        let certificate = params.self_signed(&key)?.der().clone();
        let facts = Facts::read(&certificate).ok_or(rcgen::Error::CouldNotParseCertificate)?;
        Ok(Self { certificate, facts, common_name, key })
    }

    /// Certificate and key, PEM.
    pub(crate) fn pem(&self) -> String {
        format!("{}{}", certificates_pem(std::slice::from_ref(&self.certificate)), self.key.serialize_pem())
    }

    /// Reads [`Authority::pem`]; `None` when it is not what was written.
    pub(crate) fn read(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
        let key = KeyPair::try_from(&key).ok()?;
        let facts = Facts::read(&certificate)?;
        let common_name = facts.subject.strip_prefix("CN=")?.to_owned();
        (key.public_key_raw() == facts.public_key).then_some(Self { certificate, facts, common_name, key })
    }

    /// A server's certificate for these names, with a key of its own, both PEM in one text.
    pub(crate) fn server(&self, names: &[String], timing: &Timing, now: Timestamp) -> Result<String, IssueError> {
        if names.is_empty() {
            return Err(IssueError::NoName);
        }
        let mut params = CertificateParams::default();
        for name in normalised(names) {
            let one = CertificateParams::new(vec![name.clone()]);
            params.subject_alt_names.extend(one.map_err(|source| IssueError::Name { name, source })?.subject_alt_names);
        }
        params.distinguished_name = named(AUTHORITY_NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let begin = after(now, -timing.backdated)?.max(self.facts.not_before);
        let end = after(now, timing.server_lasts)?.min(self.facts.not_after);
        (params.not_before, params.not_after) = (date(begin)?, date(end)?);
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(authority_params(&self.common_name), &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(format!("{}{}", certificates_pem(std::slice::from_ref(certificate.der())), key.serialize_pem()))
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// All of an authority but its times: what it signs must name it the same after its file was read again.
fn authority_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(common_name);
    // It signs servers' certificates, and no further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn after(now: Timestamp, time: SignedDuration) -> Result<Timestamp, IssueError> {
    now.checked_add(time).map_err(|_| IssueError::Time(now))
}

fn date(at: Timestamp) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| IssueError::Time(at))
}

/// Certificates as PEM.
pub(crate) fn certificates_pem(certificates: &[CertificateDer<'_>]) -> String {
    let mut out = String::new();
    for certificate in certificates {
        out.push_str("-----BEGIN CERTIFICATE-----\n");
        // Lines of 64 characters (RFC 7468, section 2).
        for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
            out.push_str(&String::from_utf8_lossy(line));
            out.push('\n');
        }
        out.push_str("-----END CERTIFICATE-----\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-26T03:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_authority_is_the_same_after_it_was_written() {
        let timing = Timing::default();
        let made = Authority::new(&timing, now()).unwrap();
        let read = Authority::read(made.pem().as_bytes()).unwrap();
        assert_eq!((&read.facts, &read.common_name), (&made.facts, &made.common_name));
        assert_eq!(made.facts.not_before, now() - timing.backdated);
        assert_eq!(made.facts.not_after, now() + timing.authority_lasts);
        let names = ["B.test".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), "b.test".to_owned()];
        for authority in [&made, &read] {
            let server = authority.server(&names, &timing, now()).unwrap();
            let facts = Facts::read(&CertificateDer::from_pem_slice(server.as_bytes()).unwrap()).unwrap();
            assert_eq!((&facts.issuer, &facts.names), (&made.facts.subject, &normalised(&names)));
            assert_eq!(facts.not_after, now() + timing.server_lasts);
        }
        // Near the authority's end, not beyond it.
        let late = made.facts.not_after - SignedDuration::from_hours(1);
        let server = made.server(&names, &timing, late).unwrap();
        let facts = Facts::read(&CertificateDer::from_pem_slice(server.as_bytes()).unwrap()).unwrap();
        assert_eq!(facts.not_after, made.facts.not_after);
    }

    #[test]
    fn what_is_no_authority_is_not_read() {
        let timing = Timing::default();
        let (one, other) = (Authority::new(&timing, now()).unwrap(), Authority::new(&timing, now()).unwrap());
        let mixed =
            format!("{}{}", certificates_pem(std::slice::from_ref(&one.certificate)), other.key.serialize_pem());
        for text in ["", "nonsense", &mixed, &one.pem()[..200], &certificates_pem(&[CertificateDer::from(vec![1, 2])])]
        {
            assert!(Authority::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let authority = Authority::new(&Timing::default(), now()).unwrap();
        let server = |names: &[String]| authority.server(names, &Timing::default(), now());
        assert!(matches!(server(&[]), Err(IssueError::NoName)));
        assert!(matches!(server(&["\u{e9}.test".to_owned()]), Err(IssueError::Name { .. })));
        assert!(matches!(Authority::new(&Timing::default(), Timestamp::MAX), Err(IssueError::Time(_))));
    }
}
