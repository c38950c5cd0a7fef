//! The catalogue: controls as data, one YAML file each, in a folder for each family.

mod check;
mod embedded;
mod error;
mod file;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use records::{ControlId, ControlKind, Criterion};
use sha2::{Digest, Sha256};

pub use error::{CatalogueErrors, Fault};
pub use file::{ParameterDefinition, ParameterType, ParameterValue};

/// One control.
#[derive(Debug, Clone)]
pub struct Control {
    /// Path of its file below the catalogue, with `/`.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// Its identifier.
    pub id: ControlId,
    /// Its title: the sentence that the control states.
    pub title: String,
    /// What it means, what an item is and what a deviation is.
    pub description: String,
    /// The criteria that it serves.
    pub criteria: Vec<Criterion>,
    /// How it is tested.
    pub kind: ControlKind,
    /// Sources whose coverage the test rests on.
    pub needs: Vec<SourcePattern>,
    /// Sources that must be connected and whose coverage the test itself judges: time without a verdict is uncovered time.
    pub judges: Vec<SourcePattern>,
    /// The share of the window that must be covered, in millionths (0 to 1,000,000).
    pub minimum_covered_millionths: i64,
    /// What to do when a source is not connected.
    pub next_step: String,
    /// Parameters by name.
    pub parameters: BTreeMap<String, ParameterDefinition>,
    /// SQL of the population.
    pub population: String,
    /// SQL of the test of each item.
    pub test: String,
}

/// A pattern for sources within one cluster: `<class>/<detail>`, where the detail may be `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePattern {
    class: records::SourceClass,
    detail: String,
}

impl SourcePattern {
    /// From text; `None` when it is no pattern.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (class, detail) = text.split_once('/')?;
        let class = records::SourceClass::parse(class)?;
        let valid = detail == "*" || records::SourceName::new("x", class, detail).is_ok();
        valid.then(|| Self { class, detail: detail.to_owned() })
    }

    /// The class.
    #[must_use]
    pub fn class(&self) -> records::SourceClass {
        self.class
    }

    /// Whether the source is meant.
    #[must_use]
    pub fn matches(&self, source: &records::SourceName) -> bool {
        source.class() == self.class && (self.detail == "*" || source.detail() == self.detail)
    }
}

impl std::fmt::Display for SourcePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.class, self.detail)
    }
}

/// A catalogue whose files were all read, checked and planned.
#[derive(Debug, Clone)]
pub struct Catalogue {
    controls: Vec<Control>,
    fixtures: BTreeMap<String, (String, String)>,
    digest: String,
}

impl Catalogue {
    /// The catalogue that this program was built with.
    ///
    /// # Errors
    /// [`CatalogueErrors`]; the tests of this crate hold that there are none.
    pub async fn embedded() -> Result<Self, CatalogueErrors> {
        Self::from_files(embedded::FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
            .await
    }

    /// The catalogue in a folder: `<family>/<id>.yaml`, with `<id>.fixture.yaml` beside.
    ///
    /// # Errors
    /// [`CatalogueErrors`] with everything that is wrong, in all files.
    pub async fn load(folder: &Path) -> Result<Self, CatalogueErrors> {
        Self::from_files(read_folder(folder)?).await
    }

    /// A catalogue from the texts of its files (path below the catalogue, content).
    ///
    /// # Errors
    /// [`CatalogueErrors`] with everything that is wrong, in all files.
    pub async fn from_files(mut files: Vec<(String, String)>) -> Result<Self, CatalogueErrors> {
        files.sort();
        let mut faults = Vec::new();
        let mut controls: Vec<Control> = Vec::new();
        let mut fixtures = BTreeMap::new();
        let mut listing = String::new();
        for (path, text) in files {
            if let Some(control) = path.strip_suffix(".fixture.yaml") {
                let id = control.rsplit('/').next().unwrap_or(control).to_owned();
                fixtures.insert(id, (path, text));
                continue;
            }
            listing.push_str(&format!("{}  {path}\n", hex::encode(Sha256::digest(text.as_bytes()))));
            match file::parse(&path, &text) {
                Ok(parsed) => {
                    faults.extend(check::sql(&parsed).await);
                    if let Some(other) = controls.iter().find(|c| c.id == parsed.control.id) {
                        faults.push(Fault::new(&path, 1, 1, format!("{} is defined in {} too", other.id, other.path)));
                    }
                    controls.push(parsed.control);
                }
                Err(found) => faults.extend(found),
            }
        }
        for (id, (path, _)) in &fixtures {
            if faults.is_empty() && !controls.iter().any(|c| c.id.as_str() == id) {
                faults.push(Fault::new(path, 1, 1, format!("there is no control {id} for this fixture")));
            }
        }
        if controls.is_empty() && faults.is_empty() {
            faults.push(Fault::new("catalogue", 0, 0, "there is no control in it".to_owned()));
        }
        if !faults.is_empty() {
            return Err(CatalogueErrors::new(faults));
        }
        controls.sort_by(|a, b| a.id.cmp(&b.id));
        let digest = hex::encode(Sha256::digest(listing.as_bytes()));
        Ok(Self { controls, fixtures, digest })
    }

    /// The controls, by identifier.
    #[must_use]
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// The control with this identifier.
    #[must_use]
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|c| c.id.as_str() == id)
    }

    /// The fixture of a control: path and text of its file.
    #[must_use]
    pub fn fixture(&self, id: &str) -> Option<(&str, &str)> {
        self.fixtures.get(id).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// SHA-256 (hexadecimal) of the listing `<sha256 of the file>  <path>` of all control files, sorted by path, one a line:
    /// what `sha256sum` prints for the files, hashed once more.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, CatalogueErrors> {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    let shown = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string().replace('\\', "/");
    let listed = |path: &Path, faults: &mut Vec<Fault>| -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(path).and_then(|d| d.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>());
        entries.unwrap_or_else(|error| {
            faults.push(Fault::new(&path.display().to_string(), 0, 0, format!("failed to read the folder: {error}")));
            Vec::new()
        })
    };
    let families = listed(folder, &mut faults);
    for family in families.into_iter().filter(|p| p.is_dir()) {
        for path in listed(&family, &mut faults) {
            if path.extension().is_some_and(|e| e == "yaml") {
                match fs::read_to_string(&path) {
                    Ok(text) => files.push((shown(&path), text)),
                    Err(error) => faults.push(Fault::new(&shown(&path), 0, 0, format!("failed to read: {error}"))),
                }
            }
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(CatalogueErrors::new(faults)) }
}
