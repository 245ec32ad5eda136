//! One way to ask SQLite and PostgreSQL alike: connections, transactions, statements.
//!
//! A statement is written once, with `$1` for its arguments, in what both databases understand.
//! Arguments are texts and whole numbers, which is all that the catalogue holds, and rows are tuples
//! of the same. Where the two differ there is a `match` in this file and nowhere else.

#[cfg(feature = "postgres")]
use super::postgres;
use super::writes::{Writes, Writing};
use crate::HubError;
#[cfg(feature = "postgres")]
use sqlx::PgTransaction;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgPool, PgQueryResult, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};
use sqlx::{Database, Encode, FromRow, SqlSafeStr, SqlStr, SqlitePool, SqliteTransaction, Type};

/// Connections to a database.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

/// A transaction. Rolled back when it is dropped.
#[derive(Debug)]
pub(crate) enum Tx {
    Sqlite(SqliteTransaction<'static>, Option<Writing>),
    #[cfg(feature = "postgres")]
    Postgres(PgTransaction<'static>),
}

impl Pool {
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => postgres::close(pool).await,
        }
    }

    /// Begins a transaction that holds the right to write from its start: nobody else, in whatever
    /// process, writes until it ends.
    pub(super) async fn begin_to_write(&self, writes: &Writes) -> Result<Tx, HubError> {
        Ok(match self {
            Self::Sqlite(pool) => {
                let tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                Tx::Sqlite(tx, Some(writes.begin()))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Tx::Postgres(postgres::begin_to_write(pool).await?),
        })
    }

    /// Begins a transaction that reads from one snapshot.
    pub(super) async fn begin_to_read(&self) -> Result<Tx, HubError> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?, None),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Tx::Postgres(postgres::begin_to_read(pool).await?),
        })
    }
}

impl Tx {
    /// Makes the changes last: they are on disk when it returns.
    pub(crate) async fn commit(self) -> Result<(), HubError> {
        match self {
            Self::Sqlite(tx, _writing) => tx.commit().await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => postgres::in_time(tx.commit()).await?,
        }
        Ok(())
    }

    /// Takes everything back now.
    pub(super) async fn rollback(self) -> Result<(), HubError> {
        match self {
            Self::Sqlite(tx, _writing) => tx.rollback().await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(tx) => postgres::in_time(tx.rollback()).await?,
        }
        Ok(())
    }
}

/// What a statement runs on.
pub(super) enum On<'c> {
    Pool(&'c Pool),
    Tx(&'c mut Tx),
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        Self::Tx(tx)
    }
}

/// A statement and its arguments.
pub(super) struct Statement {
    sql: SqlStr,
    arguments: Vec<Argument>,
}

/// A statement whose rows have one column.
pub(super) struct ScalarStatement(Statement);

/// What a statement's arguments can be.
pub(super) enum Argument {
    Text(Option<String>),
    Number(Option<i64>),
}

/// What rows of either database can be read as.
#[cfg(feature = "postgres")]
pub(super) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}
#[cfg(feature = "postgres")]
impl<R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>> Row for R {}

/// What rows can be read as.
#[cfg(not(feature = "postgres"))]
pub(super) trait Row: for<'r> FromRow<'r, SqliteRow> {}
#[cfg(not(feature = "postgres"))]
impl<R: for<'r> FromRow<'r, SqliteRow>> Row for R {}

/// A statement.
pub(super) fn query(sql: impl SqlSafeStr) -> Statement {
    Statement {
        sql: sql.into_sql_str(),
        arguments: Vec::new(),
    }
}

/// A statement whose rows have one column.
pub(super) fn query_scalar(sql: impl SqlSafeStr) -> ScalarStatement {
    ScalarStatement(query(sql))
}

/// Runs a method of sqlx's on whatever there is. PostgreSQL can be out of reach and not say so.
macro_rules! run {
    ($statement:ident . $method:ident ( $on:expr )) => {
        match $on.into() {
            On::Pool(Pool::Sqlite(pool)) => $statement.bound()?.$method(pool).await?.into(),
            On::Tx(Tx::Sqlite(tx, _)) => $statement.bound()?.$method(&mut **tx).await?.into(),
            #[cfg(feature = "postgres")]
            On::Pool(Pool::Postgres(pool)) => {
                let running = $statement.bound()?.$method(pool);
                postgres::in_time(running).await?.into()
            }
            #[cfg(feature = "postgres")]
            On::Tx(Tx::Postgres(tx)) => {
                let running = $statement.bound()?.$method(&mut **tx);
                postgres::in_time(running).await?.into()
            }
        }
    };
}

