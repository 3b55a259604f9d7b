-- Origination's own state: its applications.

create table loan_application (
    id                    bigint generated always as identity primary key,
    -- The client's id. It is unique through deduplication_key, which repeats it; the one is null, and the other is
    -- not unique, only where the service was told not to recognise repeats (LENDING_DEDUP=none).
    external_id           uuid not null,
    deduplication_key     uuid unique,
    customer_id           text not null,
    product               text not null,
    principal_currency    text not null,
    principal_minor_units bigint not null check (principal_minor_units > 0),
    term_months           integer not null check (term_months > 0),
    status                text not null
        check (status in ('SUBMITTED_AND_PENDING_APPROVAL', 'APPROVED', 'REJECTED')),
    version               bigint not null default 1,
    score                 integer,
    correlation_id        uuid not null,
    causation_id          uuid not null,
    created_at            timestamptz not null default now(),
    decided_at            timestamptz,
    -- Until then the decision is in the hands of the instance that claimed it.
    claimed_until         timestamptz
) with (fillfactor = 70);

create index loan_application_external_id on loan_application (external_id);

-- The work that is left, oldest first. A claim changes no indexed column, so it is a cheap update.
create index loan_application_pending on loan_application (id) where status = 'SUBMITTED_AND_PENDING_APPROVAL';
