//! Values to columns and back.

use crate::Id;
use arrow_array::builder::{FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::sync::Arc;

pub(super) fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

pub(super) fn optional(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

pub(super) fn batch(schema: Schema, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(Arc::new(schema), columns)
}

pub(super) fn of_ids(ids: impl Iterator<Item = Option<Id>>) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::new(16);
    for id in ids {
        match id {
            Some(id) => builder.append_value(id.0.to_be_bytes())?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn of_texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    texts.for_each(|text| builder.append_option(text));
    Arc::new(builder.finish())
}

pub(super) fn of_numbers<T: ArrowPrimitiveType>(numbers: impl Iterator<Item = Option<T::Native>>) -> ArrayRef {
    let mut builder = PrimitiveBuilder::<T>::new();
    numbers.for_each(|number| builder.append_option(number));
    Arc::new(builder.finish())
}

/// A column of ids.
#[derive(Clone, Copy)]
pub(super) struct Ids<'a>(&'a FixedSizeBinaryArray);

/// A column of texts.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a>(&'a StringArray);

/// A column of numbers.
pub(super) struct Numbers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

/// The columns of a batch, taken one after the other; `None` for one of another type.
pub(super) struct Columns<'a>(std::slice::Iter<'a, ArrayRef>);

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        Self(batch.columns().iter())
    }

    pub(super) fn ids(&mut self) -> Option<Ids<'a>> {
        self.0.next()?.as_fixed_size_binary_opt().filter(|ids| ids.value_length() == 16).map(Ids)
    }

    pub(super) fn texts(&mut self) -> Option<Texts<'a>> {
        self.0.next()?.as_string_opt().map(Texts)
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(&mut self) -> Option<Numbers<'a, T>> {
        self.0.next()?.as_primitive_opt().map(Numbers)
    }
}

impl<'a> Ids<'a> {
    /// The id in a column in which none is missing.
    #[inline]
    pub(super) fn get(self, row: usize) -> Id {
        // Every value has the width of the column, which is 16.
        Id(self.0.value(row).try_into().map_or(0, u128::from_be_bytes))
    }

    #[inline]
    pub(super) fn find(self, row: usize) -> Option<Id> {
        self.0.is_valid(row).then(|| self.get(row))
    }
}

impl<'a> Texts<'a> {
    /// The text in a column in which none is missing.
    #[inline]
    pub(super) fn get(self, row: usize) -> &'a str {
        self.0.value(row)
    }

    #[inline]
    pub(super) fn find(self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.get(row))
    }
}

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    /// The number in a column in which none is missing.
    #[inline]
    pub(super) fn get(&self, row: usize) -> T::Native {
        self.0.value(row)
    }

    #[inline]
    pub(super) fn find(&self, row: usize) -> Option<T::Native> {
        self.0.is_valid(row).then(|| self.get(row))
    }
}
