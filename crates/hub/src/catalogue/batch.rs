//! Many rows by one statement, so that a transaction with thousands of files is some hundred
//! statements and its turn to write a short one.

use super::database::{Argument, Tx, query};
use crate::HubError;

/// How many rows one statement has. Of ten columns they are a thousand arguments; SQLite takes
/// 32,766 and PostgreSQL 65,535.
pub(super) const ROWS: usize = 100;

/// Inserts rows into a table, which is given with its columns.
pub(super) async fn insert<const N: usize>(
    tx: &mut Tx,
    into: &str,
    rows: Vec<[Argument; N]>,
) -> Result<(), HubError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<_> = rows.by_ref().take(ROWS).collect();
        let values: Vec<String> = (0..batch.len()).map(|row| list(row * N, N)).collect();
        let sql = format!("INSERT INTO {into} VALUES {}", values.join(", "));
        let mut statement = query(sqlx::AssertSqlSafe(sql));
        for argument in batch.into_iter().flatten() {
            statement = statement.bind(argument);
        }
        statement.execute(&mut *tx).await?;
    }
    Ok(())
}

/// So many arguments in parentheses, behind others: `($3, $4)` are two behind two.
pub(super) fn list(behind: usize, count: usize) -> String {
    let names: Vec<String> = (behind + 1..=behind + count)
        .map(|number| format!("${number}"))
        .collect();
    format!("({})", names.join(", "))
}
