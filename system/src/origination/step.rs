//! What an application does when something happens: a pure function of the state, what happens, and what is known.
//!
//! An application passes several stages in one step where nothing has to be waited for. Each stage makes a version of
//! its own, and each event says of which version it is.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use uuid::Uuid;

use super::application::{Application, Price, ReportRequest, RequestState, after, request_id};
use super::policy::{Policy, Verdict, allows, median, rate};
use crate::domain::annuity::instalment;
use crate::domain::customer::Kyc;
use crate::domain::stage::Stage;
use crate::domain::status::{Decision, Reason};
use crate::messaging::contract::origination::{
    CommandRefused, EvaluationStarted, LoanApplicationDecided, LoanApplicationWithdrawn, ManualDecisionMade,
    OfferAcceptanceRequested, OfferAccepted, OfferIssued, OfferRefused, ReferredToManualDecision, WithdrawalRequested,
};
use crate::messaging::event::EventData;

/// How long a customer who is not there is looked for again, at first; later as long as it was waited already.
const LOOK_MIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What can happen to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The client does not want it any more.
    Withdrawal,
    /// A bureau has answered.
    Report { request_id: Uuid, score: Option<u16> },
    /// A person has decided.
    Decision(Decision),
    /// The client takes the offer.
    Acceptance,
    /// The client does not take the offer.
    Refusal,
    /// The instant has come that it had set itself.
    Due,
    /// Something about the customer has changed.
    CustomerChanged,
}

impl Input {
    /// The command's event type, for what somebody asked for and expects to happen.
    pub(super) fn command(self) -> Option<&'static str> {
        match self {
            Self::Withdrawal => Some(WithdrawalRequested::TYPE),
            Self::Decision(_) => Some(ManualDecisionMade::TYPE),
            Self::Acceptance => Some(OfferAcceptanceRequested::TYPE),
            Self::Refusal => Some(OfferRefused::TYPE),
            Self::Report { .. } | Self::Due | Self::CustomerChanged => None,
        }
    }
}

/// What origination knows of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownCustomer {
    pub(super) kyc: Kyc,
    /// Whether bureaus may be asked.
    pub(super) credit_check: bool,
}

/// What a step goes by beside the application itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) now: Timestamp,
    pub(super) policy: &'a Policy,
    /// The customer, if origination knows him.
    pub(super) customer: Option<KnownCustomer>,
}

/// What others are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    EvaluationStarted(EvaluationStarted),
    Referred(ReferredToManualDecision),
    Decided(LoanApplicationDecided),
    OfferIssued(OfferIssued),
    OfferAccepted(OfferAccepted),
    Withdrawn(LoanApplicationWithdrawn),
    Refused(CommandRefused),
}

/// Begins the evaluation of an application that has just come in; returns what happened.
pub(super) fn begin(application: &mut Application, context: Context<'_>) -> Vec<Happened> {
    let mut course = Course { application, context, happened: Vec::new() };
    match allows(&course.application.wanted) {
        true => {
            course.enter(Stage::Enrichment, Some(context.now));
            course.enrich();
        }
        false => course.reject(Reason::OutOfPolicy),
    }
    course.happened
}

/// Lets `input` happen to an application; returns what happened in turn. What does not fit the stage changes nothing:
/// a command is refused, anything else has come too late.
pub(super) fn step(application: &mut Application, input: Input, context: Context<'_>) -> Vec<Happened> {
    let mut course = Course { application, context, happened: Vec::new() };
    course.take(input);
    course.happened
}

struct Course<'a> {
    application: &'a mut Application,
    context: Context<'a>,
    happened: Vec<Happened>,
}

