//! SQL contexts: bounded in memory, two partitions, read-only.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};

/// A runtime whose operators share `bytes` of memory and spill to temporary files beyond.
pub(super) fn runtime(bytes: usize) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(bytes))).build_arc()
}

/// A context of its own with `bytes` of memory.
pub(crate) fn bounded(bytes: usize) -> SessionContext {
    let runtime = runtime(bytes).expect("a runtime with temporary files of the operating system can be built");
    with_runtime(runtime)
}

/// A context that shares a runtime.
pub(crate) fn with_runtime(runtime: Arc<RuntimeEnv>) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(2).with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // Text is Utf8 everywhere: batches of Parquet files and of memory then have one schema.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.time_zone = Some("UTC".to_owned());
    SessionContext::new_with_config_rt(config, runtime)
}

/// Plans one query; anything that would create, change, copy or configure is refused.
pub(crate) async fn query(ctx: &SessionContext, sql: &str) -> Result<DataFrame, DataFusionError> {
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    ctx.sql_with_options(sql, read_only).await
}

/// The first line of an engine's message, without its stack and its own prefixes.
pub(crate) fn message(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    let mut rest = line;
    for prefix in ["Error during planning: ", "Schema error: ", "SQL error: ", "External error: "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("ParserError(\"").map_or(rest, |r| r.trim_end_matches("\")"));
    // Where the engine keeps its tables is of no use to those who ask.
    rest.trim_end_matches('.').replace("datafusion.public.", "")
}
