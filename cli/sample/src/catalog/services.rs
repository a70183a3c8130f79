//! The price list of services: procedure codes, prices and cost sharing.

use crate::codes::{Coding, cdt, cpt, hcpcs, place};

/// The member's share in the cost of a service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CostSharing {
    /// First the deductible, then a percentage.
    Deductible,
    /// The plan's copay of this kind.
    Copay(Copay),
    /// Nothing, for preventive care.
    Free,
}

/// The kinds of copay of a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copay {
    Primary,
    Specialist,
    Emergency,
    Drug(u8),
}

/// One service of the price list.
pub(crate) struct Service {
    pub(crate) key: &'static str,
    pub(crate) code: Coding,
    /// The charge and the allowed amount, in cents.
    pub(crate) price: (i64, i64),
    pub(crate) share: CostSharing,
}

macro_rules! service {
    ($key:literal, $code:expr, $charge:literal / $allowed:literal, $share:expr) => {
        Service { key: $key, code: $code, price: ($charge, $allowed), share: $share }
    };
}

use Copay::{Emergency, Primary, Specialist};
use CostSharing::{Copay as C, Deductible, Free};

pub(crate) const SERVICES: &[Service] = &[
    service!("office", cpt("99213", "OFFICE O/P EST LOW 20 MIN"), 18500 / 9260, C(Primary)),
    service!("office-long", cpt("99214", "OFFICE O/P EST MOD 30 MIN"), 26400 / 13110, C(Primary)),
    service!("specialist", cpt("99204", "OFFICE O/P NEW MOD 45 MIN"), 39000 / 17020, C(Specialist)),
    service!("physical-adult", cpt("99396", "PREV VISIT EST AGE 40-64"), 27500 / 14380, Free),
    service!("physical-young", cpt("99395", "PREV VISIT EST AGE 18-39"), 25500 / 13250, Free),
    service!("physical-child", cpt("99393", "PREV VISIT EST AGE 5-11"), 22500 / 11740, Free),
    service!("wellness", hcpcs("G0439", "Ppps, subseq visit"), 23800 / 13420, Free),
    service!("psychotherapy", cpt("90834", "PSYTX W PT 45 MINUTES"), 19500 / 10650, C(Primary)),
    service!("emergency", cpt("99284", "EMERGENCY DEPT VISIT MOD MDM"), 98000 / 36400, C(Emergency)),
    service!("hospital-day", cpt("99232", "SBSQ HOSP IP/OBS MODERATE 35"), 21500 / 8140, Deductible),
    service!("venipuncture", cpt("36415", "ROUTINE VENIPUNCTURE"), 2500 / 857, Free),
    service!("ecg", cpt("93000", "ELECTROCARDIOGRAM COMPLETE"), 9500 / 1740, Deductible),
    service!("chest-xray", cpt("71046", "X-RAY EXAM CHEST 2 VIEWS"), 21000 / 3480, Deductible),
    service!("echo", cpt("93306", "TTE W/DOPPLER COMPLETE"), 148_000 / 21350, Deductible),
    service!("knee-mri", cpt("73721", "MRI JNT OF LWR EXTRE W/O DYE"), 185_000 / 24120, Deductible),
    service!("back-mri", cpt("72148", "MRI LUMBAR SPINE W/O DYE"), 192_000 / 22840, Deductible),
    service!("colonoscopy", cpt("45378", "DIAGNOSTIC COLONOSCOPY"), 214_000 / 38800, Free),
    service!("mammogram", cpt("77067", "SCR MAMMO BI INCL CAD"), 38500 / 13460, Free),
    service!("knee-replacement", cpt("27447", "TOTAL KNEE ARTHROPLASTY"), 520_000 / 131_500, Deductible),
    service!("physical-therapy", cpt("97110", "THERAPEUTIC EXERCISES"), 9800 / 3140, C(Specialist)),
    service!("vaccination", cpt("90471", "IMMUNIZATION ADMIN"), 4200 / 2110, Free),
    service!("flu-vaccine", cpt("90686", "IIV4 VACC NO PRSV 0.5 ML IM"), 3900 / 2215, Free),
    service!("eye-exam", cpt("92014", "COMPRE OPH EXAM EST PT 1/>"), 24500 / 12570, C(Specialist)),
    service!("frames", hcpcs("V2020", "Vision svcs frames purchases"), 21000 / 13000, Deductible),
    service!("ambulance", hcpcs("A0429", "Bls-emergency"), 128_000 / 46800, Deductible),
    service!("mileage", hcpcs("A0425", "Ground mileage"), 14400 / 7290, Deductible),
    service!("cpap", hcpcs("E0601", "Cont airway pressure device"), 118_000 / 72500, Deductible),
    service!("dental-exam", cdt("D0120", "periodic oral evaluation - established patient"), 6800 / 4700, Free),
    service!("dental-cleaning", cdt("D1110", "prophylaxis - adult"), 11500 / 8200, Free),
    service!(
        "dental-filling",
        cdt("D2392", "resin-based composite - two surfaces, posterior"),
        28500 / 19600,
        Deductible
    ),
    service!(
        "dental-braces",
        cdt("D8020", "limited orthodontic treatment of the transitional dentition"),
        240_000 / 186_000,
        Deductible
    ),
    service!(
        "dental-bridge",
        cdt("D6240", "pontic - porcelain fused to high noble metal"),
        132_000 / 94000,
        Deductible
    ),
];

/// The service with this key.
pub(crate) fn service(key: &str) -> &'static Service {
    SERVICES.iter().find(|s| s.key == key).expect("a service of the table")
}

pub(crate) const OFFICE: Coding = place("11", "Office");
pub(crate) const AMBULANCE: Coding = place("41", "Ambulance - Land");
pub(crate) const LABORATORY: Coding = place("81", "Independent Laboratory");
pub(crate) const HOSPITAL: Coding = place("21", "Inpatient Hospital");
pub(crate) const HOME: Coding = place("12", "Home");
