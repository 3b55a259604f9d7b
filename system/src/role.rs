//! What a process is: whose settings it reads, and its name in logs.

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Gateway,
    Customers,
    Origination,
    Servicing,
    Bureau,
    Rail,
    Identity,
    Migrate,
    Seed,
    Replay,
}

impl Role {
    /// Its name on the command line and in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Customers => "customers",
            Self::Origination => "origination",
            Self::Servicing => "servicing",
            Self::Bureau => "bureau",
            Self::Rail => "rail",
            Self::Identity => "identity",
            Self::Migrate => "migrate",
            Self::Seed => "seed",
            Self::Replay => "replay",
        }
    }
}
