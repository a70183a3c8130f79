//! Members' answers to questionnaires, and the conclusions drawn from them.

use serde_json::{Value, json};
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::observations::screening;
use crate::questionnaires::{ANSWERS, HUNGER, HUNGER_RISK, HUNGER_URL, RISKS};
use crate::values::{at, coding, concept, day, named};

/// Writes the Hunger Vital Sign: a `QuestionnaireResponse`, and its answers and conclusion as Observations. `worry` is
/// 0 for often, 1 for sometimes, 2 for never.
pub(crate) fn hunger(chart: &mut Chart, worry: usize, on: Date) -> String {
    let answer = ANSWERS[worry];
    let risk = RISKS[usize::from(worry == 2)];
    let item = |link: &str, code: Coding, answer: Coding| {
        json!({
            "linkId": link,
            "text": code.display,
            "answer": [{"valueCoding": coding(answer)}],
        })
    };
    let mut items: Vec<Value> = HUNGER.iter().map(|(link, code)| item(link, *code, answer)).collect();
    items.push(item(HUNGER_RISK.0, HUNGER_RISK.1, risk));
    let patient = named(&chart.patient(), &chart.person.name());
    let form = chart.put("QuestionnaireResponse", "form", on, &[us_core("questionnaireresponse")], json!({
        "identifier": {"system": format!("{PLAN_IDS}/form"), "value": format!("{}-{}", chart.person.number, day(on))},
        "questionnaire": HUNGER_URL,
        "_questionnaire": {
            "extension": [{
                "url": "http://hl7.org/fhir/StructureDefinition/display",
                "valueString": "Hunger Vital Sign",
            }],
        },
        "status": "completed",
        "subject": patient,
        "authored": at(on, 9, 5),
        "author": patient,
        "source": patient,
        "item": [{"linkId": "/88121-9", "text": "Hunger Vital Sign", "item": items}],
    }));
    let sdoh = us_category("sdoh", "SDOH");
    let coded = |c: Coding| json!({"valueCodeableConcept": concept(c)});
    let answers: Vec<String> =
        HUNGER.iter().map(|(_, code)| screening(chart, sdoh, *code, coded(answer), on, &[], Some(&form))).collect();
    let conclusion = screening(chart, sdoh, HUNGER_RISK.1, coded(risk), on, &[], Some(&form));
    let members: Vec<String> = answers.into_iter().chain([conclusion]).collect();
    screening(chart, sdoh, loinc("88121-9", "Hunger Vital Sign [HVS]"), json!({}), on, &members, Some(&form))
}

const INTEREST: Coding = loinc("44250-9", "Little interest or pleasure in doing things in last 2 weeks");
const MOOD: Coding = loinc("44255-8", "Feeling down, depressed, or hopeless in last 2 weeks");
const HOW_OFTEN: [Coding; 4] = [
    loinc("LA6568-5", "Not at all"),
    loinc("LA6569-3", "Several days"),
    loinc("LA6570-1", "More than half the days"),
    loinc("LA6571-9", "Nearly every day"),
];

/// Writes two answers of a PHQ-9 and its total score.
pub(crate) fn depression(chart: &mut Chart, often: usize, score: i64, on: Date) -> String {
    let about = us_category("cognitive-status", "Cognitive Status");
    let answers: Vec<String> = [INTEREST, MOOD]
        .into_iter()
        .map(|q| screening(chart, about, q, json!({"valueCodeableConcept": concept(HOW_OFTEN[often])}), on, &[], None))
        .collect();
    let total = loinc("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]");
    let value = json!({"valueQuantity": {"value": score, "unit": "{score}", "system": UCUM, "code": "{score}"}});
    screening(chart, about, total, value, on, &answers, None)
}

const DIFFICULTY: Coding = loinc(
    "69722-7",
    "How difficult have these problems made it for you to do your work, take care of things at home, or get along with other people?",
);

/// Writes two answers of a PHQ-9 that was filled in on paper. LOINC publishes this form as a web page. It asks members
/// who report problems how difficult these make their life.
pub(crate) fn on_paper(chart: &mut Chart, often: usize, on: Date) -> String {
    let difficulty = json!({
        "linkId": "/69722-7",
        "text": DIFFICULTY.display,
        "answer": [{"valueCoding": coding(loinc("LA6573-5", "Somewhat difficult"))}],
    });
    let item = |link: &str, question: Coding, then: Value| {
        let answer = json!({"valueCoding": coding(HOW_OFTEN[often]), "item": then});
        json!({"linkId": link, "text": question.display, "answer": [answer]})
    };
    let patient = named(&chart.patient(), &chart.person.name());
    let body = json!({
        "identifier": {"system": format!("{PLAN_IDS}/form"), "value": format!("{}-{}", chart.person.number, day(on))},
        "questionnaire": "http://loinc.org/q/44249-1",
        "_questionnaire": {"extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/display", "valueString": "PHQ-9"},
            {"url": us_core("extension-questionnaire-uri"), "valueUri": "https://loinc.org/44249-1"},
        ]},
        "status": "completed",
        "subject": patient,
        "authored": at(on, 9, 5),
        "author": patient,
        "source": patient,
        "item": [item("/44250-9", INTEREST, json!([])), item("/44255-8", MOOD, json!([difficulty]))],
    });
    chart.put("QuestionnaireResponse", "form", on, &[us_core("questionnaireresponse")], body)
}

/// Writes a question that the member declined to answer.
pub(crate) fn declined(chart: &mut Chart, on: Date) -> String {
    let why = json!({"dataAbsentReason": concept(absent("asked-declined", "Asked But Declined"))});
    screening(chart, us_category("sdoh", "SDOH"), HUNGER[0].1, why, on, &[], None)
}
