//! The directory: the payer, hospitals, clinics, pharmacies, their people and places. They belong to no member.
//! Each of these resources is built from its table when a member's record refers to it.

use serde_json::{Value, json};

use crate::codes::*;
use crate::values::{UPDATED, coding, concept, named, reference, resource};

/// The trade of an organization.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trade {
    Payer,
    Hospital,
    Clinic,
    Pharmacy,
    Laboratory,
    Dentist,
    Ambulance,
}

/// A row of the table of organizations. `npi` has nine digits; the check digit is computed.
pub(crate) struct Organization {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) trade: Trade,
    npi: &'static str,
    tax: &'static str,
    street: &'static str,
    town: (&'static str, &'static str, &'static str),
    phone: &'static str,
}

macro_rules! organization {
    ($id:literal, $name:literal, $trade:ident, npi $npi:literal, tax $tax:literal, $street:literal, $city:literal $state:literal $zip:literal, $phone:literal) => {
        Organization {
            id: $id,
            name: $name,
            trade: Trade::$trade,
            npi: $npi,
            tax: $tax,
            street: $street,
            town: ($city, $state, $zip),
            phone: $phone,
        }
    };
}

pub(crate) const ORGANIZATIONS: &[Organization] = &[
    organization!("lakeshore-health-plan", "Lakeshore Health Plan", Payer, npi "199990001", tax "00-1234501", "1 Lakeshore Plaza", "Milwaukee" "WI" "53202", "414-555-0100"),
    organization!("harbor-view-hospital", "Harbor View Medical Center", Hospital, npi "199990002", tax "00-1234502", "200 Harbor Road", "Milwaukee" "WI" "53202", "414-555-0110"),
    organization!("maple-family-medicine", "Maple Street Family Medicine", Clinic, npi "199990003", tax "00-1234503", "45 Maple Avenue", "Milwaukee" "WI" "53202", "414-555-0120"),
    organization!("little-sprouts-pediatrics", "Little Sprouts Pediatrics", Clinic, npi "199990004", tax "00-1234504", "12 Garden Row", "Milwaukee" "WI" "53202", "414-555-0121"),
    organization!("willow-behavioral-health", "Willow Behavioral Health", Clinic, npi "199990005", tax "00-1234505", "88 Willow Way", "Milwaukee" "WI" "53202", "414-555-0122"),
    organization!("lakeside-womens-health", "Lakeside Women's Health", Clinic, npi "199990006", tax "00-1234506", "310 Lake Drive", "Milwaukee" "WI" "53202", "414-555-0123"),
    organization!("summit-orthopedics", "Summit Orthopedics and Heart", Clinic, npi "199990007", tax "00-1234507", "77 Prospect Street", "Madison" "WI" "53703", "608-555-0124"),
    organization!("northside-laboratory", "Northside Diagnostics Laboratory", Laboratory, npi "199990008", tax "00-1234508", "9 Mill Road", "Milwaukee" "WI" "53202", "414-555-0130"),
    organization!("riverside-pharmacy", "Riverside Pharmacy", Pharmacy, npi "199990009", tax "00-1234509", "150 River Road", "Milwaukee" "WI" "53202", "414-555-0140"),
    organization!("bright-smile-dental", "Bright Smile Dental", Dentist, npi "199990010", tax "00-1234510", "60 Park Place", "Milwaukee" "WI" "53202", "414-555-0150"),
    organization!("clearview-eye-care", "Clearview Eye Care", Clinic, npi "199990012", tax "00-1234512", "27 Prospect Street", "Milwaukee" "WI" "53202", "414-555-0170"),
    organization!("lakeshore-ambulance", "Lakeshore Ambulance Service", Ambulance, npi "199990011", tax "00-1234511", "5 Canal Street", "Milwaukee" "WI" "53202", "414-555-0160"),
];

/// A row of the table of practitioners.
pub(crate) struct Doctor {
    pub(crate) id: &'static str,
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    pub(crate) gender: &'static str,
    npi: &'static str,
    /// The employer: an organization's id.
    pub(crate) works_at: &'static str,
    pub(crate) specialty: Coding,
    pub(crate) role: Coding,
}

macro_rules! doctor {
    ($id:literal, $given:literal $family:literal, $gender:literal, npi $npi:literal, at $at:literal, $specialty:expr, $role:expr) => {
        Doctor {
            id: $id,
            given: $given,
            family: $family,
            gender: $gender,
            npi: $npi,
            works_at: $at,
            specialty: $specialty,
            role: $role,
        }
    };
}