impl Course<'_> {
    fn take(&mut self, input: Input) {
        match (self.application.stage, input) {
            (Stage::Underwriting, Input::Report { request_id, score }) => self.answer(request_id, score),
            (Stage::Enrichment, Input::CustomerChanged) => self.enrich(),
            (Stage::ManualDecision, Input::Decision(Decision::Approved)) => self.approve(),
            (Stage::ManualDecision, Input::Decision(Decision::Rejected)) => self.reject(Reason::RejectedByHand),
            (Stage::OfferPending, Input::Acceptance) => self.accept(),
            (Stage::OfferPending, Input::Refusal) => self.withdraw(Stage::OfferRefused, Reason::OfferRefused),
            (stage, Input::Withdrawal) if !stage.is_end() => {
                self.withdraw(Stage::Withdrawn, Reason::WithdrawnByClient);
            }
            (stage, Input::Due) => {
                if self.application.due_at.is_some_and(|due_at| due_at <= self.context.now) {
                    self.due(stage);
                }
            }
            (stage, late) => self.refuse(stage, late),
        }
    }

    fn due(&mut self, stage: Stage) {
        match stage {
            Stage::Enrichment => self.enrich(),
            Stage::Underwriting => self.assess(),
            Stage::ManualDecision => self.reject(Reason::NotDecidedInTime),
            Stage::OfferPending => self.withdraw(Stage::OfferExpired, Reason::OfferExpired),
            // Nothing rests in the other stages, and nothing is due at the ends.
            _ => {}
        }
    }

    fn refuse(&mut self, stage: Stage, input: Input) {
        let Some(command) = input.command() else { return };
        self.happened.push(Happened::Refused(CommandRefused {
            external_id: self.application.wanted.external_id,
            command: command.to_owned(),
            state: stage.name().to_owned(),
        }));
    }

    /// Judges what is known of the customer. Who is not known, not identified or does not agree yet is waited for: what he
    /// did before he applied may be on its way here, by another log than the application.
    fn enrich(&mut self) {
        match self.context.customer {
            Some(KnownCustomer { kyc: Kyc::Rejected, .. }) => self.reject(Reason::KycRejected),
            Some(KnownCustomer { kyc: Kyc::Verified, credit_check: true }) => self.underwrite(),
            Some(KnownCustomer { kyc: Kyc::Verified, credit_check: false }) => {
                self.wait_for_customer(Reason::NoConsent);
            }
            Some(KnownCustomer { kyc: Kyc::Pending, .. }) => self.wait_for_customer(Reason::KycRejected),
            None => self.wait_for_customer(Reason::CustomerUnknown),
        }
    }

    fn wait_for_customer(&mut self, in_vain: Reason) {
        let (now, created_at) = (self.context.now, self.application.created_at);
        let deadline = after(created_at, self.context.policy.customer_wait);
        if now >= deadline {
            return self.reject(in_vain);
        }
        // He may have come while this application was on its way into the table, where nobody could tell it.
        let waited = now.duration_since(created_at).unsigned_abs();
        self.application.due_at = Some(after(now, waited.max(LOOK_MIN)).min(deadline));
    }

    /// Asks every bureau.
    fn underwrite(&mut self) {
        let deadline = after(self.context.now, self.context.policy.reports_deadline);
        self.enter(Stage::Underwriting, Some(deadline));
        let bureaus = &self.context.policy.bureaus;
        self.application.requests = bureaus.iter().map(|bureau| ReportRequest::new(bureau)).collect();
        self.happened.push(Happened::EvaluationStarted(EvaluationStarted {
            external_id: self.application.wanted.external_id,
            customer_id: self.application.wanted.customer_id.clone(),
            bureaus: bureaus.clone(),
            deadline,
            application_version: self.application.version,
        }));
    }

    /// Notes a bureau's answer; the last one leads on.
    fn answer(&mut self, answered: Uuid, score: Option<u16>) {
        let external_id = self.application.wanted.external_id;
        let requests = &mut self.application.requests;
        let asked = requests.iter_mut().find(|request| request_id(external_id, &request.bureau) == answered);
        let Some(request) = asked.filter(|request| request.state.is_open()) else { return };
        request.state = RequestState::Answered;
        request.score = score;
        if !requests.iter().any(|request| request.state.is_open()) {
            self.assess();
        }
    }

    /// Judges what the bureaus answered. Too little to judge by is for a person, who knows other ways to find out.
    fn assess(&mut self) {
        self.enter(Stage::Assessment, Some(self.context.now));
        let scores: Vec<u16> = self.application.requests.iter().filter_map(|request| request.score).collect();
        self.application.score = match scores.len() >= self.context.policy.reports_needed {
            true => median(scores),
            false => None,
        };
        match self.application.score.map(|score| self.context.policy.verdict(score)) {
            Some(Verdict::Approve) => self.approve(),
            Some(Verdict::Reject) => self.reject(Reason::ScoreTooLow),
            Some(Verdict::Refer) | None => self.refer(),
        }
    }

    fn refer(&mut self) {
        self.enter(Stage::ManualDecision, Some(after(self.context.now, self.context.policy.manual_deadline)));
        self.happened.push(Happened::Referred(ReferredToManualDecision {
            external_id: self.application.wanted.external_id,
            score: self.application.score,
            application_version: self.application.version,
        }));
    }

    /// Approves, works out what the loan costs, and offers it.
    fn approve(&mut self) {
        self.enter(Stage::OfferIssue, Some(self.context.now));
        self.decided(Decision::Approved);
        let wanted = &self.application.wanted;
        let rate_basis_points = rate(self.application.score);
        let instalment_minor_units = instalment(wanted.principal.minor_units, rate_basis_points, wanted.term_months);
        self.application.price = Some(Price { rate_basis_points, instalment_minor_units });
        let expires_at = after(self.context.now, self.context.policy.offer_expiry);
        self.enter(Stage::OfferPending, Some(expires_at));
        let Some(terms) = self.application.terms() else { return };
        self.happened.push(Happened::OfferIssued(OfferIssued {
            external_id: self.application.wanted.external_id,
            customer_id: self.application.wanted.customer_id.clone(),
            terms,
            expires_at,
            application_version: self.application.version,
        }));
    }

    fn reject(&mut self, reason: Reason) {
        self.enter(Stage::Rejected, None);
        self.application.reason = Some(reason);
        self.decided(Decision::Rejected);
    }

    fn decided(&mut self, status: Decision) {
        self.happened.push(Happened::Decided(LoanApplicationDecided {
            external_id: self.application.wanted.external_id,
            customer_id: self.application.wanted.customer_id.clone(),
            status,
            reason: self.application.reason,
            score: self.application.score,
            application_version: self.application.version,
        }));
    }

    fn accept(&mut self) {
        self.enter(Stage::OfferAccepted, None);
        let Some(terms) = self.application.terms() else { return };
        self.happened.push(Happened::OfferAccepted(OfferAccepted {
            external_id: self.application.wanted.external_id,
            customer_id: self.application.wanted.customer_id.clone(),
            terms,
            application_version: self.application.version,
        }));
    }

    fn withdraw(&mut self, end: Stage, reason: Reason) {
        self.enter(end, None);
        self.application.reason = Some(reason);
        self.happened.push(Happened::Withdrawn(LoanApplicationWithdrawn {
            external_id: self.application.wanted.external_id,
            reason,
            application_version: self.application.version,
        }));
    }

    /// Goes to a stage. What bureaus have not answered when theirs is over is not waited for any more.
    fn enter(&mut self, stage: Stage, due_at: Option<Timestamp>) {
        if self.application.stage == Stage::Underwriting {
            for request in self.application.requests.iter_mut().filter(|request| request.state.is_open()) {
                request.state = RequestState::GivenUp;
            }
        }
        self.application.stage = stage;
        self.application.version += 1;
        self.application.due_at = due_at;
    }
}
