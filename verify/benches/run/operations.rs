//! What the clients did, block by block: orders, a repeat, and the requests of two others who ask for quotes.

use super::{OPERATION, SEED, TOOK_NS, batches, due, ids, instants, with};
use arrow_array::RecordBatch;
use proofload_history::table::{Row, Source};
use proofload_history::{At, HistoryError, Id, Operation, Outcome};

/// Operations of a block.
pub(super) const BLOCK: u64 = 32;
/// The first operations of a block, each an order of its own.
pub(super) const ORDERS: u64 = 28;
/// Then comes a repeat of the first order of the block before as many: 10 ms later, when that has been answered.
const REPEATED_AFTER: u64 = 16;
const REPEAT: u64 = ORDERS;
/// Two of a client who asks for more than the limit, of which the second is rejected. The last is of one who does not.
const GREEDY: u64 = REPEAT + 1;
const REJECTED: u64 = GREEDY + 1;
/// In one block of so many nobody knows what became of one order. Full batches repeat themselves.
const CUT_OFF_EVERY: u64 = 128;
const CUT_OFF: u64 = 5;
/// Another operation, behind a limit of its own.
const QUOTE: &str = "quote";
/// The streams of ids.
pub(super) const OF_ORDERS: u16 = 1;
const OF_GREEDY: u16 = 2;
const OF_MODEST: u16 = 3;

/// The intent of order `n`.
pub(super) fn order(n: u64) -> Id {
    Id::issued(SEED, OF_ORDERS, n)
}

/// Makes the operations of so many blocks.
#[derive(Debug)]
pub(super) struct Operations(pub(super) u64);

/// Whether operation `n` is the repeat of its block; the first blocks have nothing to repeat.
fn repeats(n: u64) -> bool {
    n % BLOCK == REPEAT && n / BLOCK >= REPEATED_AFTER
}

impl Operations {
    pub(super) fn rows(&self) -> u64 {
        self.0 * BLOCK
    }

    /// Orders, each once.
    pub(super) fn orders(&self) -> u64 {
        self.0 * ORDERS
    }

    /// Each traffic: its stream, its name, its operation, and how many ids it was issued.
    pub(super) fn traffics(&self) -> [(u16, &'static str, &'static str, u64); 3] {
        [
            (OF_ORDERS, "orders", OPERATION, self.orders()),
            (OF_GREEDY, "greedy", QUOTE, self.0 * 2),
            (OF_MODEST, "modest", QUOTE, self.0 + REPEATED_AFTER.min(self.0)),
        ]
    }

    fn intent(&self, n: u64) -> Id {
        let (block, place) = (n / BLOCK, n % BLOCK);
        match place {
            0..ORDERS => order(block * ORDERS + place),
            REPEAT if repeats(n) => order((block - REPEATED_AFTER) * ORDERS),
            GREEDY | REJECTED => Id::issued(SEED, OF_GREEDY, block * 2 + (place - GREEDY)),
            REPEAT => Id::issued(SEED, OF_MODEST, self.0 + block),
            _ => Id::issued(SEED, OF_MODEST, block),
        }
    }

    fn operation(&self, n: u64) -> Operation {
        let (block, place) = (n / BLOCK, n % BLOCK);
        let of_order = place < ORDERS || repeats(n);
        let one = Operation {
            intent: self.intent(n),
            attempt: u32::from(repeats(n)),
            name: if of_order { OPERATION } else { QUOTE }.into(),
            intended: At(due(n)),
            sent: Some(At(due(n))),
            done: At(due(n) + TOOK_NS),
            outcome: Outcome::Ok,
            status: Some(202),
            error: None,
            answer: Some(7),
        };
        match place {
            CUT_OFF if block % CUT_OFF_EVERY == CUT_OFF_EVERY - 1 => Operation {
                outcome: Outcome::Indeterminate,
                status: None,
                error: Some("connection reset".into()),
                answer: None,
                ..one
            },
            REJECTED => Operation { outcome: Outcome::Fail, status: Some(429), ..one },
            _ => one,
        }
    }
}

impl Source for Operations {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        // But for ids and instants all batches are alike, once there is something to repeat.
        let template = |from: u64| {
            let rows: Vec<Operation> = (from..from + super::BATCH).map(|n| self.operation(n)).collect();
            Operation::encode(&rows).expect("it is encoded")
        };
        let (first, later) = (template(0), template(super::BATCH));
        batches(0..self.rows(), |numbers| {
            let template = if numbers[0] == 0 { &first } else { &later };
            let columns = vec![
                (0, ids(numbers, |n| self.intent(n))),
                (3, instants(numbers, due)),
                (4, instants(numbers, due)),
                (5, instants(numbers, |n| due(n) + TOOK_NS)),
            ];
            take(&with(template, numbers.len(), columns))
        })
    }
}