pub(crate) const DOCTORS: &[Doctor] = &[
    doctor!("okafor", "Ngozi" "Okafor", "female", npi "188880001", at "maple-family-medicine", nucc("207Q00000X", "Family Medicine Physician"), sct("59058001", "General physician")),
    doctor!("castellano", "Marco" "Castellano", "male", npi "188880002", at "little-sprouts-pediatrics", nucc("208000000X", "Pediatrics Physician"), sct("82296001", "Pediatrician")),
    doctor!("vance", "Eleanor" "Vance", "female", npi "188880003", at "willow-behavioral-health", nucc("2084P0800X", "Psychiatry Physician"), sct("80584001", "Psychiatrist")),
    doctor!("haddad", "Salma" "Haddad", "female", npi "188880004", at "lakeside-womens-health", nucc("207V00000X", "Obstetrics & Gynecology Physician"), sct("11935004", "Obstetrician")),
    doctor!("lindqvist", "Anders" "Lindqvist", "male", npi "188880005", at "summit-orthopedics", nucc("207RC0000X", "Cardiovascular Disease Physician"), sct("17561000", "Cardiologist")),
    doctor!("marsh", "Dorothy" "Marsh", "female", npi "188880006", at "summit-orthopedics", nucc("207X00000X", "Orthopaedic Surgery Physician"), sct("22731001", "Orthopedic surgeon")),
    doctor!("iyer", "Vikram" "Iyer", "male", npi "188880007", at "harbor-view-hospital", nucc("207P00000X", "Emergency Medicine Physician"), sct("309294001", "Emergency department physician")),
    doctor!("shah", "Meera" "Shah", "female", npi "188880009", at "clearview-eye-care", nucc("152W00000X", "Optometrist"), sct("28229004", "Optometrist")),
    doctor!("brandt", "Julia" "Brandt", "female", npi "188880008", at "bright-smile-dental", nucc("122300000X", "Dentist"), sct("106289002", "Dentist")),
];

/// The organization with this id.
pub(crate) fn organization(id: &str) -> &'static Organization {
    ORGANIZATIONS.iter().find(|o| o.id == id).expect("an organization of the table")
}

/// The doctor with this id.
pub(crate) fn doctor(id: &str) -> &'static Doctor {
    DOCTORS.iter().find(|d| d.id == id).expect("a doctor of the table")
}

pub(crate) const PAYER: &str = "Organization/lakeshore-health-plan";

impl Organization {
    /// The reference to it: `Organization/<id>`.
    pub(crate) fn target(&self) -> String {
        format!("Organization/{}", self.id)
    }

    fn address(&self) -> Value {
        let (city, state, zip) = self.town;
        json!({
            "use": "work",
            "type": "both",
            "line": [self.street],
            "city": city,
            "state": state,
            "postalCode": zip,
            "country": "US",
        })
    }

    fn telecom(&self) -> Value {
        json!([
            {"system": "phone", "value": self.phone, "use": "work"},
            {"system": "email", "value": format!("contact@{}.example.org", self.id), "use": "work"},
        ])
    }
}

impl Doctor {
    /// The reference to them: `Practitioner/dr-<id>`.
    pub(crate) fn target(&self) -> String {
        format!("Practitioner/dr-{}", self.id)
    }

    /// A reference to their role at their employer, with their name.
    pub(crate) fn role(&self) -> Value {
        named(&format!("PractitionerRole/role-{}", self.id), &self.name())
    }

    /// A reference to them, with their name.
    pub(crate) fn reference(&self) -> Value {
        named(&self.target(), &self.name())
    }

    /// The name with its prefix: `Dr. Ngozi Okafor`.
    pub(crate) fn name(&self) -> String {
        format!("Dr. {} {}", self.given, self.family)
    }

    /// The organization they work for.
    pub(crate) fn employer(&self) -> &'static Organization {
        organization(self.works_at)
    }
}

/// Ten digits that pass the NPI's check (Luhn over the prefix 80840).
pub(crate) fn npi(nine: &str) -> String {
    let sum: u32 = format!("80840{nine}")
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{nine}{}", (10 - sum % 10) % 10)
}

/// The resource of the directory with this type and id.
pub(crate) fn find(kind: &str, id: &str) -> Option<Value> {
    match kind {
        "Organization" => ORGANIZATIONS.iter().find(|o| o.id == id).map(build_organization),
        "Practitioner" => DOCTORS.iter().find(|d| id == format!("dr-{}", d.id)).map(build_practitioner),
        "PractitionerRole" => DOCTORS.iter().find(|d| id == format!("role-{}", d.id)).map(build_role),
        "Location" => ORGANIZATIONS.iter().find(|o| id == format!("site-{}", o.id)).map(build_location),
        "Endpoint" => ORGANIZATIONS.iter().find(|o| id == format!("fhir-{}", o.id)).map(build_endpoint),
        _ => None,
    }
}

fn profiles(us: &str, c4: &str) -> Vec<String> {
    let mut all: Vec<String> = [us_core(us)].into_iter().chain(c4bb(c4)).collect();
    if us == "organization" {
        all.push(hrex("organization"));
    }
    all
}

