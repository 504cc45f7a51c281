//! Deaths while the program writes down which database it has before it: at the first opening of
//! one on a server, and of one that was restored from a backup.

use std::fs;

use super::super::company::{Died, instant};
use super::Life;

impl Life {
    pub(super) fn die_opening(&mut self, fault: &str) {
        if self.company.state.is_sqlite() {
            self.begin_journal();
            self.run_once(None);
            self.die_before_a_backup(fault);
        } else {
            self.run_once(Some(fault));
            let is_named = "SELECT COUNT(*) FROM books WHERE identity IS NOT NULL";
            let named = self.company.state.number(is_named) == 1;
            assert_eq!(named, self.is_after_commit());
            self.begin_journal();
            self.run_once(None);
            assert_eq!(self.company.state.number(is_named), 1);
            self.figures.kills += 1;
            self.die_on_another_server(fault);
        }
        assert!(self.company.mail.book.count() > 0, "nothing left");
        self.company.settle(None);
    }

    /// What left after the backup was made is not in it, and does not leave again. Then somebody
    /// finds the newest file after all: with that, all goes on.
    fn die_before_a_backup(&mut self, fault: &str) {
        let [backup, newest] = ["backup.db", "newest.db"];
        self.copy_to(backup);
        self.run += 1;
        self.company.happen(self.run, "mail", 5);
        self.run_once(None);
        self.company.settle(None);
        self.copy_to(newest);

        self.put_in_place(backup);
        self.die_and_stay_paused(fault);

        self.put_in_place(newest);
        self.company.lookout("deliver", None);
        assert_eq!(self.pauses(), 0);
    }

    /// The same tables on another server, which is all that a dump brings back.
    fn die_on_another_server(&mut self, fault: &str) {
        let own = "SELECT identity FROM books";
        let before = self.company.state.ask(own);
        self.company.state.execute("UPDATE books SET identity = 'another/1/1'");
        self.run += 1;
        self.company.happen(self.run, "mail", 5);
        self.die_and_stay_paused(fault);
        assert_eq!(self.company.state.ask(own), before);
        self.company.lookout("resume", None);
        self.company.lookout("deliver", None);
        assert_eq!(self.pauses(), 0);
    }

    /// A program finds a database that was restored, and dies; the next ones send nothing either.
    fn die_and_stay_paused(&mut self, fault: &str) {
        let sent = |life: &Self| {
            let company = &life.company;
            [company.mail.book.count(), company.web.book.count(), company.faxes().len() as u64]
        };
        let before = sent(self);
        self.run_once(Some(fault));
        assert_eq!(self.pauses() == 1, self.is_after_commit());
        for _ in 0..2 {
            self.run_once(None);
            assert_eq!(self.pauses(), 1);
        }
        assert_eq!(sent(self), before);
    }

    fn run_once(&mut self, fault: Option<&str>) {
        let run = format!("run --as-of {}", instant(self.run));
        let died = self.company.lookout(&run, fault);
        assert_eq!(died == Died::Killed, fault.is_some(), "{run}");
        self.company.state.wait_for_the_dead();
    }

    fn pauses(&self) -> i64 {
        let paused = "SELECT COUNT(*) FROM pauses WHERE scope = 'everything'";
        self.company.state.number(paused)
    }

    /// Copies a SQLite database that nobody uses.
    fn copy_to(&self, name: &str) {
        self.company.state.ask("PRAGMA wal_checkpoint(TRUNCATE)");
        fs::copy(self.company.state.file().unwrap(), self.company.path(name)).unwrap();
    }

    /// Puts a copy where the database was; what lies beside it stays.
    fn put_in_place(&self, name: &str) {
        self.company.state.ask("PRAGMA wal_checkpoint(TRUNCATE)");
        fs::copy(self.company.path(name), self.company.state.file().unwrap()).unwrap();
    }
}
