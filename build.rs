//! Finds the contracts of this program with what stands beside them, so that a new one is a folder and no
//! line of code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("contracts");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut list = String::from("&[\n");
    for subject in inside(&folder)? {
        for name in inside(&subject)? {
            for path in inside(&name)?.iter().filter(|path| path.extension().is_some_and(|e| e == "toml")) {
                let place = path.strip_prefix(&folder)?.with_extension("");
                let place = place.to_string_lossy().replace('\\', "/");
                writeln!(
                    list,
                    "BuiltIn {{ place: {place:?}, text: {}, examples: {}, released: {} }},",
                    include(path),
                    texts(&name.join("examples"))?,
                    texts(&name.join("released"))?
                )?;
            }
        }
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("contracts.rs"), list)?;
    Ok(())
}

fn include(path: &Path) -> String {
    format!("include_str!({:?})", path.display().to_string())
}

/// Name and text of each file of a folder, as Rust.
fn texts(folder: &Path) -> io::Result<String> {
    let pair = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("({name:?}, {})", include(path))
    };
    Ok(format!("&[{}]", inside(folder)?.iter().map(pair).collect::<Vec<_>>().join(", ")))
}

/// What a folder holds, in the order of names; nothing, where it is no folder.
fn inside(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
