//! Where the file lies: who may have it open, on what kind of disk, and whether it was closed in order.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::OpenError;

/// The files beside the spool, each named after it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The spool's own file.
    pub(super) file: PathBuf,
    lock: PathBuf,
    clean: PathBuf,
    high: PathBuf,
    /// Room for settling on a full disk.
    pub(super) reserve: PathBuf,
}

/// Whether the last process closed the spool in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastEnd {
    /// The file is new.
    Never,
    /// Closed in order.
    Clean,
    /// Killed, or the machine stopped.
    Unclean,
}

impl Place {
    pub(super) fn of(file: &Path) -> Result<Self, OpenError> {
        if file.as_os_str().as_encoded_bytes().starts_with(b"file:") {
            return Err(OpenError::Path { path: file.into(), why: "a path, not a URI, is needed".into() });
        }
        let beside = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        Ok(Self {
            file: file.into(),
            lock: beside(".lock"),
            clean: beside(".clean"),
            high: beside(".high"),
            reserve: beside(".reserve"),
        })
    }

    /// Makes the folder (0700) where it is missing, so that nothing of a spool is ever readable by others,
    /// not even for a moment.
    pub(super) fn make_folder(&self) -> Result<(), OpenError> {
        if let Some(folder) = self.file.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| self.fault("making the folder", &e))?;
        }
        Ok(())
    }

    /// Makes the file (0600) where it is missing, and takes away the mark of an orderly end. Only under the
    /// lock: the mark is of whoever holds it.
    pub(super) fn make(&self) -> Result<LastEnd, OpenError> {
        let existed = self.file.exists();
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.file)
            .map_err(|e| self.fault("opening the file", &e))?;
        let clean = self.clean.exists();
        if clean {
            fs::remove_file(&self.clean)
                .map_err(|e| self.fault("removing the mark of an orderly end", &e))?;
        }
        self.sync_folder()?;
        Ok(match (existed, clean) {
            (false, _) => LastEnd::Never,
            (true, true) => LastEnd::Clean,
            (true, false) => LastEnd::Unclean,
        })
    }

    /// Marks that the spool was closed in order.
    pub(super) fn mark_clean(&self) {
        if let Err(error) =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&self.clean)
        {
            tracing::warn!(%error, "could not mark the orderly end of the spool: the next start will check the file");
        }
    }

    /// Takes the lock that one process at a time holds for its life.
    pub(super) fn lock(&self) -> Result<File, OpenError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.lock)
            .map_err(|e| self.fault("opening the lock", &e))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked(self.file.clone())),
            Err(e) => Err(self.fault("taking the lock", &e.into())),
        }
    }

    /// Which file lies at the path now; none when there is none.
    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        fs::metadata(&self.file).ok().map(|meta| (meta.dev(), meta.ino()))
    }

    /// Refuses file systems that have no shared memory or whose sync can't be trusted, and warns where
    /// what is written goes with the container or the machine's memory.
    pub(super) fn check_disk(&self) -> Result<(), OpenError> {
        let stat =
            rustix::fs::statfs(&self.file).map_err(|e| self.fault("asking what disk it is on", &e.into()))?;
        match disk_kind(stat.f_type.cast_unsigned() & 0xffff_ffff) {
            DiskKind::Refused(kind) => return Err(OpenError::Disk { path: self.file.clone(), kind }),
            DiskKind::Layer => {
                tracing::warn!(spool = %self.file.display(), "the spool lies on a container's writable layer: it goes with the container; mount a volume");
            }
            DiskKind::Memory => {
                tracing::warn!(spool = %self.file.display(), "the spool lies in memory (tmpfs): it goes with the machine; use a disk");
            }
            DiskKind::Local => {}
        }
        Ok(())
    }

    /// The file that says, unsynced, how far the spool had got: one that ends before it was damaged.
    pub(super) fn high_water(&self) -> Result<HighWater, OpenError> {
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.high)
            .map_err(|e| self.fault("opening the high-water file", &e))?;
        Ok(HighWater { file })
    }

    fn sync_folder(&self) -> Result<(), OpenError> {
        let folder = self.file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| self.fault("syncing the folder", &e))
    }

    pub(super) fn fault(&self, doing: &str, error: &std::io::Error) -> OpenError {
        OpenError::Path { path: self.file.clone(), why: format!("{doing}: {error}") }
    }
}

/// What kind of disk it is, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DiskKind {
    /// It can't hold a spool.
    Refused(&'static str),
    /// A container's writable layer.
    Layer,
    Memory,
    Local,
}

/// By the magic number of statfs(2).
fn disk_kind(magic: u64) -> DiskKind {
    match magic {
        0x6969 => DiskKind::Refused("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => DiskKind::Refused("SMB"),
        0x0102_1997 => DiskKind::Refused("9p"),
        0x6573_5546 => DiskKind::Refused("FUSE"),
        0x794c_7630 => DiskKind::Layer,
        0x0102_1994 => DiskKind::Memory,
        _ => DiskKind::Local,
    }
}

/// How far the spool had got, with a check sum: 24 bytes, overwritten after each commit and never synced.
/// It survives a killed process, which is what damage to the log looks like from the inside.
#[derive(Debug)]
pub(super) struct HighWater {
    file: File,
}

impl HighWater {
    /// Writes the last place given. A failure costs only the comparison at the next start.
    pub(super) fn write(&self, seq: u64) {
        let _ = self.file.write_all_at(&encode(seq), 0);
    }

    /// The last place written; none when nothing readable is there.
    pub(super) fn read(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let seq = u64::from_le_bytes(bytes[..8].try_into().ok()?);
        (encode(seq) == bytes).then_some(seq)
    }

    /// Empties it, once its warning was given.
    pub(super) fn clear(&self) {
        let _ = self.file.set_len(0).and_then(|()| (&self.file).flush());
    }
}

fn encode(seq: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seq.to_le_bytes());
    // FNV-1a: enough to tell a torn or foreign file.
    let sum = bytes[..8]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    bytes[8..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_file_reads_back_and_refuses_damage() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::of(&dir.path().join("s.db")).unwrap();
        let high = place.high_water().unwrap();
        assert_eq!(high.read(), None);
        high.write(7);
        assert_eq!(high.read(), Some(7));
        high.file.write_all_at(&[9], 0).unwrap();
        assert_eq!(high.read(), None);
        high.write(8);
        high.clear();
        assert_eq!(high.read(), None);
    }

    #[test]
    fn network_disks_are_refused() {
        for (magic, kind) in [
            (0x6969, DiskKind::Refused("NFS")),
            (0x517b, DiskKind::Refused("SMB")),
            (0xff53_4d42, DiskKind::Refused("SMB")),
            (0xfe53_4d42, DiskKind::Refused("SMB")),
            (0x0102_1997, DiskKind::Refused("9p")),
            (0x6573_5546, DiskKind::Refused("FUSE")),
            (0x794c_7630, DiskKind::Layer),
            (0x0102_1994, DiskKind::Memory),
            (0xef53, DiskKind::Local),
            (0x5846_5342, DiskKind::Local),
        ] {
            assert_eq!(disk_kind(magic), kind, "{magic:#x}");
        }
    }

    #[test]
    fn one_process_at_a_time_has_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::of(&dir.path().join("s.db")).unwrap();
        let held = place.lock().unwrap();
        assert!(matches!(place.lock(), Err(OpenError::Locked(_))));
        drop(held);
        place.lock().unwrap();
    }
}
