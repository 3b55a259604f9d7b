-- Origination's own state: its applications, its inbox, its outbox and the relay's cursor.

-- Every event that was applied, by its id, in the transaction that applied it.
create table processed_event (
    event_id     uuid primary key,
    processed_at timestamptz not null default now()
);

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

-- Events to be published, appended in the transaction that makes them true, never updated. A position is drawn before
-- the commit and does not say the commit's order; xid does, read below the snapshot's xmin.
create table outbox (
    position   bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    shard      integer not null,
    event_id   uuid not null,
    topic      text not null,
    key        text not null,
    payload    text not null,
    created_at timestamptz not null default now()
);

create index outbox_commit_order on outbox (shard, xid, position);

-- One row per shard: how far it is published, and which relay may publish it until when.
create table relay_cursor (
    shard        integer primary key,
    xid          xid8 not null default '0',
    position     bigint not null default 0,
    holder       text,
    leased_until timestamptz not null default '-infinity'
);

insert into relay_cursor (shard) values (0);

-- The shard of a key: one key's events stay in one shard, and so in order.
create function outbox_shard(key text) returns integer
    language sql stable
    return (hashtext(key)::bigint & 2147483647) % (select count(*) from relay_cursor);