fn build_organization(o: &Organization) -> Value {
    let mut identifiers = vec![
        json!({
            "type": {"coding": [coding(v2_identifier("NPI", "National provider identifier"))]},
            "system": NPI,
            "value": npi(o.npi),
        }),
        json!({"type": {"coding": [coding(v2_identifier("TAX", "Tax ID number"))]}, "system": TAX_ID, "value": o.tax}),
    ];
    let payer = o.trade == Trade::Payer;
    if payer {
        identifiers.push(json!({
            "type": {"coding": [coding(c4bb_identifier("payerid", "Payer ID"))]},
            "system": format!("{PLAN_IDS}/payer"),
            "value": "LKSHP",
        }));
        identifiers.push(json!({
            "type": {"coding": [coding(c4bb_identifier("naiccode", "NAIC Code"))]},
            "system": "urn:oid:2.16.840.1.113883.6.300",
            "value": "99999",
        }));
    }
    if o.trade == Trade::Hospital {
        let number = format!("99{}", &o.npi[5..]);
        identifiers.push(json!({
            "system": "http://terminology.hl7.org/NamingSystem/CMSCertificationNumber",
            "value": number,
        }));
    }
    let kind = if payer {
        organization_type("ins", "Insurance Company")
    } else {
        organization_type("prov", "Healthcare Provider")
    };
    let reachable = matches!(o.trade, Trade::Payer | Trade::Hospital);
    resource(
        "Organization",
        o.id,
        &profiles("organization", "Organization"),
        UPDATED,
        &[],
        json!({
            "identifier": identifiers,
            "active": true,
            "type": [concept(kind)],
            "name": o.name,
            "telecom": o.telecom(),
            "address": [o.address()],
            "endpoint": reachable.then(|| vec![reference(&format!("Endpoint/fhir-{}", o.id))]),
        }),
    )
}

fn build_practitioner(d: &Doctor) -> Value {
    let home = d.employer();
    resource(
        "Practitioner",
        &format!("dr-{}", d.id),
        &profiles("practitioner", "Practitioner"),
        UPDATED,
        &[],
        json!({
            "identifier": [
                {
                    "type": {"coding": [coding(v2_identifier("NPI", "National provider identifier"))]},
                    "system": NPI,
                    "value": npi(d.npi),
                },
                {
                    "type": {"coding": [coding(v2_identifier("TAX", "Tax ID number"))]},
                    "system": TAX_ID,
                    "value": format!("00-76543{}", &d.npi[7..]),
                },
            ],
            "active": true,
            "name": [{"use": "official", "text": d.name(), "family": d.family, "given": [d.given], "prefix": ["Dr."]}],
            "telecom": [
                {"system": "phone", "value": home.phone, "use": "work"},
                {"system": "email", "value": format!("{}@{}.example.org", d.id, home.id), "use": "work"},
            ],
            "address": [home.address()],
            "gender": d.gender,
            "qualification": [{"code": concept(d.specialty)}],
        }),
    )
}

fn build_role(d: &Doctor) -> Value {
    let home = d.employer();
    resource(
        "PractitionerRole",
        &format!("role-{}", d.id),
        &[us_core("practitionerrole"), hrex("practitionerrole")],
        UPDATED,
        &[],
        json!({
            "active": true,
            "practitioner": d.reference(),
            "organization": named(&home.target(), home.name),
            "code": [concept(d.role)],
            "specialty": [concept(d.specialty)],
            "location": [named(&format!("Location/site-{}", home.id), home.name)],
            "telecom": [{"system": "phone", "value": home.phone, "use": "work"}],
            "endpoint": [reference("Endpoint/fhir-harbor-view-hospital")],
        }),
    )
}

fn build_location(o: &Organization) -> Value {
    let kind = match o.trade {
        Trade::Hospital => role_code("HOSP", "Hospital"),
        Trade::Pharmacy => role_code("PHARM", "Pharmacy"),
        Trade::Ambulance => role_code("AMB", "Ambulance"),
        _ => role_code("OF", "Outpatient facility"),
    };
    resource(
        "Location",
        &format!("site-{}", o.id),
        &[us_core("location")],
        UPDATED,
        &[],
        json!({
            "identifier": [{"system": NPI, "value": npi(o.npi)}],
            "status": "active",
            "name": o.name,
            "type": [concept(kind)],
            "telecom": o.telecom(),
            "address": o.address(),
            "managingOrganization": named(&o.target(), o.name),
        }),
    )
}

fn build_endpoint(o: &Organization) -> Value {
    resource(
        "Endpoint",
        &format!("fhir-{}", o.id),
        &[],
        UPDATED,
        &[],
        json!({
            "status": "active",
            "connectionType": coding(connection("hl7-fhir-rest", "HL7 FHIR")),
            "name": format!("FHIR API of {}", o.name),
            "managingOrganization": named(&o.target(), o.name),
            "payloadType": [concept(payload("any", "Any"))],
            "payloadMimeType": ["application/fhir+json"],
            "address": format!("https://fhir.{}.example.org/r4", o.id),
        }),
    )
}
