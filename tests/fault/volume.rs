//! A small disk of one's own: an ext4 file system in a file, mounted for the life of a test.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::sidecar::Sidecar;

pub struct Volume {
    _image: tempfile::TempDir,
    pub at: PathBuf,
}

impl Volume {
    /// An ext4 of so many MiB, with the blocks that a larger disk has, made with these further words; none
    /// where nothing can be mounted, which it says.
    pub fn ext4(mib: u64, words: &[&str], unproven: &str) -> Option<Self> {
        let image = tempfile::tempdir().unwrap();
        let (file, at) = (image.path().join("disk.img"), image.path().join("at"));
        File::create(&file).unwrap().set_len(mib << 20).unwrap();
        std::fs::create_dir(&at).unwrap();
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F", "-m", "0", "-b", "4096"])
            .args(words)
            .arg(&file)
            .status()
            .is_ok_and(|s| s.success());
        let mounted = made && run("mount", &["-o", "loop"], &[&file, &at]);
        if !mounted {
            super::harness::skip("root, mkfs.ext4 and loop mounts", unproven);
            return None;
        }
        Some(Self { _image: image, at })
    }

    /// Puts the spool of a sidecar that has not started yet here.
    pub fn holds_the_spool_of(&self, sidecar: &Sidecar) -> PathBuf {
        let config = sidecar.dir.join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let spool = self.at.join("spool/spool.db");
        let before = format!("path = \"{}/spool/spool.db\"", sidecar.dir.display());
        assert!(text.contains(&before), "{text}");
        std::fs::write(&config, text.replace(&before, &format!("path = \"{}\"", spool.display()))).unwrap();
        spool
    }

    /// Fills the disk to the last byte, and says what it took.
    pub fn fill(&self) -> u64 {
        let mut file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(self.at.join("ballast")).unwrap();
        let mut taken = 0;
        for piece in [1 << 20, 4096, 1] {
            let piece = vec![7; piece];
            while let Ok(n) = file.write(&piece) {
                taken += n as u64;
            }
        }
        // What is not on the disk yet takes no room.
        let _ = file.sync_all();
        taken
    }

    pub fn clear(&self) {
        let _ = std::fs::remove_file(self.at.join("ballast"));
    }

    pub fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.at).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    pub fn remount(&self, how: &str) -> bool {
        run("mount", &["-o", &format!("remount,{how}")], &[&self.at])
    }
}

fn run(program: &str, words: &[&str], paths: &[&Path]) -> bool {
    let mut command = Command::new(program);
    command.args(words).args(paths).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: a process may still be ending.
        run("umount", &["-l"], &[&self.at]);
    }
}
