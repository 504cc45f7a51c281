//! The results as JUnit writes them, which is what CI systems read.

use super::told::{details, others};
use super::{Result, Tried};
use crate::pack::Pack;

/// One suite a rule, one test a case; and one for what fails beside them, a test each.
pub(super) fn document(pack: &Pack, result: &Result<'_>) -> String {
    let failed = |tried: &[&Tried<'_>]| tried.iter().filter(|tried| !tried.passed()).count();
    let all: Vec<&Tried<'_>> = result.tried.iter().collect();
    let beside = others(result);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failures) = (all.len() + beside.len(), failed(&all) + beside.len());
    text.push_str(&format!(
        "<testsuites name=\"lookout\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n"
    ));
    for suite in all.chunk_by(|one, other| id(one) == id(other)) {
        let Some(first) = suite.first() else { continue };
        let (name, tests, failures) = (escaped(id(first)), suite.len(), failed(suite));
        text.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n"
        ));
        suite.iter().for_each(|tried| text.push_str(&test(pack, tried)));
        text.push_str("  </testsuite>\n");
    }
    if !beside.is_empty() {
        let count = beside.len();
        text.push_str(&format!(
            "  <testsuite name=\"beside the cases\" tests=\"{count}\" failures=\"{count}\" errors=\"0\" skipped=\"0\">\n"
        ));
        for (number, said) in beside.iter().enumerate() {
            let said = escaped(said);
            text.push_str(&format!(
                "    <testcase classname=\"beside the cases\" name=\"{number}\">\n      \
                 <failure message=\"{said}\" type=\"expectation\">{said}</failure>\n    </testcase>\n"
            ));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn id<'t>(tried: &'t Tried<'_>) -> &'t str {
    tried.rule.rule.settings.id.as_str()
}

fn test(pack: &Pack, tried: &Tried<'_>) -> String {
    let (rule, name) = (escaped(id(tried)), escaped(&tried.case.name));
    let file = escaped(&tried.case.place.file.display().to_string());
    let line = tried.case.place.line.map(|line| format!(" line=\"{line}\"")).unwrap_or_default();
    let head = format!("    <testcase classname=\"{rule}\" name=\"{name}\" file=\"{file}\"{line}");
    if tried.passed() {
        return format!("{head}/>\n");
    }
    let failures = tried.played.iter().flat_map(|played| &played.failures);
    let said =
        failures.map(|f| format!("{}: expected {}, actual {}", f.what, f.expected, f.actual));
    let kept = tried.kept.iter().map(|kept| match kept.missing {
        true => format!("no message is kept in {}", kept.file.display()),
        false => format!("{} is another", kept.file.display()),
    });
    let message = escaped(&said.chain(kept).collect::<Vec<_>>().join("; "));
    let body = details(pack, tried);
    let body = body.lines().map(escaped).collect::<Vec<_>>().join("\n");
    format!(
        "{head}>\n      <failure message=\"{message}\" type=\"expectation\">\n{body}\n</failure>\n    </testcase>\n"
    )
}

/// Text as XML takes it; what XML has no place for becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => told.push_str("&amp;"),
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            '"' => told.push_str("&quot;"),
            '\'' => told.push_str("&apos;"),
            '\n' => told.push_str("&#10;"),
            '\t' => told.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => told.push('\u{fffd}'),
            c => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_written_ends_a_tag() {
        assert_eq!(
            escaped("<a b=\"c\">&'\u{0}\u{1b}\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\u{fffd}\u{fffd}&#10;"
        );
        assert_eq!(escaped("ไทย 🐎"), "ไทย 🐎");
    }
}
