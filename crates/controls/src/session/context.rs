//! SQL contexts: bounded in memory, two partitions, read-only.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
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

/// All rows of one query, as batches of one schema; at least one batch, perhaps without rows.
pub(crate) async fn rows(ctx: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
    let frame = query(ctx, sql).await?;
    let empty = RecordBatch::new_empty(frame.schema().inner().clone());
    let mut batches = frame.collect().await?;
    if batches.is_empty() {
        batches.push(empty);
    }
    one_schema(batches)
}

/// The batches under one schema in which every column may be null.
///
/// The parts of a UNION arrive in any order, each under the schema of its own part: one may say of a column that it is never null (a
/// literal) where another holds nulls. Taking the schema of whichever came first would fail now and then.
fn one_schema(batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, DataFusionError> {
    let Some(first) = batches.first() else { return Ok(batches) };
    let fields: Vec<Field> =
        first.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let under = |batch: RecordBatch| {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)?)
    };
    batches.into_iter().map(under).collect()
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

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn parts_of_a_union_fit_together_in_whatever_order_they_arrive() {
        let batch = |nullable: bool, value: Option<&str>| {
            let field = Field::new("rests_on", DataType::Utf8, nullable);
            let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
            RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap()
        };
        for parts in [[batch(false, Some("")), batch(true, None)], [batch(true, None), batch(false, Some(""))]] {
            let parts = one_schema(parts.to_vec()).unwrap();
            let whole = concat_batches(&parts[0].schema(), &parts).unwrap();
            assert_eq!((whole.num_rows(), whole.column(0).null_count()), (2, 1));
        }
    }

    #[tokio::test]
    async fn the_engine_gives_parts_under_schemas_of_their_own() {
        let ctx = bounded(1 << 26);
        let sql = "SELECT CAST(NULL AS VARCHAR) AS a UNION ALL SELECT '' AS a";
        let parts = query(&ctx, sql).await.unwrap().collect().await.unwrap();
        let mut nullable: Vec<bool> = parts.iter().map(|part| part.schema().field(0).is_nullable()).collect();
        nullable.sort_unstable();
        assert_eq!(nullable, [false, true], "the engine puts parts under one schema by now: one_schema can go");
        let parts = rows(&ctx, sql).await.unwrap();
        assert!(parts.iter().all(|part| part.schema() == parts[0].schema()));
    }
}
