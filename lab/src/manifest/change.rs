//! Changes of a manifest: what variants and `--set` do to the document before it is read.

use super::{Circumstances, Manifest, SpecError};
use toml::{Table, Value};

/// Tables with values of free text: a `--set` into them is text, whatever it looks like.
const TEXTS: &[&str] = &["env", "headers"];
/// How deep the names of things go (`process.gateway`): above that, nothing new can be set.
const NAMED_DEPTH: usize = 2;

/// The text of the manifest with the variant called `name` applied, read and checked.
pub(super) fn apply_variant(text: &str, manifest: &Manifest, name: &str) -> Result<String, SpecError> {
    let Some(variant) = manifest.variants.get(name) else {
        return Err(SpecError::unknown("variant", name, None, manifest.variants.keys().cloned().collect()));
    };
    let mut document = read(text)?;
    let blame = |error: SpecError, span| error.after(&format!("variant `{name}`"), Some(span));
    let mut first = None;
    for (path, value) in &variant.set {
        first.get_or_insert(path.span());
        set(&mut document, path.get_ref(), |_| value.get_ref().clone()).map_err(|error| blame(error, path.span()))?;
    }
    let changed = write(&document)?;
    let span = first.unwrap_or_default();
    Manifest::parse_without_variants(&changed).map_err(|error| blame(error, span))?;
    Ok(changed)
}

/// The text of the manifest with what `circumstances` set, as an experiment gives them, read and checked. Spans in
/// errors are those of the paths.
pub(super) fn apply_circumstances(text: &str, circumstances: &Circumstances) -> Result<String, SpecError> {
    let mut document = read(text)?;
    let mut changed = text.to_owned();
    for (path, value) in circumstances {
        let blame = |error: SpecError| error.after(&format!("`set` of {}", path.get_ref()), Some(path.span()));
        set(&mut document, path.get_ref(), |_| value.get_ref().clone()).map_err(blame)?;
        changed = write(&document)?;
        Manifest::parse_without_variants(&changed).map_err(blame)?;
    }
    Ok(changed)
}

/// The text of the manifest with `path` set to `value`, as the command line gives it, read and checked.
///
/// The value is text where it replaces text or goes into a table of texts. Elsewhere it is what TOML reads it as, and
/// text if TOML reads it as nothing.
pub(super) fn apply_set(text: &str, path: &str, value: &str) -> Result<String, SpecError> {
    let mut document = read(text)?;
    let blame = |error: SpecError| error.after(&format!("--set {path}={value}"), None);
    set(&mut document, path, |takes_text| {
        let text = Value::String(value.to_owned());
        if takes_text { text } else { toml_value(value).unwrap_or(text) }
    })
    .map_err(blame)?;
    let changed = write(&document)?;
    Manifest::parse_without_variants(&changed).map_err(blame)?;
    Ok(changed)
}

fn read(text: &str) -> Result<Table, SpecError> {
    toml::from_str(text).map_err(|error| SpecError::from_toml(&error))
}

fn write(document: &Table) -> Result<String, SpecError> {
    toml::to_string(document)
        .map_err(|error| SpecError::new(format!("cannot write the changed manifest: {error}"), None))
}

fn toml_value(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    (table.len() == 1).then(|| table.remove("value")).flatten()
}

/// Sets `path` in `document` to what `value` makes of "a text is wanted there".
///
/// The tables on the way must exist. The last key may be new: free tables (`env`, `settings`, `headers`) take any key,
/// and in the others the reader of the manifest says which keys there are.
fn set(document: &mut Table, path: &str, value: impl FnOnce(bool) -> Value) -> Result<(), SpecError> {
    let keys = split(path)?;
    let Some((last, way)) = keys.split_last() else {
        return Err(SpecError::new("the path is empty", None));
    };
    let mut table = document;
    for (depth, key) in way.iter().enumerate() {
        let valid: Vec<String> = table.keys().cloned().collect();
        table = match table.get_mut(key) {
            Some(Value::Table(inner)) => inner,
            Some(_) => return Err(SpecError::new(format!("`{}` is not a table", keys[..=depth].join(".")), None)),
            None => return Err(absent(&keys[..=depth], valid)),
        };
    }
    let takes_text = match table.get(last) {
        Some(old) => old.is_str(),
        None => way.last().is_some_and(|parent| TEXTS.contains(&parent.as_str())),
    };
    if way.len() < NAMED_DEPTH && !table.contains_key(last) {
        return Err(absent(&keys, table.keys().cloned().collect()));
    }
    table.insert(last.clone(), value(takes_text));
    Ok(())
}

fn absent(keys: &[String], valid: Vec<String>) -> SpecError {
    let (last, way) = keys.split_last().map_or((String::new(), &[][..]), |(last, way)| (last.clone(), way));
    let place = if way.is_empty() { "the manifest".to_owned() } else { format!("`{}`", way.join(".")) };
    SpecError { message: format!("there is no `{last}` in {place}"), span: None, wrong: Some(last), valid }
}

/// The keys of a dotted path. A path is a TOML key, so TOML reads it: quotes keep dots.
fn split(path: &str) -> Result<Vec<String>, SpecError> {
    let wrong = || {
        let message = format!("`{path}` is not a path: write keys with dots between, and quotes around keys with dots");
        SpecError::new(message, None)
    };
    if path.contains(['\n', '=', '#']) {
        return Err(wrong());
    }
    let mut table: Table = toml::from_str(&format!("{path} = true")).map_err(|_| wrong())?;
    let mut keys = Vec::new();
    loop {
        let (key, value) = std::mem::take(&mut table).into_iter().next().ok_or_else(wrong)?;
        keys.push(key);
        match value {
            Value::Table(inner) => table = inner,
            _ => return Ok(keys),
        }
    }
}
