//! The guide is true: every command in it is typed, every file is written, and what the program then
//! prints is what stands there.
//!
//! In `docs/rules.md`, a block whose first line names a file (```` ```toml rules/policy.toml ````) is
//! written to it, a `diff` block changes it, a `console` block is typed line by line, and a `rhai holds`
//! block has an expression a line that is true. A line that is only `…` stands for any lines.

use std::fs;
use std::path::{Path, PathBuf};

use lookout::domain::{Facts, Instant, Place, parse_instant};
use lookout::rules::Engine;

use crate::support::program::{lookout, ran};

/// A fenced block.
struct Block {
    /// The words after the fence.
    about: Vec<String>,
    /// The line of the guide on which its text begins, from 1.
    line: usize,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(guide.lines()) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(about)) => {
                let about = about.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { about, line: number + 1, text: String::new() });
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

#[test]
fn everything_in_the_guide_is_as_it_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let guide = fs::read_to_string(&file).unwrap();
    let mut desk = Desk::new();
    let mut lines: Vec<String> = guide.lines().map(str::to_owned).collect();
    let mut counted = 0;
    let mut changes = Vec::new();
    for block in blocks(&guide) {
        let words: Vec<&str> = block.about.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["text"] => {}
            ["console"] => changes.push((block.line, desk.type_in(&block.text), block.text)),
            ["diff", file] => desk.change(file, &block),
            ["rhai", "holds"] => counted += holds(&block),
            [_, file] if file.contains('.') => desk.write(file, &block.text),
            other => panic!("line {}: what is a block of {other:?}?", block.line),
        }
    }
    assert!(counted > 20, "{counted} expressions");
    for (line, now, then) in changes.into_iter().rev() {
        let shown = line - 1..line - 1 + then.lines().count();
        lines.splice(shown, now.lines().map(str::to_owned));
    }
    let now = lines.join("\n") + "\n";
    if now != guide && insta_accepts() {
        fs::write(&file, &now).unwrap();
    }
    let differ = guide.lines().zip(now.lines()).find(|(guide, now)| guide != now);
    assert_eq!(now, guide, "the first line that differs: {differ:?}");
}

/// Whether what is printed now becomes what the guide says, as for any other snapshot.
#[allow(clippy::disallowed_methods, reason = "the same word accepts all that people read")]
fn insta_accepts() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always")
}

/// Somebody who follows the guide.
struct Desk {
    home: tempfile::TempDir,
    /// Where they are.
    at: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_owned();
        Self { home, at }
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.at.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Puts each line that begins with `+` in the place of the one before it that begins with `-`.
    fn change(&self, file: &str, block: &Block) {
        let mut text = fs::read_to_string(self.at.join(file)).unwrap();
        let mut old = None;
        for line in block.text.lines() {
            match (line.split_at(1), old.take()) {
                (("-", line), _) => old = Some(line.to_owned()),
                (("+", new), Some(old)) => {
                    assert!(text.contains(&old), "line {}: {file} lacks {old}", block.line);
                    text = text.replacen(&old, new, 1);
                }
                _ => panic!("line {}: neither - nor +: {line}", block.line),
            }
        }
        self.write(file, &text);
    }

