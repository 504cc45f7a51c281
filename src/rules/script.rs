//! A script taken apart: its top, its functions and their bodies.
//! Nothing of it runs here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rhai::{
    AST, ASTNode, Expr, FnCallExpr, Module, ParseError, Position, Shared, Stmt, StmtBlock, Token,
};

use super::row::Names;
use super::syntax;
use crate::domain::Place;

/// A function as it is written.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<Stmt>,
    /// Where its body begins.
    pub(super) at: Position,
    /// Where its name stands.
    pub(super) name_at: Position,
    /// Whether it is a method of a type (`fn int.double()`).
    pub(super) is_method: bool,
}

impl Function {
    /// Where it is named.
    pub(super) fn place(&self, file: &Path, name: &str) -> Place {
        syntax::place(file, self.name_at, name.chars().count())
    }
}

/// Functions by name and number of parameters.
pub(super) type Functions = BTreeMap<(String, usize), Function>;

/// A parsed script.
pub(super) struct Script {
    pub(super) ast: AST,
    pub(super) functions: Functions,
}

/// What the engine runs: the bodies of `when`, `then` and `resolved`, in which every field is one variable.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) when: Stmt,
    pub(super) then: Stmt,
    /// Where `when` begins.
    pub(super) when_at: Position,
    /// Where `then` begins.
    pub(super) then_at: Position,
    /// `resolved`, and where it begins.
    pub(super) resolved: Option<(Stmt, Position)>,
    pub(super) names: Arc<Names>,
    /// The slots up to here are those that `when` reads.
    pub(super) when_slots: usize,
    /// The functions that they call.
    pub(super) library: Shared<Module>,
}

/// Parses a rule's script.
pub(super) fn parse(engine: &rhai::Engine, text: &str) -> Result<Script, ParseError> {
    let ast = engine.compile(text)?;
    let functions = ast.iter_fn_def().map(|function| {
        let arity = function.params.len();
        let taken = Function {
            parameters: function.params.iter().map(ToString::to_string).collect(),
            body: body(&ast, &function.name, arity),
            at: function.body.start_position(),
            name_at: name_position(text, &function.name, function.body.start_position()),
            is_method: function.this_type.is_some(),
        };
        ((function.name.to_string(), arity), taken)
    });
    let functions = functions.collect();
    Ok(Script { ast, functions })
}

impl Script {
    /// Whether it has a function of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.functions.keys().any(|(known, _)| known == name)
    }

    /// The first line of the script's `//!` comment.
    pub(super) fn summary(&self) -> String {
        let lines = self.ast.doc().lines().map(|line| line.trim_start_matches("//!").trim());
        lines.map(str::to_owned).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Statements as one block, with variables of its own; one expression needs no block around it.
pub(super) fn block(mut statements: Vec<Stmt>, at: Position) -> Stmt {
    if let [Stmt::Expr(_) | Stmt::FnCall(..)] = statements.as_slice()
        && let Some(alone) = statements.pop()
    {
        return alone;
    }
    Stmt::Block(Box::new(StmtBlock::new(statements, at, Position::NONE)))
}

/// Where the name of a function stands, of which Rhai tells where the body begins.
fn name_position(text: &str, name: &str, body: Position) -> Position {
    let found = body.line().and_then(|last| {
        let lines = text.lines().enumerate().take(last);
        lines.filter_map(|(number, line)| Some((number, named_in(line, name)?))).last()
    });
    found.map_or(body, |(line, column)| Position::new(line as u16 + 1, column as u16 + 1))
}

/// The column, from 0, at which a line names a function that it begins.
fn named_in(line: &str, name: &str) -> Option<usize> {
    let (before, after) = line.split_once("fn ")?;
    let rest = after.trim_start().strip_prefix(name)?;
    let opens = rest.trim_start().starts_with('(');
    let spaces = after.len() - after.trim_start().len();
    opens.then(|| before.chars().count() + 3 + spaces)
}

/// Whether one of these statements may end the function that they stand in.
pub(super) fn may_return(statements: &[Stmt]) -> bool {
    !statements.iter().all(|statement| statement.walk(&mut Vec::new(), &mut goes_on))
}

/// Whether a block inside an expression may end the function that it stands in.
pub(super) fn may_return_within(expression: &Expr) -> bool {
    !expression.walk(&mut Vec::new(), &mut goes_on)
}

fn goes_on(path: &[ASTNode<'_>]) -> bool {
    !matches!(path.last(), Some(ASTNode::Stmt(Stmt::Return(..))))
}

/// Whether a call is `!a`.
pub(super) fn is_not(call: &FnCallExpr) -> bool {
    call.args.len() == 1 && call.op_token == Some(Token::Bang)
}

/// Whether nothing comes after these statements, whatever the facts.
pub(super) fn always_end(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::Return(..) | Stmt::BreakLoop(..) => true,
        Stmt::Block(block) => always_end(block.statements()),
        Stmt::If(parts, _) => {
            always_end(parts.body.statements()) && always_end(parts.branch.statements())
        }
        _ => false,
    })
}

/// A function's statements: Rhai shows them only to a walk over a whole syntax tree.
fn body(ast: &AST, name: &str, arity: usize) -> Vec<Stmt> {
    let mut alone = ast.clone();
    alone.clear_statements();
    alone.retain_functions(|_, _, n, parameters| n == name && parameters == arity);
    let mut body = Vec::new();
    alone.walk(&mut |path: &[ASTNode]| {
        if let [ASTNode::Stmt(statement)] = path {
            body.push((*statement).clone());
        }
        true
    });
    body
}
