//! A loan application as a client submits it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::customer::CustomerId;
use super::money::Amount;

/// The longest term, in months: fifty years.
const TERM_MONTHS_MAX: u16 = 600;

/// What a client asks for. It is the request's body and the event's data: both are the same promise. A request with a
/// field that nobody knows is refused by the gateway; an event with one is read, for a later version may have added it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanApplication {
    /// The client's id of the application, which travels through every event, row and answer.
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) product: Product,
    pub(crate) principal: Amount,
    #[serde(deserialize_with = "term_months")]
    #[schemars(range(min = 1, max = TERM_MONTHS_MAX))]
    pub(crate) term_months: u16,
}

/// What the money is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Product {
    Personal,
    Car,
    Home,
}

impl Product {
    /// The product with this name, if there is one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Personal, Self::Car, Self::Home].into_iter().find(|product| product.name() == name)
    }

    /// Its name in JSON and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Car => "car",
            Self::Home => "home",
        }
    }
}

fn term_months<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let months = u16::deserialize(deserializer)?;
    match (1..=TERM_MONTHS_MAX).contains(&months) {
        true => Ok(months),
        false => Err(serde::de::Error::custom(format!("term_months is {months}, must be from 1 to {TERM_MONTHS_MAX}"))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::money::AMOUNT_MAX;

    pub(crate) fn sound() -> Value {
        json!({
            "external_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001",
            "customer_id": "customer-17",
            "product": "car",
            "principal": { "currency": "EUR", "minor_units": 1_250_000 },
            "term_months": 48,
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = sound();
        *body.pointer_mut(pointer).expect("a field of the sound body") = value;
        body
    }

    fn accepted(body: &Value) -> bool {
        serde_json::from_slice::<LoanApplication>(body.to_string().as_bytes()).is_ok()
    }

    #[test]
    fn a_sound_application_is_accepted_and_written_as_it_was() {
        let application: LoanApplication = serde_json::from_value(sound()).expect("sound");
        assert_eq!(serde_json::to_value(application).expect("serialisable"), sound());
    }

    #[test]
    fn what_no_lender_would_accept_is_refused() {
        for (pointer, value) in [
            ("/external_id", json!("17")),
            ("/customer_id", json!("")),
            ("/customer_id", json!("'; drop table loan_application; --")),
            ("/customer_id", json!("x".repeat(65))),
            ("/product", json!("boat")),
            ("/principal/currency", json!("eur")),
            ("/principal/minor_units", json!(0)),
            ("/principal/minor_units", json!(-1)),
            ("/principal/minor_units", json!(1.5)),
            ("/principal/minor_units", json!("100")),
            ("/principal/minor_units", json!(AMOUNT_MAX + 1)),
            ("/term_months", json!(0)),
            ("/term_months", json!(601)),
        ] {
            assert!(!accepted(&with(pointer, value.clone())), "{pointer} = {value}");
        }
    }

    #[test]
    fn missing_and_repeated_fields_are_refused() {
        let mut missing = sound();
        missing.as_object_mut().expect("an object").remove("product");
        assert!(!accepted(&missing));
        let twice = sound().to_string().replacen('{', "{\"term_months\":12,", 1);
        assert!(serde_json::from_str::<LoanApplication>(&twice).is_err());
    }

    proptest! {
        #[test]
        fn an_amount_is_accepted_exactly_within_its_bounds(amount: i64) {
            let sound = (1..=AMOUNT_MAX).contains(&amount);
            prop_assert_eq!(accepted(&with("/principal/minor_units", json!(amount))), sound);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused_without_a_panic(bytes: Vec<u8>) {
            let _ = serde_json::from_slice::<LoanApplication>(&bytes);
        }
    }
}
