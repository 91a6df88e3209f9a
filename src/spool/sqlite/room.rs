//! Room on the disk: how much there is, when the door must be shut, and a reserve that is given up so that
//! settling goes on when all else is taken.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a whole disk keeps for settling, and what must be free beside that for the door to be open.
const MOST: u64 = 8 << 20;
/// On a small disk each of them is at most this share of it: an eighth.
const SHARE: u64 = 8;
/// A disk that was full within this time may have been full at a write that failed.
const LATELY: Duration = Duration::from_secs(5);
/// An accepted byte is written into the log, then into the file, with pages that are only half full.
pub(super) const WRITES_PER_BYTE: u64 = 3;
/// What a group of the smallest batches writes beside its bytes: some pages of each table.
pub(super) const GROUP_BYTES: u64 = 128 << 10;

/// The marks on one disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    /// Below it the door is shut.
    floor: u64,
    /// The size of the reserve.
    reserve: u64,
}

impl Levels {
    /// On a disk of this size.
    fn of(total: u64) -> Self {
        let part = MOST.min(total / SHARE);
        Self { floor: part, reserve: part }
    }

    /// Below this history has to go.
    fn ease(self) -> u64 {
        self.floor * 2
    }

    /// Below this the reserve is given up. It is taken again when the door can be opened then.
    fn last(self) -> u64 {
        self.floor / 4
    }
}

/// Whether the reserve lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reserve {
    Held,
    Released,
    /// This disk can't hold one; said once.
    Without,
}

/// The room of the disk the spool lies on.
#[derive(Debug)]
pub(super) struct Room {
    folder: File,
    file: PathBuf,
    log: PathBuf,
    reserve_file: File,
    reserve: Reserve,
    levels: Levels,
    /// The most that one file of this process may have (`RLIMIT_FSIZE`).
    file_limit: Option<u64>,
    free: u64,
    /// When it was last seen to be full.
    full_at: Option<Instant>,
}

impl Room {
    /// Looks at the disk, and takes the reserve where there is room for it; on a full disk gives up the one
    /// that is there, so that the spool can be opened.
    pub(super) fn open(file: &Path, reserve: &Path) -> std::io::Result<Self> {
        let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = File::open(folder)?;
        let stat = rustix::fs::fstatvfs(&folder)?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let reserve_file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(reserve)?;
        let levels = Levels::of(stat.f_blocks.saturating_mul(stat.f_frsize));
        let meta = reserve_file.metadata()?;
        let held = meta.len() == levels.reserve && meta.blocks() * 512 >= levels.reserve;
        let mut room = Self {
            folder,
            file: file.into(),
            log: log.into(),
            reserve_file,
            reserve: if held { Reserve::Held } else { Reserve::Released },
            levels,
            file_limit: rustix::process::getrlimit(rustix::process::Resource::Fsize).current,
            free: 0,
            full_at: None,
        };
        room.look();
        Ok(room)
    }

    /// Measures, and gives up or takes the reserve as there is room. A disk that can't be asked is taken for
    /// one with room: its next write tells.
    pub(super) fn look(&mut self) {
        self.measure();
        match self.reserve {
            Reserve::Held if self.free < self.levels.last() => {
                tracing::error!(
                    free = self.free,
                    "the disk is full: the reserve is given up so that publishing goes on; no batch is taken; make room"
                );
                self.release();
            }
            Reserve::Released if self.free >= self.levels.floor + self.levels.reserve => self.take(),
            _ => {}
        }
    }

    fn measure(&mut self) {
        self.free = rustix::fs::fstatvfs(&self.folder)
            .map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        if let Some(limit) = self.file_limit {
            let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
            self.free = self.free.min(limit.saturating_sub(size(&self.file).max(size(&self.log))));
        }
        if self.free < self.levels.last() {
            self.full_at = Some(Instant::now());
        }
    }

    /// Gives up the reserve if what failed a write was room, and says whether it was: the store only says that a
    /// write failed where it was a quota, or the size that a file may have.
    pub(super) fn relieve(&mut self) -> bool {
        let out = self.is_out();
        if out {
            self.release();
        }
        out
    }

