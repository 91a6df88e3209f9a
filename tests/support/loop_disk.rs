//! A file system of its own in a file, whose power can be cut: what was not synced is gone. Needs root.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Which file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ext4,
    Xfs,
}

/// A mounted disk; unmounted and gone when it is dropped.
pub struct LoopDisk {
    image: PathBuf,
    place: PathBuf,
    device: String,
}

/// Why there can be none here.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("root, to mount".to_owned());
    }
    for (tool, package) in [("mkfs.ext4", "e2fsprogs"), ("mkfs.xfs", "xfsprogs"), ("xfs_io", "xfsprogs")] {
        if Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Some(format!("{tool} (apt-get install {package})"));
        }
    }
    // A container may have root and no loop devices.
    let folder = tempfile::tempdir().unwrap();
    let disk = LoopDisk::try_new(Kind::Ext4, 16, &folder.path().join("image"), &folder.path().join("disk"));
    disk.err().map(|words| format!("loop mounts ({words})"))
}

/// What a command prints.
fn run(command: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(command)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{command} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl LoopDisk {
    /// Makes a disk of so many MiB (sparse) and mounts it at a place.
    pub fn new(kind: Kind, mebibytes: u64, image: &Path, place: &Path) -> Self {
        Self::try_new(kind, mebibytes, image, place).unwrap_or_else(|words| panic!("{words}"))
    }

    fn try_new(kind: Kind, mebibytes: u64, image: &Path, place: &Path) -> Result<Self, String> {
        let file = std::fs::File::create(image).map_err(|error| error.to_string())?;
        file.set_len(mebibytes << 20).map_err(|error| error.to_string())?;
        let path = image.display().to_string();
        match kind {
            Kind::Ext4 => run("mkfs.ext4", &["-q", "-F", &path])?,
            Kind::Xfs => run("mkfs.xfs", &["-q", "-f", &path])?,
        };
        std::fs::create_dir_all(place).map_err(|error| error.to_string())?;
        let mut disk = Self { image: image.into(), place: place.into(), device: String::new() };
        disk.mount()?;
        Ok(disk)
    }

    /// On a loop device of its own each time: a process with mounts of its own may keep the one before.
    fn mount(&mut self) -> Result<(), String> {
        let image = self.image.display().to_string();
        self.device = run("losetup", &["--find", "--show", &image])?;
        run("mount", &[&self.device, &self.place.display().to_string()]).map(drop)
    }

    fn unmount(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            match run("umount", &[&self.place.display().to_string()]) {
                Err(words) if words.contains("busy") && begun.elapsed() < Duration::from_secs(10) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                result => {
                    run("losetup", &["--detach", &self.device])?;
                    return result.map(drop);
                }
            }
        }
    }

    /// Cuts the power and gives it back: what was written and not synced is gone. Nobody may have a file of
    /// it open.
    pub fn cut_power(&mut self) {
        // Without `flush`: not even the journal is written out.
        let place = self.place.display().to_string();
        run("xfs_io", &["-x", "-c", "shutdown", &place]).unwrap();
        self.unmount().unwrap();
        self.mount().unwrap();
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}
