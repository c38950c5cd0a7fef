//! The open tables as one SQL session: Parquet files of sealed segments, rows that are not sealed yet, and the derived tables that
//! the analysis computes from both.

mod audit_scan;
pub(crate) mod context;
mod knowledge;
mod names;
mod output;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use records::table::Origin;
use records::tables::audit::{AuditEvent, ObjectWrite};
use records::{Period, Row, Table, Timestamp, tables};

use crate::batches::{arrow_schema, batches_of, batches_of_each, time_type};
use crate::evidence::scratch::Scratch;
pub use output::{Format, OutputError, write};

/// What a session is opened over.
#[derive(Debug, Clone)]
pub struct SessionInputs {
    /// Parquet files of each segment table, by the table's name.
    pub parquet: BTreeMap<String, Vec<PathBuf>>,
    /// Rows of segment tables that are in no file yet, by the table's name.
    pub unsealed: BTreeMap<String, Vec<RecordBatch>>,
    /// Where files of `parquet` are that are only there for this.
    pub(crate) scratch: Option<Arc<Scratch>>,
    /// End of knowledge: the instant up to which everything received is in the tables.
    pub now: Timestamp,
    /// Configuration of the analysis.
    pub settings: analysis::Settings,
    /// Memory that the operators of all queries share, bytes; beyond it they spill to temporary files.
    pub memory_bytes: usize,
}

impl SessionInputs {
    /// No files and no rows, known until `now`; 1 GiB of memory.
    #[must_use]
    pub fn empty(now: Timestamp) -> Self {
        Self {
            parquet: BTreeMap::new(),
            unsealed: BTreeMap::new(),
            scratch: None,
            now,
            settings: analysis::Settings::default(),
            memory_bytes: 1 << 30,
        }
    }
}

/// Why a session could not be opened or a query not be run.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The engine refused or failed.
    #[error("failed to run the query: {message}")]
    Query {
        /// The engine's message in one line. Its own chain of errors says the same several times over.
        message: String,
    },
    /// A table could not be opened.
    #[error("failed to open table {table}: {message}; rebuild the tables of the store")]
    Table {
        /// The table.
        table: String,
        /// The engine's message in one line.
        message: String,
    },
    /// Rows of a table do not have its form.
    #[error("failed to read rows for the analysis")]
    Rows(#[from] records::ReadRowError),
    /// The inputs name a table that there is not.
    #[error("there is no segment table {0:?}")]
    UnknownTable(String),
}

impl From<DataFusionError> for SessionError {
    fn from(error: DataFusionError) -> Self {
        Self::Query { message: context::message(&error) }
    }
}

