-- Servicing's own state: its loans.

create table loan (
    external_id           uuid primary key,
    customer_id           text not null,
    status                text not null check (status in ('APPROVED', 'ACTIVE', 'REJECTED', 'CLOSED_OBLIGATIONS_MET',
                              'CLOSED_WRITTEN_OFF', 'OVERPAID')),
    version               bigint not null default 1
);
