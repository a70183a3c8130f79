//! Health plans and their cost sharing. Amounts are in cents.

use super::services::Copay;
use crate::codes::{Coding, sopt};

/// A plan with its benefits.
pub(crate) struct Plan {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) group: (&'static str, &'static str),
    pub(crate) kind: Coding,
    pub(crate) network: &'static str,
    pub(crate) deductible: i64,
    /// The member's share after the deductible, in percent.
    pub(crate) coinsurance: i64,
    /// The copays for primary care, a specialist, the emergency room.
    pub(crate) copays: [i64; 3],
    /// The copays for generic, brand and specialty drugs.
    pub(crate) drug_copays: [i64; 3],
    /// The most that a member pays in a year.
    pub(crate) limit: i64,
    /// The first letters of the member numbers.
    pub(crate) prefix: &'static str,
}

impl Plan {
    /// The copay of this kind.
    pub(crate) fn copay(&self, kind: Copay) -> i64 {
        match kind {
            Copay::Primary => self.copays[0],
            Copay::Specialist => self.copays[1],
            Copay::Emergency => self.copays[2],
            Copay::Drug(tier) => self.drug_copays[usize::from(tier) - 1],
        }
    }
}

pub(crate) const SILVER: Plan = Plan {
    id: "LKS-SILVER-26",
    name: "Lakeshore Silver PPO",
    group: ("GRP-4410", "Lakeside School District"),
    kind: sopt("512", "Commercial Managed Care - PPO"),
    network: "Lakeshore Choice Network",
    deductible: 150_000,
    coinsurance: 20,
    copays: [3000, 5000, 25_000],
    drug_copays: [1000, 4500, 15_000],
    limit: 700_000,
    prefix: "LKS",
};

pub(crate) const ADVANTAGE: Plan = Plan {
    id: "LKM-ADV-26",
    name: "Lakeshore Medicare Advantage HMO",
    group: ("H9999-001", "Lakeshore Medicare Advantage"),
    kind: sopt("111", "Medicare HMO"),
    network: "Lakeshore Senior Network",
    deductible: 24_000,
    coinsurance: 20,
    copays: [0, 3500, 9000],
    drug_copays: [300, 4200, 9500],
    limit: 450_000,
    prefix: "LKM",
};

pub(crate) const COMMUNITY: Plan = Plan {
    id: "LKC-MCD-26",
    name: "Lakeshore Community Health (Medicaid)",
    group: ("MCD-0007", "State Medicaid Managed Care"),
    kind: sopt("211", "Medicaid HMO"),
    network: "Lakeshore Community Network",
    deductible: 0,
    coinsurance: 0,
    copays: [0, 0, 800],
    drug_copays: [100, 300, 300],
    limit: 30_000,
    prefix: "LKC",
};

pub(crate) const DENTAL: Plan = Plan {
    id: "LKD-DENT-26",
    name: "Lakeshore Dental Preferred",
    group: ("GRP-4410", "Lakeside School District"),
    kind: sopt("521", "Commercial Indemnity"),
    network: "Lakeshore Dental Network",
    deductible: 5000,
    coinsurance: 30,
    copays: [0, 0, 0],
    drug_copays: [0, 0, 0],
    limit: 250_000,
    prefix: "LKD",
};
