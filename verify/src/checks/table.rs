//! A check's own table in an experiment: read by serde, then made sense of, with the place of every error.

use crate::Check;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::marker::PhantomData;
use toml::de::{Error, ValueDeserializer};

/// Reads the table as a `T` and makes a check of it; what `make` complains of is placed at the table.
pub(super) fn read<T, C>(
    value: ValueDeserializer<'_>,
    make: fn(T) -> Result<C, String>,
) -> Result<Box<dyn Check>, Error>
where
    T: for<'de> Deserialize<'de>,
    C: Check + 'static,
{
    let check = value.deserialize_map(Reader { make, table: PhantomData })?;
    Ok(Box::new(check))
}

/// An error that a visitor returns gets its place from the deserializer that drives it; one made afterwards has none.
struct Reader<T, C> {
    make: fn(T) -> Result<C, String>,
    table: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, C> Visitor<'de> for Reader<T, C> {
    type Value = C;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<C, A::Error> {
        let table = T::deserialize(MapAccessDeserializer::new(map))?;
        (self.make)(table).map_err(serde::de::Error::custom)
    }
}
