-- Servicing's own state: its loans, what it asked of the payment rail, and its ledger.

create table loan (
    external_id             uuid primary key,
    customer_id             text not null,
    currency                text not null,
    principal_minor_units   bigint not null check (principal_minor_units > 0),
    rate_basis_points       bigint not null check (rate_basis_points >= 0),
    term_months             integer not null check (term_months > 0),
    instalment_minor_units  bigint not null check (instalment_minor_units >= 0),
    month_us                bigint not null check (month_us > 0),
    status                  text not null check (status in ('APPROVED', 'ACTIVE', 'REJECTED', 'CLOSED_OBLIGATIONS_MET',
                                'CLOSED_WRITTEN_OFF', 'OVERPAID')),
    version                 bigint not null,
    outstanding_minor_units bigint not null check (outstanding_minor_units >= 0),
    -- The schedule is a function of the terms, of the next instalment and of what is owed: no row per month.
    next_number             integer not null,
    next_principal_paid     bigint not null,
    next_interest_paid      bigint not null,
    disbursed_at            timestamptz,
    due_through             integer not null,
    due_at                  timestamptz,
    correlation_id          uuid not null,
    causation_id            uuid not null,
    traceparent             text,
    created_at              timestamptz not null default now(),
    updated_at              timestamptz not null default now()
) with (fillfactor = 80);

-- The timers.
create index loan_due on loan (due_at) where due_at is not null;

-- What became of instalments: those that were wholly paid, and those that were not paid when they fell due.
create table instalment (
    external_id           uuid not null references loan,
    number                integer not null check (number > 0),
    due_at                timestamptz not null,
    principal_minor_units bigint not null check (principal_minor_units >= 0),
    interest_minor_units  bigint not null check (interest_minor_units >= 0),
    in_arrears_at         timestamptz,
    settled_at            timestamptz,
    primary key (external_id, number)
);

-- What the rail was asked to do, or is to be asked: paying out (OUT) or collecting (IN).
create table transfer (
    instruction_id     uuid primary key,
    external_id        uuid not null references loan,
    -- The client's id of a repayment: the instruction too, except with LENDING_DEDUP=none.
    repayment_id       uuid check ((repayment_id is null) = (kind = 'DISBURSEMENT')),
    direction          text not null check (direction = case kind when 'DISBURSEMENT' then 'OUT' else 'IN' end),
    kind               text not null check (kind in ('DISBURSEMENT', 'REPAYMENT')),
    currency           text not null,
    amount_minor_units bigint not null check (amount_minor_units > 0),
    state              text not null default 'PENDING' check (state in ('PENDING', 'EXECUTED', 'REFUSED')),
    reason             text,
    attempts           integer not null default 0,
    -- When the rail is asked, again if need be: a lease and a timer in one. 'infinity' where nobody asks again.
    due_at             timestamptz not null default now(),
    correlation_id     uuid not null,
    causation_id       uuid not null,
    traceparent        text,
    created_at         timestamptz not null default now(),
    settled_at         timestamptz
) with (fillfactor = 70);

create index transfer_due on transfer (due_at) where state = 'PENDING';
create index transfer_of_loan on transfer (external_id);

-- Commands whose loan is not there yet, or not paid out yet, in the order in which they came.
create table waiting_command (
    position    bigint generated always as identity primary key,
    event_id    uuid not null,
    external_id uuid not null,
    payload     text not null,
    waits_until timestamptz not null
);

create index waiting_command_of_loan on waiting_command (external_id);

-- The double-entry ledger: a transaction is one row with an amount per account, debits positive and credits negative.
-- That it balances and that it has at least two entries is a constraint of the row: it holds at once and not only at
-- the commit, and there is no trigger for it that a session could silence. A table of entries with deferred triggers
-- took three times as long (28 ms against 10 ms for 500 transactions; servicing/tests/ledger.rs measures it).
create table ledger_transaction (
    id                 bigint generated always as identity primary key,
    external_id        uuid not null references loan,
    kind               text not null check (kind in ('DISBURSEMENT', 'REPAYMENT', 'WRITEOFF', 'ACCRUAL', 'REVERSAL')),
    instruction_id     uuid not null,
    reversal_of        bigint references ledger_transaction,
    currency           text not null,
    fund_source        bigint not null,
    loan_portfolio     bigint not null,
    interest_on_loans  bigint not null,
    overpayment        bigint not null,
    losses_written_off bigint not null,
    booked_at          timestamptz not null default now(),
    unique (instruction_id, kind),
    constraint what_is_reversed_is_named check ((kind = 'REVERSAL') = (reversal_of is not null)),
    constraint debits_equal_credits
        check (fund_source + loan_portfolio + interest_on_loans + overpayment + losses_written_off = 0),
    constraint at_least_two_entries
        check (num_nulls(nullif(fund_source, 0), nullif(loan_portfolio, 0), nullif(interest_on_loans, 0),
               nullif(overpayment, 0), nullif(losses_written_off, 0)) <= 3)
);

create index ledger_transaction_of_loan on ledger_transaction (external_id);
-- What is taken back is taken back once.
create unique index ledger_transaction_reversal_of on ledger_transaction (reversal_of) where reversal_of is not null;

-- The same ledger as auditors read it: an entry per account that a transaction touches.
create view ledger_entry as
    select id as transaction_id, account, amount_minor_units
    from ledger_transaction,
        lateral (values ('FUND_SOURCE', fund_source), ('LOAN_PORTFOLIO', loan_portfolio),
            ('INTEREST_ON_LOANS', interest_on_loans), ('OVERPAYMENT', overpayment),
            ('LOSSES_WRITTEN_OFF', losses_written_off)) as entry (account, amount_minor_units)
    where amount_minor_units <> 0;

create function refuse_ledger_change() returns trigger
    language plpgsql as $$
begin
    raise exception 'the ledger is immutable: book a reversal instead of a %', lower(tg_op)
        using errcode = 'restrict_violation';
end
$$;

create trigger ledger_is_immutable before update or delete or truncate on ledger_transaction
    for each statement execute function refuse_ledger_change();
alter table ledger_transaction enable always trigger ledger_is_immutable;