/// The open tables, ready for SQL. Nothing can be written through it.
#[derive(Debug)]
pub struct Session {
    runtime: Arc<RuntimeEnv>,
    providers: Vec<(&'static str, Arc<dyn TableProvider>)>,
    now: Timestamp,
    /// Holds files that the providers read.
    _scratch: Option<Arc<Scratch>>,
}

impl Session {
    /// Opens the segment tables, runs the analysis over them and adds the derived tables.
    ///
    /// # Errors
    /// [`SessionError`] when a file cannot be read or has another schema, or rows do not fit their table.
    pub async fn open(inputs: SessionInputs) -> Result<Self, SessionError> {
        for name in inputs.parquet.keys().chain(inputs.unsealed.keys()) {
            if tables::by_name(name).is_none_or(|t| t.origin != Origin::Segment) {
                return Err(SessionError::UnknownTable(name.clone()));
            }
        }
        let runtime = context::runtime(inputs.memory_bytes)?;
        let ctx = context::with_runtime(Arc::clone(&runtime));
        let mut providers: Vec<(&'static str, Arc<dyn TableProvider>)> = Vec::new();
        for table in tables::ALL.iter().filter(|t| t.origin == Origin::Segment) {
            let files = inputs.parquet.get(table.name).map(Vec::as_slice).unwrap_or_default();
            let rows = inputs.unsealed.get(table.name).cloned().unwrap_or_default();
            let provider = segment_table(&ctx, table, files, rows).await.map_err(|error| SessionError::Table {
                table: table.name.to_owned(),
                message: context::message(&error),
            })?;
            ctx.register_table(table.name, Arc::clone(&provider))?;
            providers.push((table.name, provider));
        }
        let audit = AuditEvent::TABLE.name;
        let files = inputs.parquet.get(audit).cloned().unwrap_or_default();
        let unsealed = inputs.unsealed.get(audit).cloned().unwrap_or_default();
        let knowledge = knowledge::gather(&ctx, files, unsealed, inputs.now, inputs.settings).await?;
        let derived = derived_batches(analysis::derive(knowledge.inputs()?));
        for (table, batches) in derived {
            providers.push((table.name, memory_table(arrow_schema(table), batches)?));
        }
        Ok(Self { runtime, providers, now: inputs.now, _scratch: inputs.scratch })
    }

    /// End of knowledge: what was received later is not in the tables.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The same session with these tables only. What the others hold in memory goes, so that a session can be kept for long.
    #[must_use]
    pub fn only(mut self, tables: &[&str]) -> Self {
        self.providers.retain(|(name, _)| tables.contains(name));
        self
    }

    /// Runs one query over the open tables. Statements that create, change, copy or configure are refused.
    ///
    /// # Errors
    /// [`SessionError::Query`].
    pub async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, SessionError> {
        Ok(context::rows(&self.context()?, sql).await?)
    }

    /// All rows of one open table, in the order of `source`, `seq` where it has one and the canonical text else.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn rows<T>(
        &self,
        table: &'static Table,
        own: impl for<'b> Fn(crate::batches::QueryRow<'b>) -> Result<T, records::ReadRowError>,
    ) -> Result<Vec<T>, SessionError> {
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
        let sql = format!("SELECT {columns} FROM {} ORDER BY {columns}", table.name, columns = columns.join(", "));
        Ok(crate::batches::rows_of(&self.query(&sql).await?, own)?)
    }

    /// Writes every open table as `<folder>/<table>.parquet`, derived ones included.
    ///
    /// # Errors
    /// [`ExportError`] of the query or the file.
    pub async fn export(&self, folder: &Path) -> Result<Vec<PathBuf>, ExportError> {
        let mut files = Vec::new();
        for (name, _) in &self.providers {
            let batches = self.query(&format!("SELECT * FROM {name}")).await?;
            let path = folder.join(format!("{name}.parquet"));
            let file =
                std::fs::File::create(&path).map_err(|source| OutputError::Write { source: Box::new(source) })?;
            write(Format::Parquet, &batches, file)?;
            files.push(path);
        }
        Ok(files)
    }

    /// A context with all open tables, apart from those of other callers.
    pub(crate) fn context(&self) -> Result<SessionContext, DataFusionError> {
        let ctx = context::with_runtime(Arc::clone(&self.runtime));
        for (name, provider) in &self.providers {
            ctx.register_table(*name, Arc::clone(provider))?;
        }
        Ok(ctx)
    }
}

/// Why the tables could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A query failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A file could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

async fn segment_table(
    ctx: &SessionContext,
    table: &Table,
    files: &[PathBuf],
    rows: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let schema = arrow_schema(table);
    if files.is_empty() {
        return memory_table(schema, rows);
    }
    let paths: Vec<String> = files.iter().map(|path| file_url(path)).collect();
    let options = ParquetReadOptions::default().schema(&schema);
    let mut frame = ctx.read_parquet(paths, options).await?;
    if rows.iter().any(|batch| batch.num_rows() > 0) {
        frame = frame.union(ctx.read_table(memory_table(schema, rows)?)?)?;
    }
    Ok(frame.into_view())
}

