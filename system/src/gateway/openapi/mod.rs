//! The OpenAPI document, made from the tables of routes and of problems: a route cannot be forgotten.
//!
//! - [`operation`]: one route's entry
//! - [`schemas`]: what the words of lending look like in JSON

mod operation;
mod schemas;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use tests::assert_answer_told;
#[cfg(test)]
pub(crate) use tests::assert_told;

use utoipa::ToSchema;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, RefOr, Schema,
};

use super::answer::Accepted;
use super::routes::{COMMANDS, DOCUMENT, READS};
use crate::domain::customer::CustomerId;
use crate::http::problem::Document as Problem;

const ABOUT: &str = "A command is answered with 202 when the log has it; its owner then carries it out, or tells why \
    not. Repeat a request that was not answered, or was answered with 409, 429, 502, 503 or 504, under the same \
    Idempotency-Key. An answer with the header `Not-Attempted: true` changed nothing. A PUT may have reached another \
    gateway before the one that answers, so of a PUT neither that header nor a 401, 408 or 409 says that it was not done.";

/// A named schema and what it refers to.
pub(super) struct Shape {
    pub(super) name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    pub(super) fn of<B: ToSchema>() -> Self {
        let mut schemas = vec![(B::name().into_owned(), B::schema())];
        B::schemas(&mut schemas);
        Self { name: B::name().into_owned(), schemas }
    }

    /// The schemas as the parser takes them: with no other fields than those that it knows.
    fn closed(self) -> impl Iterator<Item = (String, RefOr<Schema>)> {
        self.schemas.into_iter().map(|(name, mut schema)| {
            if let RefOr::T(Schema::Object(object)) = &mut schema
                && object.schema_type == utoipa::openapi::schema::Type::Object.into()
            {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
            (name, schema)
        })
    }
}

/// The document about every route.
pub(super) fn document() -> OpenApi {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").build();
    let info = InfoBuilder::new()
        .title("Reference lending system")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let mut paths = PathsBuilder::new();
    for command in &COMMANDS {
        paths = paths.path(command.path, operation::command(command));
    }
    for read in &READS {
        paths = paths.path(read.path, operation::read(read));
    }
    let paths = paths.path(DOCUMENT, operation::document());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components())).build()
}

fn components() -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A token of the identity provider, signed with ES256, with the route's scope."))
        .build();
    let asked = COMMANDS.iter().flat_map(|command| (command.body)().closed());
    let told = READS.iter().map(|read| (read.state)());
    let told = told.chain([Shape::of::<Accepted>(), Shape::of::<Problem<'static>>()]).flat_map(|shape| shape.schemas);
    ComponentsBuilder::new()
        // What is told and asked alike is there once: as it may be asked.
        .schemas_from_iter(told.chain(asked))
        .security_scheme(operation::TOKEN, SecurityScheme::Http(token))
        .build()
}

/// The schema of a path's parameter.
fn parameter(name: &str) -> RefOr<Schema> {
    match name {
        "customer_id" => schemas::reference::<CustomerId>(),
        "purpose" => schemas::one_of(["credit-check", "marketing"]),
        _ => schemas::uuid(),
    }
}
