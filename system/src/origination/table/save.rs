//! Writes applications: what is new, what has changed, and what the bureaus are asked or have answered, in one
//! statement, however many there are.

use std::io;

use jiff::Timestamp;
use uuid::Uuid;

use super::Tracked;
use crate::domain::status::Reason;
use crate::messaging::inbox::Dedup;
use crate::origination::application::{Application, ReportRequest, request_id};
use crate::store::{Statement, StoreError, Transaction, column};

const SAVE: &str = "
with inserted as (
    insert into loan_application (external_id, deduplication_key, customer_id, product, principal_currency,
        principal_minor_units, term_months, status, stage, reason, version, score, rate_basis_points,
        instalment_minor_units, due_at, correlation_id, causation_id, traceparent)
    select external_id, case when $1 then external_id end, customer_id, product, currency, minor_units, term_months,
        status, stage, reason, version, score, rate, instalment,
        timestamptz 'epoch' + due_at * interval '1 microsecond', correlation_id, causation_id, traceparent
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::text[], $9::text[],
        $10::text[], $11::bigint[], $12::int[], $13::int[], $14::bigint[], $15::bigint[], $16::uuid[], $17::uuid[],
        $18::text[])
        as t (external_id, customer_id, product, currency, minor_units, term_months, status, stage, reason, version,
            score, rate, instalment, due_at, correlation_id, causation_id, traceparent)
    on conflict (deduplication_key) do nothing
    returning 1
), updated as (
    update loan_application a
    set status = t.status, stage = t.stage, reason = t.reason, version = t.version, score = t.score,
        rate_basis_points = t.rate, instalment_minor_units = t.instalment,
        due_at = timestamptz 'epoch' + t.due_at * interval '1 microsecond', updated_at = now()
    from unnest($19::bigint[], $20::text[], $21::text[], $22::text[], $23::bigint[], $24::int[], $25::int[],
        $26::bigint[], $27::bigint[])
        as t (id, status, stage, reason, version, score, rate, instalment, due_at)
    where a.id = t.id
), asked as (
    insert into credit_report_request (external_id, bureau, request_id, customer_id, state, score)
    select * from unnest($28::uuid[], $29::text[], $30::uuid[], $31::text[], $32::text[], $33::int[])
    on conflict do nothing
), answered as (
    update credit_report_request r set state = t.state, score = t.score
    from unnest($34::uuid[], $35::text[], $36::text[], $37::int[]) as t (external_id, bureau, state, score)
    where r.external_id = t.external_id and r.bureau = t.bureau and r.state in ('PENDING', 'SENT')
)
select count(*) as inserted from inserted";

/// Writes what has changed. With [`Dedup::None`] an application that came again is stored again. Errors where another
/// instance stored one of the new applications in the meantime: the transaction must be given up and done again.
pub(in crate::origination) async fn save(
    transaction: &mut Transaction,
    dedup: Dedup,
    all: &[Tracked],
) -> Result<(), StoreError> {
    let new: Vec<&Tracked> = all.iter().filter(|one| one.stored.is_none()).collect();
    let columns = Columns::of(all);
    if new.is_empty() && columns.is_empty() {
        return Ok(());
    }
    let rows = transaction.rows(columns.statement(dedup, &new)).await?;
    let inserted: i64 = rows.first().map_or(Ok(0), |row| column(row, "inserted"))?;
    if usize::try_from(inserted) != Ok(new.len()) {
        let source = sqlx::Error::Io(io::Error::other("another instance stored one of them at the same moment"));
        return Err(StoreError::Database { doing: "store applications", source });
    }
    Ok(())
}

/// What the statement takes beside new applications.
#[derive(Default)]
struct Columns<'a> {
    changed: Vec<(i64, &'a Application)>,
    asked: Vec<(&'a Application, &'a ReportRequest)>,
    answered: Vec<(&'a Application, &'a ReportRequest)>,
}

