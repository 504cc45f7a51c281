//! The binary: parse, call, exit code. No command does its work here.

use std::process::ExitCode;

use clap::FromArgMatches;
use lookout::cli::args::{self, Args, Exit};
use lookout::cli::output::{self, Output};
use lookout::config::Environment;

// One thread: waking another one for each answer of a server takes longer than the answer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut said = args::command().get_matches();
    let args = Args::from_arg_matches_mut(&mut said).unwrap_or_else(|error| error.exit());
    if let Err(mistake) = start_logs(args.command.goes_on()) {
        Output::new(args.global.format).failure(&mistake);
        return Exit::Usage.into();
    }
    lookout::cli::run(args).await.into()
}

fn start_logs(goes_on: bool) -> Result<(), String> {
    let environment = Environment::of_process().map_err(|error| error.to_string())?;
    output::start_logs(environment.log_filter(), goes_on)
}
