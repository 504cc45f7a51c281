//! The only printer. Results go to stdout, everything else to stderr; colours and progress only to
//! a terminal. A reader who has gone away stops the printing, never the work.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::args::Format;
use super::diagnostics;
use crate::domain::Problem;

/// Where a command says what it has to say.
pub struct Output {
    format: Format,
    results: Box<dyn Write + Send>,
    remarks: Box<dyn Write + Send>,
    broken: Option<io::Error>,
}

const RED: &str = "\u{1b}[1;31m";
/// Ends any style.
pub(super) const RESET: &str = "\u{1b}[0m";
/// Bold text, until [`RESET`].
pub(super) const BOLD: &str = "\u{1b}[1m";

impl Output {
    /// Prints to this process's stdout and stderr.
    pub fn new(format: Format) -> Self {
        let results = Box::new(AutoStream::auto(io::stdout()));
        Self { format, results, remarks: Box::new(AutoStream::auto(io::stderr())), broken: None }
    }

    /// How results are wanted.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints a result for people.
    pub fn text(&mut self, text: &str) {
        let ended = if text.ends_with('\n') { "" } else { "\n" };
        self.result(|results| write!(results, "{text}{ended}"));
    }

    /// Prints a result for programs.
    pub fn json(&mut self, value: &impl Serialize) {
        self.result(|results| {
            let mut text = serde_json::to_vec_pretty(value)?;
            text.push(b'\n');
            results.write_all(&text)
        });
    }

    /// Prints a pack's or a configuration's problems as the result that was asked for. `of` is what
    /// was looked at: `rules/`.
    pub fn problems(&mut self, problems: &[Problem], of: &str) {
        match self.format {
            Format::Text => self.text(&diagnostics::text(problems, of)),
            Format::Json => self.json(&diagnostics::json(problems)),
        }
    }

    /// Tells a person something that is no result: why there is none, what to mind.
    pub fn remark(&mut self, text: &str) {
        // Nobody is left to be told if stderr is gone, too.
        let _ = writeln!(self.remarks, "{}", text.trim_end_matches('\n'));
    }

    /// Tells why a command could not do its work.
    pub fn failure(&mut self, cause: &str) {
        self.remark(&format!("{RED}error{RESET}: {cause}"));
    }

    /// Tells that a pack or a configuration can't be used, where its problems are not what was
    /// asked for.
    pub fn unusable(&mut self, problems: &[Problem], of: &str) {
        self.remark(&diagnostics::text(problems, of));
    }

    /// Progress of `whole` steps (unknown if `None`): shown on a terminal while it lives.
    pub fn progress(&self, what: &'static str, whole: Option<u64>) -> Progress {
        let shown = self.format == Format::Text && io::stderr().is_terminal();
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = match whole {
            Some(_) => "{msg} {wide_bar} {human_pos} of {human_len}",
            None => "{msg} {human_pos}",
        };
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::with_draw_target(whole, target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message(what);
        Progress(bar)
    }

    /// Whether all results were printed, or their reader had enough. Tells the cause if not.
    ///
    /// # Errors
    /// Why a result could not be written, such as a full disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.result(|results| results.flush());
        match self.broken.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.failure(&format!("the results can't be printed: {error}"));
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn result(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.broken.is_none() {
            self.broken = write(&mut self.results).err();
        }
    }
}

/// Shows how far something has come; it disappears when dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// So many steps are done in all.
    pub fn reach(&self, steps: u64) {
        self.0.set_position(steps);
    }

    /// So many steps more are done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Starts the logs, on stderr: for people on a terminal, else one JSON object a line. `filter` is
/// `LOOKOUT_LOG`; where it is left out, what is done as well for a command that goes on, else warnings
/// and errors.
///
/// # Errors
/// A filter that can't be read.
pub fn start_logs(filter: Option<&str>, goes_on: bool) -> Result<(), String> {
    let usual = if goes_on { "warn,lookout=info" } else { "warn" };
    let filter = EnvFilter::try_new(filter.unwrap_or(usual)).map_err(|error| {
        format!("LOOKOUT_LOG: {error}; write a level such as info, or lookout::store=debug")
    })?;
    let logs = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter);
    let coloured = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    let started = match io::stderr().is_terminal() {
        true => logs.with_ansi(coloured).try_init(),
        false => logs.json().try_init(),
    };
    started.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes so many writes, then fails with that error.
    struct Pipe(Arc<Mutex<Vec<u8>>>, usize, ErrorKind);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 == 0 {
                return Err(self.2.into());
            }
            self.1 -= 1;
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(writes: usize, error: ErrorKind) -> (Output, Arc<Mutex<Vec<u8>>>) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let results = Box::new(Pipe(written.clone(), writes, error));
        let remarks = Box::new(io::sink());
        (Output { format: Format::Text, results, remarks, broken: None }, written)
    }

    #[test]
    fn a_reader_who_has_gone_away_is_no_error() {
        let (mut output, written) = output(2, ErrorKind::BrokenPipe);
        output.text("one");
        output.text("two");
        output.text("three");
        assert!(output.finish().is_ok());
        assert_eq!(written.lock().unwrap().as_slice(), b"one\n");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let (mut output, _) = output(0, ErrorKind::StorageFull);
        output.json(&serde_json::json!({ "a": 1 }));
        assert_eq!(output.finish().unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
