//! What the words of lending look like in JSON. The bounds are those of the parsers; a test holds them to it.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::application::{LoanApplication, Product};
use crate::domain::customer::{CustomerId, Email, PersonName};
use crate::domain::money::{AMOUNT_MAX, AMOUNT_MIN, Amount, Currency};
use crate::domain::status::Decision;
use crate::gateway::body::CustomerChange;

type Schemas = Vec<(String, RefOr<Schema>)>;

/// A reference to a schema by its name.
pub(super) fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A UUID.
pub(super) fn uuid() -> RefOr<Schema> {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).into()
}

/// A text that is one of these.
pub(super) fn one_of(values: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    text().enum_values(Some(values)).into()
}

fn whole(minimum: i64, maximum: i64) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(minimum)).maximum(Some(maximum))
}

fn push<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

impl PartialSchema for CustomerId {
    fn schema() -> RefOr<Schema> {
        let about = "The client's id of a customer: letters, digits, `-`, `_` or `.`.";
        text().pattern(Some("^[A-Za-z0-9._-]{1,64}$")).description(Some(about)).into()
    }
}
impl ToSchema for CustomerId {}

impl PartialSchema for PersonName {
    fn schema() -> RefOr<Schema> {
        let about = "A person's name: not blank, without control characters.";
        // One character that is no white space, and none that is a control character.
        let pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
        text().min_length(Some(1)).max_length(Some(200)).pattern(Some(pattern)).description(Some(about)).into()
    }
}
impl ToSchema for PersonName {}

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        // Printable ASCII with one `@` that is neither the first nor the last.
        let pattern = "^[!-?A-~]+@[!-?A-~]+$";
        text().max_length(Some(254)).pattern(Some(pattern)).description(Some("An address for mail.")).into()
    }
}
impl ToSchema for Email {}

impl PartialSchema for Decision {
    fn schema() -> RefOr<Schema> {
        one_of(["APPROVED", "REJECTED"])
    }
}
impl ToSchema for Decision {}

impl PartialSchema for Product {
    fn schema() -> RefOr<Schema> {
        one_of([Self::Personal, Self::Car, Self::Home].map(Self::name))
    }
}
impl ToSchema for Product {}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        one_of([Self::Eur, Self::Gbp, Self::Usd].map(Self::code))
    }
}
impl ToSchema for Currency {}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("currency", reference::<Currency>())
            .required("currency")
            .property("minor_units", whole(AMOUNT_MIN, AMOUNT_MAX).description(Some("In cents or pence.")))
            .required("minor_units")
            .description(Some("An amount of money that is lent or paid."))
            .into()
    }
}
impl ToSchema for Amount {
    fn schemas(schemas: &mut Schemas) {
        push::<Currency>(schemas);
    }
}

impl PartialSchema for LoanApplication {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("external_id", uuid())
            .required("external_id")
            .property("customer_id", reference::<CustomerId>())
            .required("customer_id")
            .property("product", reference::<Product>())
            .required("product")
            .property("principal", reference::<Amount>())
            .required("principal")
            .property("term_months", whole(1, 600))
            .required("term_months")
            .description(Some("What a client asks for; `external_id` is the client's id of it."))
            .into()
    }
}
impl ToSchema for LoanApplication {
    fn schemas(schemas: &mut Schemas) {
        push::<CustomerId>(schemas);
        push::<Product>(schemas);
        push::<Amount>(schemas);
    }
}

impl PartialSchema for CustomerChange {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("name", reference::<PersonName>())
            .property("email", reference::<Email>())
            .min_properties(Some(1))
            .description(Some("A customer's profile is to change; what is left out stays."))
            .into()
    }
}
impl ToSchema for CustomerChange {
    fn schemas(schemas: &mut Schemas) {
        push::<PersonName>(schemas);
        push::<Email>(schemas);
    }
}
