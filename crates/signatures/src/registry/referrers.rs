//! What refers to an image: by the referrers API, or by the tag that stands in for it.
//!
//! Rules: OCI distribution specification 1.1, "Listing Referrers" and "Unavailable Referrers API".

use reqwest::header::LINK;
use reqwest::{StatusCode, Url};

use super::{Fetched, MAX_MANIFEST_BYTES, Session, media_type, redirect};
use crate::digest::Digest;
use crate::oci::{Descriptor, INDEX, Index};
use crate::outcome::Cause;

/// Most pages of one listing.
const MAX_PAGES: usize = 8;

/// What a registry lists.
pub(crate) enum Listed {
    /// What refers to the image, as far as `most` goes.
    Referrers {
        /// Those that may hold a bundle; who says so comes first.
        found: Vec<Descriptor>,
        /// Whether there are more of them.
        more: bool,
    },
    /// The registry does not have the API.
    NotServed,
}

impl Session<'_> {
    /// By the API.
    pub(crate) async fn referrers(&self, image: &Digest, most: usize) -> Result<Listed, Cause> {
        let what = format!("what refers to {image}");
        let first = self.url(&format!("referrers/{image}"))?;
        let mut url = first.clone();
        let mut all = Vec::new();
        for page in 0..MAX_PAGES {
            let answer = self.get(&url, INDEX, MAX_MANIFEST_BYTES, &what).await?;
            match answer.status {
                StatusCode::OK => {}
                // What registries that do not have the API were seen to answer.
                StatusCode::NOT_FOUND
                | StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_ACCEPTABLE
                    if page == 0 =>
                {
                    return Ok(Listed::NotServed);
                }
                status => return Err(self.status(status, &what)),
            }
            if media_type(&answer.headers).is_some_and(|kind| kind != INDEX) {
                return Err(self.nonsense(&what, "it is of another media type than an index"));
            }
            // Whoever may push can make the list as long as that.
            let Some(body) = answer.body else { return Ok(chosen(all, true, most)) };
            let index = Index::parse(&body).map_err(|why| self.nonsense(&what, &why))?;
            all.extend(index.manifests.into_iter().filter(Descriptor::may_be_bundle));
            let next = answer.headers.get(LINK).and_then(|value| next_page(value.to_str().ok()?));
            match next {
                None => return Ok(chosen(all, false, most)),
                Some(next) => {
                    url = url
                        .join(next)
                        .ok()
                        .filter(|url| redirect::same_origin(&first, url) && same_place(&first, url))
                        .ok_or_else(|| self.nonsense(&what, "its next page is somewhere else"))?;
                }
            }
        }
        Ok(chosen(all, true, most))
    }

    /// By the tag that clients keep for registries without the API.
    pub(crate) async fn fallback(&self, image: &Digest, most: usize) -> Result<Listed, Cause> {
        let tag = format!("sha256-{}", image.hex());
        match self.tagged(&tag).await? {
            // A registry was seen to answer with the image itself: nothing refers to it there.
            Fetched::Content((digest, _)) if digest == *image => Ok(Listed::NotServed),
            Fetched::Content((_, bytes)) => match Index::parse(&bytes) {
                Ok(index) => {
                    Ok(chosen(index.manifests.into_iter().filter(Descriptor::may_be_bundle).collect(), false, most))
                }
                // Whoever may push can have put something else there.
                Err(_) => Ok(Listed::NotServed),
            },
            Fetched::Absent => Ok(Listed::NotServed),
            Fetched::TooLong => Ok(chosen(Vec::new(), true, most)),
        }
    }
}

fn chosen(mut found: Vec<Descriptor>, more: bool, most: usize) -> Listed {
    // Stable: the registry's order within each kind.
    found.sort_by_key(|descriptor| !descriptor.says_bundle());
    let more = more || found.len() > most;
    found.truncate(most);
    Listed::Referrers { found, more }
}

fn same_place(first: &Url, url: &Url) -> bool {
    first.path() == url.path()
}

/// The target of `Link: <target>; rel="next"`.
fn next_page(value: &str) -> Option<&str> {
    value.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found() {
        for (value, next) in [
            ("</v2/a/referrers/x?n=2>; rel=\"next\"", Some("/v2/a/referrers/x?n=2")),
            ("<a>; rel=prev, <b>; rel=next", Some("b")),
            ("<a>; rel=\"prev\"", None),
            ("a; rel=next", None),
            ("<a", None),
            ("", None),
        ] {
            assert_eq!(next_page(value), next, "{value}");
        }
    }

    #[test]
    fn who_says_that_it_is_a_bundle_comes_first() {
        let listed = |kind: Option<&str>, n: u8| -> Descriptor {
            let json = serde_json::json!({"digest": n.to_string(), "artifactType": kind});
            serde_json::from_value(json).unwrap()
        };
        let all =
            vec![listed(None, 0), listed(Some("application/vnd.dev.sigstore.bundle.v0.3+json"), 1), listed(None, 2)];
        let Listed::Referrers { found, more } = chosen(all, false, 2) else { panic!("it is a list") };
        assert_eq!(found.iter().map(|d| d.digest.as_str()).collect::<Vec<_>>(), ["1", "0"]);
        assert!(more);
    }
}
