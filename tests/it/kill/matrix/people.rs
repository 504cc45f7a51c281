//! Deaths while somebody opts out, is reported on or is erased. They have heard from the company
//! before, and another message to them waits: it leaves only if nothing is against it in the end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::super::company::{Died, Person, how_it_ended, instant};
use super::super::listener::Listener;
use super::{CUSTOMERS, Life};

const DELIVERED: &str = include_str!("../../opt_out/reports/delivered.eml");
const DEAD: &str = include_str!("../../opt_out/reports/postfix.eml");
const COMPLAINT: &str = include_str!("../../opt_out/reports/complaint.eml");

impl Life {
    /// Two people stop a topic, and the endpoint dies each time. One of them tries again.
    pub(super) fn die_at_a_link(&mut self, fault: &str) {
        let people = self.some_who_wait(2);
        for (_, message) in &people {
            let listener = Listener::start(&self.company, Some(fault));
            assert_eq!(listener.click(message), None, "{fault}: it answered");
            assert_eq!(listener.ended(), Died::Killed);
            self.look_at_the_dead();
        }
        self.figures.kills += 1;
        let listener = Listener::start(&self.company, None);
        assert_eq!(listener.click(&people[0].1), Some(200));
        for ((person, _), tried_again) in people.iter().zip([true, false]) {
            let rows = "SELECT COUNT(*) FROM suppressions
                 WHERE topic = 'service' AND cause = 'refused' AND customer_id =";
            let rows = self.company.state.number(&format!("{rows} '{}'", person.id));
            let in_force = tried_again || self.is_after_commit();
            // One for the address, one for the telephone.
            assert_eq!(rows, if in_force { 2 } else { 0 }, "{person:?}");
            if in_force {
                self.falls_silent(person);
            }
        }
        self.go_on();
    }

    /// Reports are read by a program that dies, one that is piped in and one in a folder, and then
    /// read again.
    pub(super) fn die_at_a_report(&mut self, fault: &str) {
        let people = self.some_who_wait(2);
        let (doubtful, message) = self.somebody_in_doubt();
        let arrived = report(DELIVERED, &message, &doubtful);
        let settled = |life: &Self| life.state_of(&message) == "sent";
        let died = self.bounces("-", &arrived, Some(fault));
        assert_eq!(how_it_ended("bounces -", &died), Died::Killed);
        self.look_at_the_dead();
        assert_eq!(settled(self), self.is_after_commit());
        self.is_known(&self.bounces("-", &arrived, None), "delivered");
        assert!(settled(self));

        let [(dead, returned), (cross, complained)] = <[_; 2]>::try_from(people).unwrap();
        let (bounce, complaint) =
            (report(DEAD, &returned, &dead), report(COMPLAINT, &complained, &cross));
        self.company.write("reports/1", &bounce);
        self.company.write("reports/2", &complaint);
        let died = self.bounces("reports", "", Some(&format!("{}:2", self.point)));
        assert_eq!(how_it_ended("bounces reports", &died), Died::Killed);
        self.look_at_the_dead();
        self.figures.kills += 1;
        self.is_known(&self.bounces("reports", "", None), "complaints");
        let seen = ["1", "2"].map(|name| self.company.path("reports/seen").join(name).is_file());
        assert_eq!(seen, [true, true]);
        assert_eq!(self.state_of(&returned), "failed");
        self.company.came_back(&returned);
        for person in [&dead, &cross] {
            self.falls_silent(person);
        }

        // Whoever brings them once more changes nothing.
        let before = self.company.state.everything();
        for message in [&arrived, &bounce, &complaint] {
            self.bounces("-", message, None);
        }
        assert_eq!(self.company.state.everything(), before);
        let causes =
            "SELECT cause, note, COUNT(*) FROM suppressions GROUP BY cause, note ORDER BY 1";
        let bounced = ["bounce", "by a delivery report", "1"].map(str::to_owned).to_vec();
        let refused = ["refused", "complaint", "2"].map(str::to_owned).to_vec();
        assert_eq!(self.company.state.ask(causes), [bounced, refused]);
        self.go_on();
    }

    /// Two people are erased, by id and by address, each by a program that dies and one that comes
    /// to its end.
    pub(super) fn die_erasing(&mut self, fault: &str) {
        let people = self.some_who_wait(2);
        let names = [people[0].0.id.clone(), people[1].0.email.clone()];
        for ((person, _), name) in people.iter().zip(names) {
            let before = self.company.state.everything();
            let line = format!("erase {name} --yes");
            assert_eq!(self.company.lookout(&line, Some(fault)), Died::Killed);
            self.look_at_the_dead();
            let traces = self.traces(person);
            match self.is_after_commit() {
                true => assert_eq!(traces, Vec::<String>::new()),
                false => assert_eq!(self.company.state.everything(), before),
            }
            self.company.lookout(&line, None);
            assert_eq!(self.traces(person), Vec::<String>::new());
            assert_eq!(self.bytes_about(person), 0);
            self.falls_silent(person);
            self.erased.push(person.clone());
        }
        // The company's own data is for somebody else to erase.
        for Person { id, .. } in &self.erased {
            self.company.shop(&format!(
                "DELETE FROM events WHERE person = '{id}'; DELETE FROM people WHERE id = '{id}';"
            ));
        }
        self.figures.kills += 1;
        let kept = "SELECT COUNT(*) FROM suppressions WHERE cause <> 'erasure'
             OR COALESCE(customer_id, 'erased:') NOT LIKE 'erased:%'
             OR COALESCE(recipient, 'erased:') NOT LIKE 'erased:%'";
        assert_eq!(self.company.state.number(kept), 0);
        assert!(self.company.state.number("SELECT COUNT(*) FROM suppressions") > 0);
        self.go_on();
    }

