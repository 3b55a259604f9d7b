-- What every owner of state has beside it: an inbox, an outbox and the relays' cursors.

-- Every event that was applied, by its id, in the transaction that applied it, until it is too old to come again.
create table processed_event (
    event_id     uuid primary key,
    processed_at timestamptz not null default now()
);

-- For who removes the old ones.
create index processed_event_age on processed_event (processed_at);

-- Events to be published, appended in the transaction that makes them true, never updated. A position is drawn before
-- the commit and does not say the commit's order; xid does, read below the snapshot's xmin.
create table outbox (
    position    bigint generated always as identity primary key,
    xid         xid8 not null default pg_current_xact_id(),
    shard       integer not null,
    event_id    uuid not null,
    topic       text not null,
    key         text not null,
    payload     text not null,
    traceparent text,
    created_at  timestamptz not null default now()
);

create index outbox_commit_order on outbox (shard, xid, position);

-- One row per shard: how far it is published, and which relay may publish it until when. `lending migrate` makes the
-- rows, and with them the function outbox_shard(key text), for the number of shards is a setting of it.
create table relay_cursor (
    shard        integer primary key,
    xid          xid8 not null default '0',
    position     bigint not null default 0,
    holder       text,
    leased_until timestamptz not null default '-infinity'
);
