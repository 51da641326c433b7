//! Numbered migrations, each in one transaction. A newer store is refused in words.

use super::disk::begin;
use super::error::{Fault, OpenError};
use super::tables::{META, Tables};
use crate::model::OrgId;
use redb::{Database, ReadableTable, TableError, WriteTransaction};

/// The newest schema that this program reads, and the one that it writes.
pub(super) const SCHEMA: u32 = 1;

type Migration = fn(&WriteTransaction) -> Result<(), Fault>;

/// Number n brings a store of schema n to n + 1.
const MIGRATIONS: [Migration; SCHEMA as usize] = [make_tables];

/// Brings a store to [`SCHEMA`] and checks that it is ours.
pub(super) fn migrate(database: &Database, us: &OrgId) -> Result<(), Failed> {
    loop {
        let transaction = begin(database)?;
        let found = schema(&transaction)?;
        if found > SCHEMA {
            return Err(Failed::Open(OpenError::Newer { found, known: SCHEMA }));
        }
        if found == SCHEMA {
            return check_owner(&transaction, us);
        }
        MIGRATIONS[found as usize](&transaction)?;
        set_schema(&transaction, found + 1, us)?;
        transaction.commit().map_err(Fault::from)?;
    }
}

/// Why a store could not be brought up.
pub(super) enum Failed {
    /// For the operator.
    Open(OpenError),
    /// Storage or a damaged row.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Failed {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

/// 0 for a file that is new, or has nothing but its `meta`.
fn schema(transaction: &WriteTransaction) -> Result<u32, Fault> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(error) => return Err(error.into()),
    };
    let Some(bytes) = meta.get("schema")?.map(|row| row.value().to_vec()) else { return Ok(0) };
    let bytes = bytes.try_into().map_err(|_| super::Damaged { table: "meta", key: "schema".into() })?;
    Ok(u32::from_be_bytes(bytes))
}

fn set_schema(transaction: &WriteTransaction, schema: u32, us: &OrgId) -> Result<(), Fault> {
    let mut meta = transaction.open_table(META)?;
    meta.insert("schema", schema.to_be_bytes().as_slice())?;
    if meta.get("us")?.is_none() {
        meta.insert("us", us.0.as_slice())?;
    }
    Ok(())
}

fn check_owner(transaction: &WriteTransaction, us: &OrgId) -> Result<(), Failed> {
    let meta = transaction.open_table(META).map_err(Fault::from)?;
    let owner = meta.get("us").map_err(Fault::from)?.map(|row| row.value().to_vec()).unwrap_or_default();
    let found = OrgId::try_from(owner.as_slice()).map_err(|_| Fault::from(super::Damaged { table: "meta", key: "us".into() }))?;
    if found == *us { Ok(()) } else { Err(Failed::Open(OpenError::OtherOrganisation { found, ours: *us })) }
}

/// 0 → 1: every table, empty, so that snapshots find them.
fn make_tables(transaction: &WriteTransaction) -> Result<(), Fault> {
    Tables::open(transaction)?;
    Ok(())
}
