//! What follows from the rail's results: the saga's second half.

use uuid::Uuid;

use super::{Book, Held, RailResult, grown};
use crate::domain::ledger::{Occasion, Posting};
use crate::domain::loan::{Loan, Repaid};
use crate::domain::money::Amount;
use crate::domain::status::LoanStatus;
use crate::messaging::contract::servicing::{DisbursementFailed, LoanDisbursed, RepaymentReceived, RepaymentRefused};
use crate::servicing::transfer::{Transfer, TransferKind};
use crate::store::StoreError;

impl Book {
    /// The rail has said what became of a transfer; the caller sees to it that it is heard once.
    pub(crate) fn settled(&mut self, transfer: &Transfer, result: &RailResult) -> Result<(), StoreError> {
        match (transfer.kind, result) {
            (TransferKind::Disbursement, RailResult::Executed) => self.disbursed(transfer),
            (TransferKind::Disbursement, RailResult::Refused(reason)) => self.disbursement_refused(transfer, reason),
            (TransferKind::Repayment, RailResult::Executed) => self.repaid(transfer),
            (TransferKind::Repayment, RailResult::Refused(reason)) => {
                let refused = RepaymentRefused {
                    external_id: transfer.external_id,
                    repayment_id: transfer.repayment_id.unwrap_or(transfer.instruction_id),
                    reason: reason.clone(),
                };
                self.publish(transfer.external_id, transfer.cause(), refused)
            }
        }
    }

    fn disbursed(&mut self, transfer: &Transfer) -> Result<(), StoreError> {
        let (external_id, now) = (transfer.external_id, self.now);
        let Some(loan) = self.loan_to_pay_out(external_id) else { return Ok(()) };
        loan.disburse(now);
        let disbursed = LoanDisbursed {
            external_id,
            instruction_id: transfer.instruction_id,
            principal: Amount { currency: loan.currency, minor_units: loan.principal_minor_units },
            loan_version: grown(loan),
        };
        self.change(external_id, transfer.cause(), disbursed)
    }

    fn disbursement_refused(&mut self, transfer: &Transfer, reason: &str) -> Result<(), StoreError> {
        let external_id = transfer.external_id;
        if self.policy.compensation {
            let occasion =
                Occasion { external_id, instruction_id: transfer.instruction_id, currency: transfer.currency };
            self.changes.postings.push(Posting::disbursement(occasion, transfer.amount_minor_units).reversed());
        }
        let Some(loan) = self.loan_to_pay_out(external_id) else { return Ok(()) };
        loan.reject();
        let failed = DisbursementFailed {
            external_id,
            instruction_id: transfer.instruction_id,
            reason: reason.to_owned(),
            loan_version: grown(loan),
        };
        self.change(external_id, transfer.cause(), failed)
    }

    /// None where the loan is paid out or rejected already, which only a second payout can find.
    fn loan_to_pay_out(&mut self, external_id: Uuid) -> Option<&mut Loan> {
        let loan = &mut self.loans.get_mut(&external_id)?.loan;
        (loan.status == LoanStatus::Approved).then_some(loan)
    }

    fn repaid(&mut self, transfer: &Transfer) -> Result<(), StoreError> {
        let (external_id, now) = (transfer.external_id, self.now);
        let Some(Held { loan, .. }) = self.loans.get_mut(&external_id) else { return Ok(()) };
        let open = loan.status == LoanStatus::Active;
        let Repaid { parts, settled, accrued } = loan.repay(transfer.amount_minor_units, now);
        let received = RepaymentReceived {
            external_id,
            repayment_id: transfer.repayment_id.unwrap_or(transfer.instruction_id),
            currency: transfer.currency,
            principal_minor_units: parts.principal,
            interest_minor_units: parts.interest,
            overpaid_minor_units: parts.overpaid,
            loan_version: grown(loan),
        };
        let closed = open && loan.status != LoanStatus::Active;
        let occasion = Occasion { external_id, instruction_id: transfer.instruction_id, currency: transfer.currency };
        self.accrue(external_id, transfer.currency, &accrued);
        self.changes.postings.push(Posting::repayment(occasion, parts));
        for dated in settled {
            self.changes.note(external_id, dated).settled_at = Some(now);
        }
        self.change(external_id, transfer.cause(), received)?;
        if closed { self.close(external_id, transfer.cause()) } else { Ok(()) }
    }
}
