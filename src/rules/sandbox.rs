//! The Rhai engine that rules run in: what they may call, and how far they may go.
//! A rule never reaches a file, the network, the clock or randomness from here.

use std::collections::{BTreeMap, BTreeSet};

use rhai::OptimizationLevel;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};

use super::{dates, row, verbs};

/// Steps of one evaluation on one row. With the sizes below they bound its memory too.
const OPERATIONS: u64 = 20_000;
/// These two together fit into a thread's two megabytes of stack, in a debug build too.
pub(super) const CALL_LEVELS: usize = 8;
const EXPRESSION_DEPTH: usize = 48;
const VARIABLES: usize = 256;
const FUNCTIONS: usize = 256;
/// The longest text that a rule may hold, in bytes; it fails on a row that gives it a longer one. The
/// square of this is what one `replace` can build before it is stopped.
pub const TEXT_BYTES: usize = 8_000;
pub(super) const LIST_ITEMS: usize = 1_000;
pub(super) const MAP_ENTRIES: usize = 1_000;

/// What Rhai handles itself rather than as a registered function, and a rule may not use.
pub(super) const REFUSED: [&str; 8] =
    ["eval", "Fn", "call", "curry", "is_shared", "is_def_var", "is_def_fn", "this"];

/// The functions that scripts can call, by name, with their numbers of parameters.
pub(super) type Functions = BTreeMap<String, BTreeSet<usize>>;

/// An engine with what Rhai itself gives to rules, and nothing of ours.
pub(super) fn bare_engine() -> rhai::Engine {
    let mut engine = rhai::Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    engine
}

/// The engine with every limit set, so that debug and release builds agree.
pub(super) fn engine() -> rhai::Engine {
    let mut engine = bare_engine();
    engine
        .set_max_operations(OPERATIONS)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH, EXPRESSION_DEPTH)
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_modules(0)
        .set_max_string_size(TEXT_BYTES)
        .set_max_array_size(LIST_ITEMS)
        .set_max_map_size(MAP_ENTRIES)
        // Scripts are checked as written: the optimizer would drop what it can prove unused.
        .set_optimization_level(OptimizationLevel::None)
        .set_fail_on_invalid_map_property(true)
        .set_allow_anonymous_fn(false)
        .disable_symbol("eval");
    row::register(&mut engine);
    dates::register(&mut engine);
    verbs::register(&mut engine);
    engine
}

/// Every function that a script can call by name.
pub(super) fn functions(engine: &rhai::Engine) -> Functions {
    let signature = |info: rhai::FuncInfo| {
        let name = info.metadata.name.to_string();
        rhai::is_valid_identifier(&name).then_some((name, info.metadata.num_params))
    };
    let mut functions = Functions::new();
    for (name, parameters) in engine.collect_fn_metadata(None, signature, true) {
        functions.entry(name).or_default().insert(parameters);
    }
    functions.retain(|name, _| !REFUSED.contains(&name.as_str()));
    functions.entry("type_of".to_owned()).or_default().insert(1);
    functions
}
