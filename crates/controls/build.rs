//! Lists the files of the repository's `catalogue/` so that the binary holds every one of them without a list kept by hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let catalogue = root.join("../../catalogue").canonicalize()?;
    println!("cargo::rerun-if-changed={}", catalogue.display());
    let mut text = String::from(
        "/// The catalogue's files: path below `catalogue/`, content.\npub(super) static FILES: &[(&str, &str)] = &[\n",
    );
    for family in sorted(&catalogue)?.into_iter().filter(|path| path.is_dir()) {
        println!("cargo::rerun-if-changed={}", family.display());
        for file in sorted(&family)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
            println!("cargo::rerun-if-changed={}", file.display());
            let below = file.strip_prefix(&catalogue).expect("the file was listed below the catalogue");
            let name = below.to_str().expect("names in the catalogue are ASCII").replace('\\', "/");
            writeln!(text, "    ({name:?}, include_str!({:?})),", file.display().to_string())
                .expect("writing to a String does not fail");
        }
    }
    text.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("catalogue.rs"), text)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
