//! What callgrind writes down: for each function the calls that it makes, and what they took.

use std::collections::HashMap;

/// What calls of each function took, with everything that they called in turn.
pub struct Profile {
    taken: HashMap<String, u64>,
}

impl Profile {
    /// Reads callgrind's file. A name is written out once and is a number, `(17)`, from then on.
    pub fn read(text: &str) -> Self {
        let mut names: HashMap<&str, &str> = HashMap::new();
        let (mut caller, mut called) = ("", "");
        let mut taken: HashMap<String, u64> = HashMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(written) = line.strip_prefix("fn=") {
                caller = named(written, &mut names);
            } else if let Some(written) = line.strip_prefix("cfn=") {
                called = named(written, &mut names);
            } else if line.starts_with("calls=") {
                let cost = lines.next().and_then(|cost| cost.rsplit(' ').next()?.parse().ok());
                if caller != called {
                    *taken.entry(called.to_owned()).or_default() += cost.unwrap_or(0_u64);
                }
            }
        }
        Self { taken }
    }

    /// What the calls of a function took; 0 where nothing called it.
    pub fn of(&self, function: &str) -> u64 {
        self.taken.get(function).copied().unwrap_or(0)
    }
}

fn named<'t>(written: &'t str, names: &mut HashMap<&'t str, &'t str>) -> &'t str {
    match written.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(written).copied().unwrap_or(""),
    }
}
