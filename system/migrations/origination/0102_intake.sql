-- What a gateway with LENDING_INTAKE=database-first writes before it appends to the log; empty in the safe design.
-- Nothing reads it: origination knows an application from the log, or not at all.
create table intake (
    external_id uuid primary key,
    application jsonb not null,
    received_at timestamptz not null default now()
);