    /// Types each line after a `$`, and gives the block with what is printed now.
    fn type_in(&mut self, text: &str) -> String {
        let mut now = String::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("no command: {line}"));
            let mut shown = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                shown.push(line);
            }
            let printed = self.run(command);
            let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
            now.push_str(&format!("{line}\n"));
            let kept = if fits(&shown, &printed) { shown } else { printed };
            kept.iter().for_each(|line| now.push_str(&format!("{line}\n")));
        }
        now
    }

    fn run(&mut self, command: &str) -> String {
        let command = command.split(" #").next().unwrap_or(command);
        let words: Vec<String> = words(command);
        match words[0].as_str() {
            "cd" => {
                self.at = self.at.join(&words[1]);
                assert!(self.at.is_dir(), "{}", self.at.display());
                String::new()
            }
            "lookout" => {
                let ran = ran(lookout(&self.at).args(&words[1..]));
                let text = format!("{}{}", ran.out, ran.err);
                text.replace(&format!("{}/", self.home.path().display()), "")
            }
            "git" => {
                let me = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
                let mut git = std::process::Command::new("git");
                let output = git.args(me).args(&words[1..]).current_dir(&self.at).output().unwrap();
                assert!(output.status.success(), "{command}: {output:?}");
                String::from_utf8(output.stdout).unwrap()
            }
            other => panic!("nobody told what `{other}` is"),
        }
    }
}

/// The words of a command; what stands between double quotes is one.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(number, part)| match number % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        })
        .collect()
}

/// Whether what is printed is what is shown, where a line `…` stands for any lines.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((first, rest)) => printed.first() == Some(first) && fits(rest, &printed[1..]),
    }
}

/// Each line is an expression that is true; the first says as of when.
fn holds(block: &Block) -> usize {
    let mut lines = block.text.lines();
    let as_of = lines.next().and_then(|line| line.strip_prefix("// as of "));
    let as_of: Instant = as_of.and_then(parse_instant).expect("it says as of when");
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("starter/rules/policy.toml");
    let engine = Engine::new(&lookout::policy::load(&policy, &mut Vec::new()).calendar);
    let mut counted = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        let code = line.split(" // ").next().unwrap_or(line).trim();
        let mut problems = Vec::new();
        let condition = engine.condition(code, Place::file("docs/rules.md"), &mut problems);
        let condition = condition.unwrap_or_else(|| panic!("{code}: {problems:?}"));
        let held = engine.holds(&condition, &Facts::default(), as_of);
        assert!(matches!(held, Ok(Some(_))), "{code}: {held:?}");
        counted += 1;
    }
    counted
}

/// The page about policy.toml has every key in its place, and its examples can be read.
#[test]
fn the_page_about_the_policy_has_every_key() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md");
    let page = fs::read_to_string(page).unwrap();
    for (table, keys) in lookout::policy::KEYS {
        let is_its_own = |part: &&str| {
            let heading = part.lines().next().unwrap_or_default();
            match table {
                "" => heading == "At the top",
                table => heading.contains(&format!("[{table}")),
            }
        };
        let part = page.split("\n## ").find(is_its_own).unwrap_or_else(|| panic!("no [{table}]"));
        for key in keys {
            assert!(part.contains(&format!("\n| `{key}` |")), "[{table}] has no line for `{key}`");
            let is_shown = part.contains(&format!("\n{key} = "));
            assert!(is_shown || table.is_empty(), "[{table}] shows no `{key}`");
        }
    }
    let examples = blocks(&page).into_iter().filter(|block| block.about == ["toml"]);
    let mut whole = String::new();
    for block in examples {
        whole.push_str(&block.text);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &block.text).unwrap();
        let mut problems = Vec::new();
        lookout::policy::load(file.path(), &mut problems);
        problems.retain(|problem| problem.code != "no-limits");
        assert!(problems.is_empty(), "line {}: {problems:?}", block.line);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), whole).unwrap();
    let mut problems = Vec::new();
    let policy = lookout::policy::load(file.path(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let usual = lookout::policy::Policy::default();
    assert_eq!((policy.hold, policy.errors), (usual.hold.clone(), usual.errors));
    assert!(page.contains(&format!("**{} contacts or fewer", usual.hold.never)));
}

/// Every reason that a customer may not be contacted for by the policy is on the page about it.
#[test]
fn the_page_about_the_policy_has_every_reason() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md");
    let page = fs::read_to_string(page).unwrap();
    let codes = lookout::domain::Refusal::CODES.into_iter();
    for code in codes.filter(|code| *code != "not_planned") {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}
