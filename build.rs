//! Finds the contracts of this program, so that a new one is a folder and no line of code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("contracts");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut list = String::from("&[\n");
    for subject in sorted(&folder)? {
        for name in sorted(&subject)? {
            for path in sorted(&name)?.iter().filter(|path| path.extension().is_some_and(|e| e == "toml")) {
                let place = path.strip_prefix(&folder).map_err(io::Error::other)?.with_extension("");
                let place = place.to_string_lossy().replace('\\', "/");
                writeln!(list, "({place:?}, include_str!({:?})),", path.display().to_string())
                    .map_err(io::Error::other)?;
            }
        }
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("contracts.rs"), list)
}

/// What a folder holds, in the order of names; nothing, where it is no folder.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
