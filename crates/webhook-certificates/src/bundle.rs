//! `caBundle`: the authorities that the API server trusts for one webhook, PEM, one after another.

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::issue::{Facts, certificates_pem};

/// Certificates of others that ended so long ago are taken away; clocks may differ by less.
const LONG_EXPIRED: SignedDuration = SignedDuration::from_hours(24);

/// The certificates of a PEM text, each once, in their order. What is none is left out: an API server that finds nothing else can trust nobody.
pub(crate) fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut all = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem).flatten() {
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    all
}

/// The bundle with ours in it, without those that are no longer ours and without what has expired; `None` when nothing has to change.
pub(crate) fn merged(
    present: &[u8],
    own: &[CertificateDer<'static>],
    gone: &[CertificateDer<'static>],
    now: Timestamp,
) -> Option<Vec<u8>> {
    let before = certificates(present);
    let expired = |certificate: &CertificateDer<'_>| {
        Facts::read(certificate).is_some_and(|facts| now.duration_since(facts.not_after) > LONG_EXPIRED)
    };
    let stays = |certificate: &&CertificateDer<'static>| {
        own.contains(certificate) || !gone.contains(certificate) && !expired(certificate)
    };
    let mut after: Vec<_> = before.iter().filter(stays).cloned().collect();
    for certificate in own {
        if !after.contains(certificate) {
            after.push(certificate.clone());
        }
    }
    (after != before).then(|| certificates_pem(&after).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timing;
    use crate::issue::Authority;
    use proptest::prelude::*;

    fn made(at: &str) -> CertificateDer<'static> {
        Authority::new(&Timing::default(), at.parse().unwrap()).unwrap().certificate
    }

    #[test]
    fn others_stay_until_they_have_expired() {
        let now: Timestamp = "2026-11-26T00:00:00Z".parse().unwrap();
        let (own, other, old) =
            (made("2026-11-25T00:00:00Z"), made("2026-10-01T00:00:00Z"), made("2026-01-01T00:00:00Z"));
        let present = format!("a note\n{}", certificates_pem(&[old, other.clone()]));
        let next = merged(present.as_bytes(), std::slice::from_ref(&own), &[], now).unwrap();
        assert_eq!(certificates(&next), [other.clone(), own.clone()]);
        assert_eq!(merged(&next, std::slice::from_ref(&own), &[], now), None);
        let later = made("2026-11-26T00:00:00Z");
        let next = merged(&next, std::slice::from_ref(&later), std::slice::from_ref(&own), now).unwrap();
        assert_eq!(certificates(&next), [other, later]);
    }

    #[test]
    fn what_is_no_certificate_does_not_stop_ours() {
        let (now, own) = ("2026-11-26T00:00:00Z".parse().unwrap(), made("2026-11-25T00:00:00Z"));
        for present in ["", "\n", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA"] {
            let next = merged(present.as_bytes(), std::slice::from_ref(&own), &[], now).unwrap();
            assert_eq!(certificates(&next), std::slice::from_ref(&own));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_bundle_that_holds_ours_and_stays(present in proptest::collection::vec(any::<u8>(), 0..300), gone: u8) {
            let now: Timestamp = "2026-11-26T00:00:00Z".parse().unwrap();
            let own = [CertificateDer::from(vec![gone, 1]), CertificateDer::from(vec![gone, 2])];
            let gone = [CertificateDer::from(vec![gone, 2]), CertificateDer::from(vec![gone, 3])];
            let next = merged(&present, &own, &gone, now).unwrap();
            prop_assert!(own.iter().all(|one| certificates(&next).contains(one)));
            prop_assert_eq!(merged(&next, &own, &gone, now), None);
        }
    }
}
