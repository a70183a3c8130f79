//! The lines of a claim.

use time::Date;

use crate::catalog::services::{CostSharing, Service};
use crate::codes::Coding;

/// One line of a claim.
pub(crate) struct Line {
    pub(crate) code: Coding,
    pub(crate) date: Date,
    pub(crate) charge: i64,
    pub(crate) allowed: i64,
    pub(crate) share: CostSharing,
    pub(crate) units: u32,
    pub(crate) revenue: Option<Coding>,
    pub(crate) place: Coding,
    pub(crate) modifiers: Vec<Coding>,
    /// The reason why the plan pays nothing for this line.
    pub(crate) denied: Option<Coding>,
    /// The tooth and its surfaces, on a dental claim.
    pub(crate) tooth: Option<(Coding, Vec<Coding>)>,
}

impl Line {
    /// A line for a service of the price list, provided at `place`.
    pub(crate) fn service(service: &Service, date: Date, place: Coding) -> Self {
        let (charge, allowed) = service.price;
        Line::priced(service.code, date, charge, allowed, service.share, place)
    }

    /// A line with a price that is not in the price list.
    pub(crate) fn priced(
        code: Coding,
        date: Date,
        charge: i64,
        allowed: i64,
        share: CostSharing,
        place: Coding,
    ) -> Self {
        Line {
            code,
            date,
            charge,
            allowed,
            share,
            units: 1,
            revenue: None,
            place,
            modifiers: Vec::new(),
            denied: None,
            tooth: None,
        }
    }

    /// The same line, with this revenue code.
    pub(crate) fn revenue(mut self, code: Coding) -> Self {
        self.revenue = Some(code);
        self
    }

    /// The same line for this many units. This multiplies the charge and the allowed amount.
    pub(crate) fn times(mut self, units: u32) -> Self {
        self.units = units;
        self.charge *= i64::from(units);
        self.allowed *= i64::from(units);
        self
    }

    /// The same line, denied for this reason.
    pub(crate) fn refused(mut self, reason: Coding) -> Self {
        self.denied = Some(reason);
        self
    }
}
