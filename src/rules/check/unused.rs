//! Constants of the author's that a script never reads.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, Stmt};

use crate::domain::Place;
use crate::rules::Rule;

/// The names of the author's own constants that the script never reads, with where they stand.
pub fn constants(rule: &Rule) -> Vec<(&str, &Place)> {
    let mut read = BTreeSet::new();
    for function in rule.written.functions.values() {
        for statement in &function.body {
            names(statement, &mut read);
        }
    }
    let own = rule.constants.keys().filter(|name| !read.contains(name.as_str()));
    own.filter_map(|name| Some((name.as_str(), rule.constant_places.get(name)?))).collect()
}

fn names(statement: &Stmt, read: &mut BTreeSet<String>) {
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::Variable(variable, ..))) = path.last() {
            read.insert(variable.1.to_string());
        }
        true
    });
}