/// A file's URL: as a plain path its brackets and asterisks would be taken for a pattern.
fn file_url(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut url = String::from("file://");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => url.push(char::from(*byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

/// Rows of a batch of a table in memory at most: what comes in one piece cannot be worked on by two threads.
const PIECE_ROWS: usize = 1 << 15;

fn memory_table(schema: SchemaRef, rows: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let pieces = |batch: &RecordBatch| -> Vec<RecordBatch> {
        let starts = (0..batch.num_rows().max(1)).step_by(PIECE_ROWS);
        starts.map(|start| batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start))).collect()
    };
    Ok(Arc::new(MemTable::try_new(schema, vec![rows.iter().flat_map(pieces).collect()])?))
}

/// The batches of the derived tables; the rows of each go as soon as it has its batches.
fn derived_batches(derived: analysis::Derived<'_>) -> Vec<(&'static Table, Vec<RecordBatch>)> {
    fn one<'r, R: Row<'r>>(rows: Vec<R>) -> (&'static Table, Vec<RecordBatch>) {
        (R::TABLE, batches_of(&rows))
    }
    let writes = derived.object_writes;
    std::thread::scope(|scope| {
        let of_writes = scope.spawn(move || (ObjectWrite::TABLE, batches_of_each(writes.iter())));
        let mut batches = vec![
            one(derived.object_versions),
            one(derived.rbac_grants),
            one(derived.rbac_rules),
            one(derived.rbac_risks),
            one(derived.permission_use),
            one(derived.binding_use),
            one(derived.running_images),
            one(derived.workload_posture),
            one(derived.namespace_enforcement),
            one(derived.authentication_settings),
            one(derived.credential_use),
            one(derived.service_accounts),
            one(derived.network_isolation),
            one(derived.network_rules),
            one(derived.network_paths),
            one(derived.trust_boundaries),
            one(derived.entry_points),
            one(derived.privileged_sessions),
            one(derived.sources),
            one(derived.coverage),
            one(derived.gaps),
            one(derived.audit_policy_requirements),
            one(derived.audit_balance),
            one(derived.clock_skew),
            one(derived.admission_reconciliation),
            one(derived.plaintext_findings),
            one(derived.exceptions),
            one(derived.policy_state),
            one(derived.policy_reports),
            one(derived.encryption_state),
            one(derived.secrets_posture),
            one(derived.secret_rotations),
            one(derived.secret_readers),
        ];
        batches.push(of_writes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        batches
    })
}

/// Registers every open table without rows.
pub(crate) fn register_empty(ctx: &SessionContext) -> Result<(), DataFusionError> {
    for table in tables::ALL {
        ctx.register_table(table.name, memory_table(arrow_schema(table), Vec::new())?)?;
    }
    Ok(())
}

/// The tables that a control sees beside the open tables.
pub(crate) const CONTROL_INPUTS: [&str; 3] = ["period", "parameter_values", "parameter_lists"];

/// Registers `period`, `parameter_values` and `parameter_lists`, without rows where nothing is given.
pub(crate) fn register_control_inputs(
    ctx: &SessionContext,
    scalars: &[(String, String)],
    lists: &[(String, String)],
    window: Option<Period>,
) -> Result<(), DataFusionError> {
    let time = |name: &str| Field::new(name, time_type(), false);
    let times = |pick: fn(&Period) -> Timestamp| {
        Arc::new(
            window.iter().map(|p| Some(pick(p).micros())).collect::<TimestampMicrosecondArray>().with_timezone("UTC"),
        )
    };
    let period = RecordBatch::try_new(
        Arc::new(Schema::new(vec![time("period_from"), time("period_to")])),
        vec![times(|p| p.from), times(|p| p.to)],
    )?;
    register_batches(ctx, "period", vec![period])?;
    for (table, rows) in [("parameter_values", scalars), ("parameter_lists", lists)] {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let column =
            |pick: fn(&(String, String)) -> &str| Arc::new(rows.iter().map(|r| Some(pick(r))).collect::<StringArray>());
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(vec![text("name"), text("value")])),
            vec![column(|r| &r.0), column(|r| &r.1)],
        )?;
        register_batches(ctx, table, vec![batch])?;
    }
    Ok(())
}

/// Registers batches of one schema as a table; at least one batch.
pub(crate) fn register_batches(
    ctx: &SessionContext,
    name: &str,
    batches: Vec<RecordBatch>,
) -> Result<(), DataFusionError> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else {
        return Err(DataFusionError::Internal(format!("no batch for {name}")));
    };
    ctx.register_table(name, memory_table(schema, batches)?)?;
    Ok(())
}
