//! The fields of a report's own part: blocks of `Name: value` lines, as headers are written. A
//! value is never believed to be more than text.

/// The fields of one block, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Every block of a text that has any field; blank lines stand between blocks.
    pub(super) fn blocks(text: &str) -> Vec<Self> {
        let mut blocks = vec![Self::default()];
        for line in text.lines() {
            let Some(block) = blocks.last_mut() else { break };
            match line.split_once(':') {
                _ if line.trim().is_empty() => blocks.push(Self::default()),
                _ if line.starts_with([' ', '\t']) => block.go_on(line),
                Some((name, value)) => {
                    block.0.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => {}
            }
        }
        blocks.retain(|block| !block.0.is_empty());
        blocks
    }

    /// A long value goes on in the next line.
    fn go_on(&mut self, line: &str) {
        if let Some((_, value)) = self.0.last_mut() {
            value.push(' ');
            value.push_str(line.trim());
        }
    }

    /// The first value of that name, which is written in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every value of that name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// What stands behind the type of a value: `rfc822; ana@example.com`, `dns; mx.example.com`.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        Some(value.split_once(';').map_or(value, |(_, value)| value).trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_parted_by_blank_lines_and_long_values_go_on() {
        let text = "\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\r\n\
                    final-recipient: RFC822; ana@example.com\r\nDiagnostic-Code: smtp; 550\r\n\
                    \t5.1.1 nobody\r\nno field\r\nX: a\r\nX: b: c\r\n";
        let blocks = Fields::blocks(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].typed("reporting-mta"), Some("mx.example.com"));
        assert_eq!(blocks[1].typed("final-recipient"), Some("ana@example.com"));
        assert_eq!(blocks[1].typed("diagnostic-code"), Some("550 5.1.1 nobody"));
        assert_eq!(blocks[1].all("x").collect::<Vec<_>>(), ["a", "b: c"]);
        assert_eq!(blocks[1].get("status"), None);
        assert!(Fields::blocks("").is_empty() && Fields::blocks("\n \n").is_empty());
    }
}
