//! Empties what SQLite leaves in its pages. `secure_delete` overwrites a row that goes, and pages that become
//! free; but where rows are moved between pages that stay, a page's unused middle keeps the bytes of rows that
//! lie elsewhere by then, and when those are erased, a copy is left. Here that middle is overwritten in the
//! file itself: bytes between the list of a page's cells and the first of them, which mean nothing to anybody.
//!
//! Only for the writer's thread, while the log is empty and its own cache too: else an older page comes back.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const PAGE: usize = 4_096;
/// From so many pages on an overflow page can't be told from others by its first byte.
const MOST_PAGES: u64 = 1 << 24;
/// One page of pointers stands before so many others (SQLite's file format, 1.8).
const POINTERS_EVERY: u64 = PAGE as u64 / 5 + 1;

/// The file. Kept open: closing it would give up the locks that SQLite holds on it in this process.
#[derive(Debug)]
pub(super) struct Scrub(File);

impl Scrub {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(path).map(Self)
    }

    /// Empties the unused middles of `n` pages, the first of which is `from` (pages are counted from 1). Some:
    /// the next page.
    pub(super) fn pages(&self, from: u64, n: u64) -> io::Result<Option<u64>> {
        let all = self.0.metadata()?.len() / PAGE as u64;
        if all >= MOST_PAGES {
            return Err(io::Error::other("the file is larger than 64 GiB"));
        }
        let end = all.min(from + n - 1);
        let mut page = [0; PAGE];
        for number in from..=end {
            if number % POINTERS_EVERY == 2 {
                continue;
            }
            let at = (number - 1) * PAGE as u64;
            self.0.read_exact_at(&mut page, at)?;
            let Some((first, last)) = middle(&page, number) else { continue };
            if page[first..last].iter().any(|byte| *byte != 0) {
                self.0.write_all_at(&[0; PAGE][first..last], at + first as u64)?;
            }
        }
        if end < all {
            return Ok(Some(end + 1));
        }
        self.0.sync_data()?;
        Ok(None)
    }
}

/// Where the unused middle of a page of a tree begins and ends; none: it is another page, or not in order.
fn middle(page: &[u8; PAGE], number: u64) -> Option<(usize, usize)> {
    // The file's own header stands before that of its first page.
    let head = if number == 1 { 100 } else { 0 };
    let two = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
    let length = match page[head] {
        10 | 13 => 8,
        2 | 5 => 12,
        _ => return None,
    };
    let first = head + length + 2 * two(head + 3);
    let last = two(head + 5);
    // Each cell must lie behind the middle, or it is none.
    let cells = (head + length..first).step_by(2);
    let in_order = first <= last && last <= PAGE && cells.into_iter().all(|at| two(at) >= last);
    in_order.then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_the_list_of_cells_and_the_first_is_unused() {
        let mut page = [0xee; PAGE];
        // A leaf of a table with two cells, at 4,000 and 4,050.
        page[..8].copy_from_slice(&[13, 0, 0, 0, 2, 0x0f, 0xa0, 0]);
        page[8..12].copy_from_slice(&[0x0f, 0xd2, 0x0f, 0xa0]);
        assert_eq!(middle(&page, 7), Some((12, 4_000)));
        page[8] = 0x0e;
        assert_eq!(middle(&page, 7), None, "a cell before the first");
        page[0] = 0;
        assert_eq!(middle(&page, 7), None, "an overflow page");
    }

    #[test]
    fn a_scrubbed_file_is_the_same_to_sqlite_and_holds_nothing_unused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.db");
        let conn = super::super::schema::open_writer(&path).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        conn.execute_batch("begin").unwrap();
        for n in 0..3_000_i64 {
            let body = format!("canary-{n:05}-").repeat(random.usize(1..400));
            conn.execute(
                "insert into audit(no, at, who, verb, what, why) values(?1, 0, '', '', ?2, '')",
                (n, body),
            )
            .unwrap();
            if n > 50 && n % 3 == 0 {
                conn.execute("delete from audit where no = ?1", [random.i64(0..n)]).unwrap();
            }
        }
        conn.execute_batch("commit").unwrap();
        let sum = |conn: &rusqlite::Connection| {
            conn.query_one("select count(*), sum(no), sum(length(what)) from audit", [], |r| {
                Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
            })
            .unwrap()
        };
        let before = sum(&conn);
        conn.query_one("pragma wal_checkpoint(truncate)", [], |r| r.get::<_, i64>(0)).unwrap();
        drop(conn);
        let scrub = Scrub::open(&path).unwrap();
        let mut next = Some(1);
        while let Some(from) = next {
            next = scrub.pages(from, 100).unwrap();
        }
        let conn = super::super::schema::open_writer(&path).unwrap();
        assert_eq!(conn.query_one("pragma integrity_check", [], |r| r.get::<_, String>(0)).unwrap(), "ok");
        assert_eq!(sum(&conn), before);
        let bytes = std::fs::read(&path).unwrap();
        let there: std::collections::BTreeSet<i64> = String::from_utf8_lossy(&bytes)
            .split("canary-")
            .filter_map(|rest| rest.get(..5)?.parse().ok())
            .collect();
        for n in 0..3_000_i64 {
            let kept: bool = conn
                .query_one("select exists(select 1 from audit where no = ?1)", [n], |r| r.get(0))
                .unwrap();
            assert!(kept || !there.contains(&n), "{n}");
        }
    }
}