    /// The rows that still name somebody.
    pub(super) fn traces(&self, person: &Person) -> Vec<String> {
        let digits = person.phone.trim_start_matches('+');
        let names = |row: &String| {
            let mut words = row.split(|c: char| !c.is_alphanumeric());
            row.contains(&person.email) || row.contains(digits) || words.any(|w| w == person.id)
        };
        self.company.state.everything().into_iter().filter(names).collect()
    }

    /// How often a SQLite file, or what belongs to it, still holds somebody's address.
    fn bytes_about(&self, person: &Person) -> usize {
        let Some(file) = self.company.state.file() else { return 0 };
        let log = format!("{}-wal", file.display()).into();
        let files = [file, log].map(|file| fs::read(file).unwrap_or_default());
        let word = person.email.as_bytes();
        let found = |bytes: &Vec<u8>| bytes.windows(word.len()).filter(|at| *at == word).count();
        files.iter().map(found).sum()
    }

    /// Everybody hears once, over a worker that dies, and something more waits for each behind a
    /// pause. Some of them, with the message that they have.
    fn some_who_wait(&mut self, count: usize) -> Vec<(Person, String)> {
        self.company.happen(self.run, "mail", CUSTOMERS);
        let run = format!("run --as-of {}", instant(self.run));
        assert_eq!(self.company.lookout(&run, Some("smtp.answered:1")), Died::Killed);
        self.look_at_the_dead();
        self.company.settle(None);
        self.company.lookout("pause email", None);
        self.run += 1;
        self.company.happen(self.run, "mail", CUSTOMERS);
        self.company.lookout(&format!("run --as-of {}", instant(self.run)), None);
        let both = "SELECT c.customer_id, MIN(o.key) FROM contacts c
             JOIN outreaches o ON o.key = c.outreach
             WHERE o.channel = 'email' AND o.state = 'sent' AND c.customer_id IN (
                 SELECT c.customer_id FROM contacts c JOIN outreaches o ON o.key = c.outreach
                 WHERE o.channel = 'email' AND o.state = 'ready')
             GROUP BY c.customer_id ORDER BY c.customer_id LIMIT";
        let both = self.company.state.ask(&format!("{both} {count}"));
        assert_eq!(both.len(), count);
        both.into_iter().map(|row| (self.company.person(&row[0]), row[1].clone())).collect()
    }

    /// Somebody who has a message that is in doubt.
    fn somebody_in_doubt(&self) -> (Person, String) {
        let doubtful = "SELECT c.customer_id, o.key FROM contacts c
             JOIN outreaches o ON o.key = c.outreach WHERE o.state = 'uncertain'";
        let arrived: BTreeSet<String> = self.company.mail.book.keys().into_iter().collect();
        let mut doubtful = self.company.state.ask(doubtful).into_iter();
        let row = doubtful.find(|row| arrived.contains(&row[1])).unwrap();
        (self.company.person(&row[0]), row[1].clone())
    }

    fn state_of(&self, message: &str) -> String {
        let state = format!("SELECT state FROM outreaches WHERE key = '{message}'");
        self.company.state.ask(&state).concat().concat()
    }

    /// From now on nothing may reach somebody.
    fn falls_silent(&mut self, person: &Person) {
        self.silent.push((person.clone(), self.company.reached(person)));
        self.company.silence(&self.silent.iter().map(|(person, _)| person.email.clone()).collect());
    }

    fn go_on(&self) {
        self.company.lookout("resume email", None);
        self.company.settle(None);
    }

    fn bounces(&self, from: &str, message: &str, fault: Option<&str>) -> Output {
        let mut command = self.company.command(&format!("bounces {from} --format json"), fault);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// One report was understood; the books knew it just if the program died after its commit.
    fn is_known(&self, read: &Output, what: &str) {
        assert_eq!(how_it_ended("bounces", read), Died::Ended);
        let said: Value = serde_json::from_slice(&read.stdout).unwrap();
        let known = u64::from(self.is_after_commit());
        let counts = ["messages", what, "known"].map(|name| said[name].as_u64().unwrap());
        assert_eq!(counts, [1, 1, known], "{said}");
    }
}

fn report(sample: &str, message: &str, about: &Person) -> String {
    sample.replace("{KEY}", message).replace("{TO}", &about.email)
}
