-- Origination's own state: its applications, and what it asks the credit bureaus about them.

create table loan_application (
    id                     bigint generated always as identity primary key,
    -- The client's id. It is unique through deduplication_key, which repeats it; the one is null, and the other is
    -- not unique, only where the service was told not to recognise repeats (LENDING_DEDUP=none).
    external_id            uuid not null,
    deduplication_key      uuid unique,
    customer_id            text not null,
    product                text not null,
    principal_currency     text not null,
    principal_minor_units  bigint not null check (principal_minor_units > 0),
    term_months            integer not null check (term_months > 0),
    status                 text not null
        check (status in ('SUBMITTED_AND_PENDING_APPROVAL', 'APPROVED', 'REJECTED', 'WITHDRAWN_BY_CLIENT')),
    stage                  text not null
        check (stage in ('ENTRY', 'ENRICHMENT', 'UNDERWRITING', 'ASSESSMENT', 'MANUAL_DECISION', 'OFFER_ISSUE',
                         'OFFER_PENDING', 'OFFER_ACCEPTED', 'OFFER_REFUSED', 'OFFER_EXPIRED', 'REJECTED', 'WITHDRAWN')),
    reason                 text,
    version                bigint not null,
    score                  integer,
    rate_basis_points      integer,
    instalment_minor_units bigint,
    -- When something happens to it if nothing else does: its timer. Only what has come to its end has none.
    due_at                 timestamptz,
    correlation_id         uuid not null,
    -- The event that it came in.
    causation_id           uuid not null,
    traceparent            text,
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    constraint nothing_is_forgotten check ((due_at is null) = (stage in
        ('OFFER_ACCEPTED', 'OFFER_REFUSED', 'OFFER_EXPIRED', 'REJECTED', 'WITHDRAWN'))),
    constraint an_offer_has_a_price check (stage not in ('OFFER_PENDING', 'OFFER_ACCEPTED') or
        (rate_basis_points is not null and instalment_minor_units is not null))
) with (fillfactor = 80);

create index loan_application_external_id on loan_application (external_id);
-- The timers, the first to fire first.
create index loan_application_due on loan_application (due_at) where due_at is not null;
-- Who waits for a customer.
create index loan_application_waiting on loan_application (customer_id) where stage = 'ENRICHMENT';

-- One question to one bureau about one application. Its request_id is a function of both.
create table credit_report_request (
    external_id uuid not null,
    bureau      text not null,
    request_id  uuid not null,
    customer_id text not null,
    -- PENDING: the bureau does not have it. SENT: it has it, or may have it.
    state       text not null check (state in ('PENDING', 'SENT', 'ANSWERED', 'GIVEN_UP')),
    -- How often it was asked.
    attempts    integer not null default 0,
    -- When it is asked, or asked again. A question in hand is one that is due later, so that whatever becomes of the
    -- instance that has it, another asks.
    due_at      timestamptz not null default now(),
    score       integer,
    created_at  timestamptz not null default now(),
    primary key (external_id, bureau)
) with (fillfactor = 80);

-- What is to be asked for the first time, and what again: the second is rationed.
create index credit_report_request_first on credit_report_request (bureau, due_at)
    where attempts = 0 and state in ('PENDING', 'SENT');
create index credit_report_request_again on credit_report_request (bureau, due_at)
    where attempts > 0 and state in ('PENDING', 'SENT');

-- The applications with these ids, with what the bureaus were asked. It is volatile, so it sees what was committed
-- while its caller waited for the rows' locks; a join in the caller's own statement would see the bureaus' answers as
-- they were before that, and a report that came at the same moment would be forgotten.
create function applications_with_requests(ids bigint[])
    returns table (id bigint, external_id uuid, customer_id text, product text, principal_currency text,
        principal_minor_units bigint, term_months integer, stage text, reason text, version bigint, score integer,
        rate_basis_points integer, instalment_minor_units bigint, due_at_us bigint, created_at_us bigint,
        correlation_id uuid, causation_id uuid, traceparent text, bureaus text[], states text[], scores integer[])
    language sql volatile
begin atomic
    select a.id, a.external_id, a.customer_id, a.product, a.principal_currency, a.principal_minor_units, a.term_months,
        a.stage, a.reason, a.version, a.score, a.rate_basis_points, a.instalment_minor_units,
        (extract(epoch from a.due_at) * 1000000)::bigint, (extract(epoch from a.created_at) * 1000000)::bigint,
        a.correlation_id, a.causation_id, a.traceparent, r.bureaus, r.states, r.scores
    from loan_application a
    cross join lateral (
        select array_agg(q.bureau order by q.bureau) as bureaus, array_agg(q.state order by q.bureau) as states,
            array_agg(q.score order by q.bureau) as scores
        from credit_report_request q where q.external_id = a.external_id
    ) r
    where a.id = any (ids)
    order by a.id;
end;