impl<'a> Columns<'a> {
    fn of(all: &'a [Tracked]) -> Self {
        let mut columns = Self::default();
        for Tracked { stored, application, .. } in all {
            let before = stored.as_ref().map(|(_, before)| before);
            if let Some((id, before)) = stored
                && (before.version != application.version || before.due_at != application.due_at)
            {
                columns.changed.push((*id, application));
            }
            for request in &application.requests {
                let known = before.and_then(|before| before.requests.iter().find(|one| one.bureau == request.bureau));
                match known {
                    None => columns.asked.push((application, request)),
                    Some(known) if known != request => columns.answered.push((application, request)),
                    Some(_) => {}
                }
            }
        }
        columns
    }

    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.asked.is_empty() && self.answered.is_empty()
    }

    fn statement(&self, dedup: Dedup, new: &[&'a Tracked]) -> Statement<'static> {
        let statement = bind_new(sqlx::query(SAVE).bind(dedup == Dedup::Inbox), new);
        let changed: Vec<&Application> = self.changed.iter().map(|(_, application)| *application).collect();
        let ids: Vec<i64> = self.changed.iter().map(|(id, _)| *id).collect();
        let statement = bind_course(statement.bind(ids), &changed);
        let Self { asked, answered, .. } = self;
        let statement = statement
            .bind(asked.iter().map(|(of, _)| of.wanted.external_id).collect::<Vec<_>>())
            .bind(bureaus(asked))
            .bind(request_ids(asked))
            .bind(asked.iter().map(|(of, _)| of.wanted.customer_id.as_str().to_owned()).collect::<Vec<_>>())
            .bind(states(asked))
            .bind(scores(asked));
        statement
            .bind(answered.iter().map(|(of, _)| of.wanted.external_id).collect::<Vec<_>>())
            .bind(bureaus(answered))
            .bind(states(answered))
            .bind(scores(answered))
    }
}

type Asked<'a> = (&'a Application, &'a ReportRequest);

fn bureaus(requests: &[Asked<'_>]) -> Vec<String> {
    requests.iter().map(|(_, request)| request.bureau.clone()).collect()
}

fn request_ids(requests: &[Asked<'_>]) -> Vec<Uuid> {
    requests.iter().map(|(of, request)| request_id(of.wanted.external_id, &request.bureau)).collect()
}

fn states(requests: &[Asked<'_>]) -> Vec<&'static str> {
    requests.iter().map(|(_, request)| request.state.name()).collect()
}

fn scores(requests: &[Asked<'_>]) -> Vec<Option<i32>> {
    requests.iter().map(|(_, request)| request.score.map(i32::from)).collect()
}

/// Binds `$2` to `$18`: new applications.
fn bind_new(statement: Statement<'static>, new: &[&Tracked]) -> Statement<'static> {
    let applications: Vec<&Application> = new.iter().map(|one| &one.application).collect();
    let wanted = || applications.iter().map(|application| &application.wanted);
    let statement = statement
        .bind(wanted().map(|wanted| wanted.external_id).collect::<Vec<_>>())
        .bind(wanted().map(|wanted| wanted.customer_id.as_str().to_owned()).collect::<Vec<_>>())
        .bind(wanted().map(|wanted| wanted.product.name()).collect::<Vec<_>>())
        .bind(wanted().map(|wanted| wanted.principal.currency.code()).collect::<Vec<_>>())
        .bind(wanted().map(|wanted| wanted.principal.minor_units).collect::<Vec<_>>())
        .bind(wanted().map(|wanted| i32::from(wanted.term_months)).collect::<Vec<_>>());
    bind_course(statement, &applications)
        .bind(new.iter().map(|one| one.origin.correlation_id).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.origin.event_id).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.origin.traceparent.clone()).collect::<Vec<_>>())
}

/// Binds what a step can change: status, stage, reason, version, score, rate, instalment, due_at.
fn bind_course(statement: Statement<'static>, applications: &[&Application]) -> Statement<'static> {
    let each = || applications.iter();
    let price = || applications.iter().map(|one| one.price);
    statement
        .bind(each().map(|one| one.stage.status().name()).collect::<Vec<_>>())
        .bind(each().map(|one| one.stage.name()).collect::<Vec<_>>())
        .bind(each().map(|one| one.reason.map(Reason::name)).collect::<Vec<_>>())
        .bind(each().map(|one| one.version).collect::<Vec<_>>())
        .bind(each().map(|one| one.score.map(i32::from)).collect::<Vec<_>>())
        .bind(price().map(|price| price.and_then(|one| i32::try_from(one.rate_basis_points).ok())).collect::<Vec<_>>())
        .bind(price().map(|price| price.map(|one| one.instalment_minor_units)).collect::<Vec<_>>())
        .bind(each().map(|one| one.due_at.map(Timestamp::as_microsecond)).collect::<Vec<_>>())
}
