//! The repository's catalogue as part of the program; `build.rs` lists the files.

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
