-- Customers' own state.

create table customer (
    customer_id   text primary key,
    name          text not null,
    email         text not null,
    date_of_birth date not null,
    kyc           text not null default 'PENDING' check (kyc in ('PENDING', 'VERIFIED', 'REJECTED')),
    -- What was agreed to, and nothing that nobody asks for.
    consents      text[] not null default '{}' check (consents <@ array['CREDIT_CHECK', 'MARKETING']),
    -- Grows by one with every change; the event that tells of the change has the same.
    version       bigint not null default 1 check (version > 0),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);
