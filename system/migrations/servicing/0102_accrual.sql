-- Interest is owed before it is paid: an ACCRUAL debits the receivable and credits what is earned, a repayment credits
-- the receivable. What a loan owes of it follows from its row, as the ledger has it from then on; loans that owe
-- interest which the ledger knows nothing of would be paid from a receivable that was never booked.
do $$
begin
    if exists (select from loan where status = 'ACTIVE' and (due_through >= next_number or next_interest_paid > 0)) then
        raise 'loans owe interest that was never accrued: they have to be repaid or written off first';
    end if;
end
$$;

-- The default is for instances of the release before, which may still book while this one starts.
alter table ledger_transaction
    add column interest_receivable bigint not null default 0,
    drop constraint debits_equal_credits,
    drop constraint at_least_two_entries,
    add constraint debits_equal_credits
        check (fund_source + loan_portfolio + interest_on_loans + overpayment + losses_written_off
               + interest_receivable = 0),
    add constraint at_least_two_entries
        check (num_nulls(nullif(fund_source, 0), nullif(loan_portfolio, 0), nullif(interest_on_loans, 0),
               nullif(overpayment, 0), nullif(losses_written_off, 0), nullif(interest_receivable, 0)) <= 4);

create or replace view ledger_entry as
    select id as transaction_id, account, amount_minor_units
    from ledger_transaction,
        lateral (values ('FUND_SOURCE', fund_source), ('LOAN_PORTFOLIO', loan_portfolio),
            ('INTEREST_RECEIVABLE', interest_receivable), ('INTEREST_ON_LOANS', interest_on_loans),
            ('OVERPAYMENT', overpayment), ('LOSSES_WRITTEN_OFF', losses_written_off))
            as entry (account, amount_minor_units)
    where amount_minor_units <> 0;