    /// Gives the reserve's room to whoever writes next. Its file stays: a disk may be out of inodes too.
    fn release(&mut self) {
        if self.reserve == Reserve::Held && self.reserve_file.set_len(0).is_ok() {
            self.reserve = Reserve::Released;
            self.measure();
        }
    }

    fn take(&mut self) {
        let size = self.levels.reserve;
        let flags = rustix::fs::FallocateFlags::empty();
        let taken = match rustix::fs::fallocate(&self.reserve_file, flags, 0, size) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => self.write_out(size),
            other => other.map_err(Into::into),
        };
        match taken {
            Ok(()) => {
                self.reserve = Reserve::Held;
                self.measure();
            }
            Err(error) => {
                let _ = self.reserve_file.set_len(0);
                if !is_full(&error) {
                    tracing::warn!(%error, "no room can be reserved on this disk: if it fills, publishing may stop too");
                    self.reserve = Reserve::Without;
                }
            }
        }
    }

    fn write_out(&self, size: u64) -> std::io::Result<()> {
        let zeros = [0; 64 << 10];
        let mut at = 0;
        while at < size {
            let n = zeros.len().min(usize::try_from(size - at).unwrap_or(usize::MAX));
            self.reserve_file.write_all_at(&zeros[..n], at)?;
            at += n as u64;
        }
        Ok(())
    }

    fn is_out(&mut self) -> bool {
        self.measure();
        // Others free and take room meanwhile.
        if self.full_at.is_some_and(|at| at.elapsed() < LATELY) {
            return true;
        }
        let at = self.reserve_file.metadata().map_or(0, |meta| meta.len());
        let tried = self.reserve_file.write_all_at(&[0; 4096], at);
        let _ = self.reserve_file.set_len(at);
        tried.is_err_and(|error| is_full(&error))
    }

    /// Room beside the reserve.
    pub(super) fn free(&self) -> u64 {
        self.free
    }

    /// What the reserve holds now.
    pub(super) fn reserve_bytes(&self) -> u64 {
        if self.reserve == Reserve::Held { self.levels.reserve } else { 0 }
    }

    /// Whether history has to go, and what the log holds has to be copied soon.
    pub(super) fn is_tight(&self) -> bool {
        self.reserve == Reserve::Released || self.free < self.levels.ease()
    }

    /// What may be written by accepts now, when the log still owes the file so many bytes; none while the
    /// reserve has been given up: what is free then is for settling.
    pub(super) fn spare(&self, log_bytes: u64) -> u64 {
        match self.reserve {
            Reserve::Released => 0,
            Reserve::Held | Reserve::Without => self.free.saturating_sub(log_bytes + self.levels.floor),
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_small_disk_keeps_a_small_reserve() {
        for (total, part) in [(24 * MIB, 3 * MIB), (64 * MIB, 8 * MIB), (1 << 40, 8 * MIB), (0, 0)] {
            assert_eq!(Levels::of(total), Levels { floor: part, reserve: part });
        }
    }

    #[test]
    fn the_reserve_takes_room_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let (file, reserve) = (dir.path().join("s.db"), dir.path().join("s.db.reserve"));
        let mut room = Room::open(&file, &reserve).unwrap();
        assert_eq!(room.reserve_bytes(), 8 * MIB);
        assert!(std::fs::metadata(&reserve).unwrap().blocks() * 512 >= 8 * MIB, "it is more than a length");
        assert!(room.spare(0) > 0);
        room.release();
        assert_eq!((room.reserve_bytes(), room.spare(0)), (0, 0), "what is free is for settling");
        assert!(room.is_tight());
        room.look();
        assert_eq!(room.reserve_bytes(), 8 * MIB, "there is room, so it is taken again");
        let again = Room::open(&file, &reserve).unwrap();
        assert_eq!(again.reserve, Reserve::Held);
    }

    #[test]
    fn the_log_counts_as_what_the_file_will_need() {
        let dir = tempfile::tempdir().unwrap();
        let mut room = Room::open(&dir.path().join("s.db"), &dir.path().join("s.db.reserve")).unwrap();
        room.free = 20 * MIB;
        assert_eq!((room.spare(0), room.spare(5 * MIB), room.spare(13 * MIB)), (12 * MIB, 7 * MIB, 0));
    }
}
