//! A component's template: a file in the component's own language beside the manifest, held against the manifest.

use super::{Component, Manifest, Placeholder, SpecError, Template, names};
use std::collections::BTreeSet;

/// What is wrong with a template, or with the settings that it takes: a place in one of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// The span is one of the template's text.
    Template(SpecError),
    /// The span is one of the manifest's text.
    Manifest(SpecError),
}

impl Manifest {
    /// Checks the text of the template of `component`, which is called `name`: that it names what exists, and that it
    /// uses each of the component's settings and no other.
    ///
    /// # Errors
    /// If a placeholder is none, refers to nothing, or names a setting that the component does not have; if the template
    /// does not use one that it has.
    pub fn check_template(&self, name: &str, component: &Component, text: &str) -> Result<(), TemplateError> {
        let template = Template::parse(text).map_err(TemplateError::Template)?;
        check_settings_used(name, component, &template).map_err(TemplateError::Manifest)?;
        for (placeholder, span) in template.located() {
            let checked = match placeholder {
                Placeholder::Setting(setting) if !component.settings.contains_key(setting.as_str()) => Err(SpecError {
                    message: format!("there is no `{setting}` in `component.{name}.settings`"),
                    span: Some(span),
                    wrong: Some(setting.clone()),
                    valid: component.settings.keys().map(|known| known.get_ref().clone()).collect(),
                }),
                _ => names::check_placeholder(self, Some(name), placeholder, span),
            };
            checked.map_err(TemplateError::Template)?;
        }
        Ok(())
    }
}

/// First, for a name that is misspelt in the manifest is why the template's own is not there.
fn check_settings_used(name: &str, component: &Component, template: &Template) -> Result<(), SpecError> {
    let used: BTreeSet<&str> = template
        .placeholders()
        .filter_map(|placeholder| match placeholder {
            Placeholder::Setting(setting) => Some(setting.as_str()),
            _ => None,
        })
        .collect();
    let Some(unused) = component.settings.keys().find(|setting| !used.contains(setting.get_ref().as_str())) else {
        return Ok(());
    };
    let setting = unused.get_ref();
    Err(SpecError {
        message: format!("the template of `{name}` has no {{setting:{setting}}}"),
        span: Some(unused.span()),
        wrong: Some(setting.clone()),
        valid: used.into_iter().map(str::to_owned).collect(),
    })
}
