//! A script as a tree of texts: what it is made of can be taken out, whatever it means.

/// A part of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A text without parts.
    Leaf(String),
    /// A text with a `¤` for each part.
    Form(&'static str, Vec<Node>),
    /// Any number of parts, with what stands before, between and behind them.
    Many(&'static str, &'static str, &'static str, Vec<Node>),
}

/// A text without parts.
pub fn leaf(text: impl Into<String>) -> Node {
    Node::Leaf(text.into())
}

/// A text with a `¤` for each part.
pub fn form<const N: usize>(text: &'static str, parts: [Node; N]) -> Node {
    assert_eq!(text.matches('¤').count(), N, "{text}");
    Node::Form(text, parts.into())
}

impl Node {
    /// The script's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Leaf(leaf) => text.push_str(leaf),
            Self::Form(form, parts) => {
                let mut parts = parts.iter();
                for (number, piece) in form.split('¤').enumerate() {
                    if number > 0
                        && let Some(part) = parts.next()
                    {
                        part.write(text);
                    }
                    text.push_str(piece);
                }
            }
            Self::Many(open, between, close, parts) => {
                text.push_str(open);
                for (number, part) in parts.iter().enumerate() {
                    text.push_str(if number > 0 { between } else { "" });
                    part.write(text);
                }
                text.push_str(close);
            }
        }
    }

    fn parts(&self) -> &[Node] {
        match self {
            Self::Leaf(_) => &[],
            Self::Form(_, parts) | Self::Many(.., parts) => parts,
        }
    }

    /// Every script that is this one with a little less; many of them are none that loads.
    pub fn smaller(&self) -> Vec<Node> {
        let mut smaller: Vec<Node> = self.parts().to_vec();
        if let Self::Many(open, between, close, parts) = self {
            for without in 0..parts.len() {
                let mut parts = parts.clone();
                parts.remove(without);
                smaller.push(Self::Many(open, between, close, parts));
            }
        }
        let plain = ["true", "1", "()", "\"a\""];
        match self {
            Self::Leaf(leaf) if plain.contains(&leaf.as_str()) => {}
            _ => smaller.extend(plain.map(leaf)),
        }
        for (number, part) in self.parts().iter().enumerate() {
            for part in part.smaller() {
                let mut whole = self.clone();
                match &mut whole {
                    Self::Form(_, parts) | Self::Many(.., parts) => parts[number] = part,
                    Self::Leaf(_) => {}
                }
                smaller.push(whole);
            }
        }
        smaller
    }
}
