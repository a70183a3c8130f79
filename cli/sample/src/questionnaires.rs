//! Questionnaires: the forms themselves. Members' answers are in [`crate::surveys`].

use serde_json::{Value, json};

use crate::codes::*;
use crate::values::{UPDATED, coding, resource};

/// The canonical URL of the Hunger Vital Sign.
pub(crate) const HUNGER_URL: &str = "https://lakeshore.example.org/fhir/Questionnaire/hunger-vital-sign";

/// The two questions of the Hunger Vital Sign: link id and LOINC code.
pub(crate) const HUNGER: [(&str, Coding); 2] = [
    (
        "/88122-7",
        loinc("88122-7", "(I/We) worried whether (my/our) food would run out before (I/we) got money to buy more"),
    ),
    (
        "/88123-5",
        loinc("88123-5", "The food that (I/we) bought just didn't last, and (I/we) didn't have money to get more"),
    ),
];
pub(crate) const ANSWERS: [Coding; 3] =
    [loinc("LA28397-0", "Often true"), loinc("LA6729-3", "Sometimes true"), loinc("LA28398-8", "Never true")];
pub(crate) const HUNGER_RISK: (&str, Coding) = ("/88124-3", loinc("88124-3", "Food insecurity risk [HVS]"));
pub(crate) const RISKS: [Coding; 2] = [loinc("LA19952-3", "At risk"), loinc("LA19983-8", "No risk")];

/// The Questionnaire with this id.
pub(crate) fn find(id: &str) -> Option<Value> {
    (id == "hunger-vital-sign").then(hunger_vital_sign)
}

fn hunger_vital_sign() -> Value {
    let question = |link: &str, code: Coding, options: &[Coding]| {
        let options: Vec<Value> = options.iter().map(|c| json!({"valueCoding": coding(*c)})).collect();
        json!({"linkId": link, "code": [coding(code)], "text": code.display, "type": "choice", "answerOption": options})
    };
    let mut items: Vec<Value> = HUNGER.iter().map(|(link, code)| question(link, *code, &ANSWERS)).collect();
    items.push(question(HUNGER_RISK.0, HUNGER_RISK.1, &RISKS));
    resource(
        "Questionnaire",
        "hunger-vital-sign",
        &[],
        UPDATED,
        &[],
        json!({
            "url": HUNGER_URL,
            "name": "HungerVitalSign",
            "title": "Hunger Vital Sign",
            "status": "active",
            "subjectType": ["Patient"],
            "code": [coding(loinc("88121-9", "Hunger Vital Sign [HVS]"))],
            "item": [{"linkId": "/88121-9", "text": "Hunger Vital Sign", "type": "group", "item": items}],
        }),
    )
}
