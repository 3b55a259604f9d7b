-- Customers' own state.

create table customer (
    customer_id   text primary key,
    name          text not null,
    email         text not null,
    date_of_birth date not null,
    kyc           text not null default 'PENDING' check (kyc in ('PENDING', 'VERIFIED', 'REJECTED')),
    consents      text[] not null default '{}',
    version       bigint not null default 1,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);
