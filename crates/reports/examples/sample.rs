//! Writes a made-up package into a folder, for looking at and for the browser test: `sample FOLDER`.

#![allow(clippy::unwrap_used)] // Fixtures and helpers of tests: a panic is a failed test.

#[path = "../tests/it"]
mod of_tests {
    pub(crate) mod sample;
}

use of_tests::sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: sample FOLDER")?;
    let folder = std::path::PathBuf::from(folder);
    let files = reports::package::render(&sample::material(), &sample::evidence(), &[])?;
    for (path, bytes) in &files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    println!("{} files in {}", files.len(), folder.display());
    Ok(())
}