impl Statement {
    /// Gives the next argument.
    pub(super) fn bind(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs it: how many rows it has changed.
    pub(super) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64, HubError> {
        let Changed(rows) = run!(self.execute(on));
        Ok(rows)
    }

    pub(super) async fn fetch_all<'c, R: Row>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Vec<R>, HubError> {
        let rows: Rows = run!(self.fetch_all(on));
        Ok(rows.read()?)
    }

    pub(super) async fn fetch_optional<'c, R: Row>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<R>, HubError> {
        let rows: Rows = run!(self.fetch_optional(on));
        Ok(rows.read()?.pop())
    }

    pub(super) async fn fetch_one<'c, R: Row>(self, on: impl Into<On<'c>>) -> Result<R, HubError> {
        let row = self.fetch_optional(on).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Whether there is a row, whatever it holds.
    pub(super) async fn exists<'c>(self, on: impl Into<On<'c>>) -> Result<bool, HubError> {
        let rows: Rows = run!(self.fetch_optional(on));
        Ok(!rows.is_empty())
    }

    /// The statement as sqlx has it.
    fn bound<D: Database>(self) -> Result<Query<'static, D, D::Arguments>, sqlx::Error>
    where
        Option<String>: Encode<'static, D> + Type<D>,
        Option<i64>: Encode<'static, D> + Type<D>,
    {
        let mut query = sqlx::query(self.sql);
        for argument in self.arguments {
            query = match argument {
                Argument::Text(Some(text)) if text.contains('\0') => {
                    return Err(sqlx::Error::Encode(Box::new(NulInText)));
                }
                Argument::Text(text) => query.bind(text),
                Argument::Number(number) => query.bind(number),
            };
        }
        Ok(query)
    }
}

impl ScalarStatement {
    /// Gives the next argument.
    pub(super) fn bind(self, argument: impl Into<Argument>) -> Self {
        Self(self.0.bind(argument))
    }

    pub(super) async fn fetch_all<'c, T>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, HubError>
    where
        (T,): Row,
    {
        let rows: Vec<(T,)> = self.0.fetch_all(on).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    pub(super) async fn fetch_optional<'c, T>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<T>, HubError>
    where
        (T,): Row,
    {
        let row: Option<(T,)> = self.0.fetch_optional(on).await?;
        Ok(row.map(|(value,)| value))
    }

    pub(super) async fn fetch_one<'c, T>(self, on: impl Into<On<'c>>) -> Result<T, HubError>
    where
        (T,): Row,
    {
        let (value,): (T,) = self.0.fetch_one(on).await?;
        Ok(value)
    }
}

/// A text that PostgreSQL cannot hold, and SQLite is not given either, so that both are alike.
#[derive(Debug, thiserror::Error)]
#[error("a text holds the character NUL")]
pub(crate) struct NulInText;

/// How many rows a statement has changed.
struct Changed(u64);

impl From<SqliteQueryResult> for Changed {
    fn from(result: SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

#[cfg(feature = "postgres")]
impl From<PgQueryResult> for Changed {
    fn from(result: PgQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

/// Rows as they came.
enum Rows {
    Sqlite(Vec<SqliteRow>),
    #[cfg(feature = "postgres")]
    Postgres(Vec<PgRow>),
}

impl Rows {
    fn read<R: Row>(&self) -> Result<Vec<R>, sqlx::Error> {
        match self {
            Self::Sqlite(rows) => rows.iter().map(R::from_row).collect(),
            #[cfg(feature = "postgres")]
            Self::Postgres(rows) => rows.iter().map(R::from_row).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Sqlite(rows) => rows.is_empty(),
            #[cfg(feature = "postgres")]
            Self::Postgres(rows) => rows.is_empty(),
        }
    }
}

impl From<Vec<SqliteRow>> for Rows {
    fn from(rows: Vec<SqliteRow>) -> Self {
        Self::Sqlite(rows)
    }
}

impl From<Option<SqliteRow>> for Rows {
    fn from(row: Option<SqliteRow>) -> Self {
        Self::Sqlite(row.into_iter().collect())
    }
}

#[cfg(feature = "postgres")]
impl From<Vec<PgRow>> for Rows {
    fn from(rows: Vec<PgRow>) -> Self {
        Self::Postgres(rows)
    }
}

#[cfg(feature = "postgres")]
impl From<Option<PgRow>> for Rows {
    fn from(row: Option<PgRow>) -> Self {
        Self::Postgres(row.into_iter().collect())
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Argument {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Argument {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<String>> for Argument {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<&Option<String>> for Argument {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Argument {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}
