//! Documents: PDFs, a C-CDA, plain-text notes, and reports with a tracing.

use serde_json::json;
use time::Date;

use crate::chart::Chart;
use crate::codes::*;
use crate::directory::Doctor;
use crate::values::{at, base64, coding, concept, day, hours, named, reference};

/// A one-page PDF with these lines of text.
pub(crate) fn pdf(lines: &[String]) -> Vec<u8> {
    let escape = |s: &String| s.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    let text = lines.iter().map(|l| format!("({}) Tj T*\n", escape(l))).collect::<Vec<_>>().concat();
    let page = format!("BT\n/F1 11 Tf\n14 TL\n56 760 Td\n{text}ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_string(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_string(),
        format!("<< /Length {} >>\nstream\n{page}endstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    let mut parts = vec!["%PDF-1.4\n".to_string()];
    let mut written = parts[0].len();
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        let part = format!("{} 0 obj\n{object}\nendobj\n", i + 1);
        offsets.push(format!("{written:010} 00000 n \n"));
        written += part.len();
        parts.push(part);
    }
    let count = objects.len() + 1;
    parts.push(format!("xref\n0 {count}\n0000000000 65535 f \n{}", offsets.concat()));
    parts.push(format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{written}\n%%EOF\n"));
    parts.concat().into_bytes()
}

/// A C-CDA continuity of care document with a problem list as narrative text.
pub(crate) fn ccda(chart: &Chart, problems: &[&str], on: Date) -> Vec<u8> {
    let p = &chart.person;
    let compact = day(on).replace('-', "");
    let born = day(p.birth).replace('-', "");
    let items = problems.iter().map(|x| format!("<item>{x}</item>")).collect::<Vec<_>>().concat();
    let gender = if p.gender == "female" { "F" } else { "M" };
    let author = chart.doctor;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="US"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
  <templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>
  <id root="2.25.{number}" extension="ccd-{compact}"/>
  <code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary of episode note"/>
  <title>Continuity of Care Document</title>
  <effectiveTime value="{compact}120000-0500"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="en-US"/>
  <recordTarget><patientRole>
    <id root="2.25.{number}" extension="HV-{number}"/>
    <patient>
      <name use="L"><given>{given}</given><family>{family}</family></name>
      <administrativeGenderCode code="{gender}" codeSystem="2.16.840.1.113883.5.1"/>
      <birthTime value="{born}"/>
    </patient>
  </patientRole></recordTarget>
  <author><time value="{compact}"/><assignedAuthor>
    <id root="2.16.840.1.113883.4.6"/>
    <assignedPerson><name><given>{author_given}</given><family>{author_family}</family></name></assignedPerson>
  </assignedAuthor></author>
  <custodian><assignedCustodian><representedCustodianOrganization>
    <id root="2.25.1"/><name>{clinic}</name>
  </representedCustodianOrganization></assignedCustodian></custodian>
  <component><structuredBody>
    <component><section>
      <templateId root="2.16.840.1.113883.10.20.22.2.5.1" extension="2015-08-01"/>
      <code code="11450-4" codeSystem="2.16.840.1.113883.6.1" displayName="Problem list - Reported"/>
      <title>Problems</title>
      <text><list>{items}</list></text>
    </section></component>
  </structuredBody></component>
</ClinicalDocument>
"#,
        number = p.number,
        given = p.given,
        family = p.family,
        author_given = author.given,
        author_family = author.family,
        clinic = author.employer().name,
    )
    .into_bytes()
}

/// The bytes of a document, and where they are kept.
pub(crate) enum AttachmentBytes {
    /// In a Binary of their own.
    Binary(Vec<u8>),
    /// In the `DocumentReference` itself.
    Inline(Vec<u8>),
}

/// A document to be filed.
pub(crate) struct Document<'a> {
    pub(crate) kind: Coding,
    pub(crate) title: &'a str,
    pub(crate) mime: &'static str,
    pub(crate) bytes: AttachmentBytes,
    pub(crate) author: &'static Doctor,
    pub(crate) date: Date,
    pub(crate) encounter: Option<&'a str>,
}

/// Writes bytes as a Binary that belongs to the member.
pub(crate) fn binary(chart: &mut Chart, mime: &str, bytes: &[u8], on: Date) -> String {
    binary_as(chart, "file", mime, bytes, on)
}

fn binary_as(chart: &mut Chart, tag: &'static str, mime: &str, bytes: &[u8], on: Date) -> String {
    let body = json!({"contentType": mime, "securityContext": reference(&chart.patient()), "data": base64(bytes)});
    chart.put("Binary", tag, on, &[], body)
}

/// Files a document: writes its `DocumentReference` and, for bytes in a Binary, that Binary.
pub(crate) fn file(chart: &mut Chart, d: &Document) -> String {
    file_as(chart, d, ["document", "file"])
}

/// Files the letter in which a doctor asks the plan for an authorization.
pub(crate) fn letter(chart: &mut Chart, author: &'static Doctor, lines: &[String], date: Date) -> String {
    let letter = Document {
        kind: loinc("57133-1", "Referral note"),
        title: "Request for prior authorization",
        mime: "application/pdf",
        bytes: AttachmentBytes::Binary(pdf(lines)),
        author,
        date,
        encounter: None,
    };
    file_as(chart, &letter, ["letter", "letter-file"])
}

/// Files a document under ids with the given tags, that of the document and that of its Binary.
fn file_as(chart: &mut Chart, d: &Document, [tag, file]: [&'static str; 2]) -> String {
    let mut attachment =
        json!({"contentType": d.mime, "language": "en-US", "title": d.title, "creation": at(d.date, 13, 0)});
    match &d.bytes {
        AttachmentBytes::Binary(bytes) => {
            attachment["size"] = json!(bytes.len());
            attachment["url"] = json!(binary_as(chart, file, d.mime, bytes, d.date));
        }
        AttachmentBytes::Inline(bytes) => {
            attachment["size"] = json!(bytes.len());
            attachment["data"] = json!(base64(bytes));
        }
    }
    let format = if d.mime.ends_with("xml") {
        Coding {
            system: "http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes",
            code: "urn:hl7-org:sdwg:ccda-structuredBody:2.1",
            display: "C-CDA R2.1 Structured Body",
        }
    } else {
        Coding {
            system: "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
            code: "urn:ihe:iti:xds:2017:mimeTypeSufficient",
            display: "mimeType Sufficient",
        }
    };
    let id = chart.next_id(tag);
    let site = d.author.employer();
    let body = json!({
        "identifier": [{"system": format!("https://{}.example.org/document", site.id), "value": id.to_uppercase()}],
        "status": "current",
        "docStatus": "final",
        "type": concept(d.kind),
        "category": [
            concept(Coding {
                system: "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
                code: "clinical-note",
                display: "Clinical Note",
            }),
        ],
        "subject": named(&chart.patient(), &chart.person.name()),
        "date": at(d.date, 13, 0),
        "author": [d.author.reference()],
        "custodian": named(&site.target(), site.name),
        "description": d.title,
        "content": [{"attachment": attachment, "format": coding(format)}],
        "context": {"encounter": d.encounter.map(|e| vec![reference(e)]), "period": hours(d.date, 9, 30)},
    });
    chart.put_as("DocumentReference", &id, d.date, &[us_core("documentreference")], body)
}

/// An electrocardiogram as SVG: six heartbeats in one line.
fn heartbeat() -> String {
    const BEAT: [(u32, u32); 10] =
        [(0, 60), (20, 60), (28, 52), (36, 60), (44, 64), (50, 12), (56, 72), (62, 60), (78, 50), (92, 60)];
    let points = (0..6).flat_map(|beat| BEAT.map(|(x, y)| format!("{},{y}", beat * 100 + x)));
    let line = points.collect::<Vec<_>>().join(" ");
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 90"><rect width="600" height="90" fill="#fff5f5"/>
<polyline fill="none" stroke="#222" points="{line}"/></svg>"##
    )
}

/// A narrative report.
pub(crate) struct DiagnosticReport<'a> {
    /// Radiology, cardiology or pathology.
    pub(crate) category: Coding,
    pub(crate) kind: Coding,
    pub(crate) words: &'a str,
    pub(crate) author: &'static Doctor,
    pub(crate) on: Date,
    pub(crate) encounter: &'a str,
    /// Whether it comes with a tracing.
    pub(crate) picture: bool,
    pub(crate) results: &'a [String],
}

/// Writes a `DiagnosticReport` with its PDF and, if it comes with a tracing, the tracing as Media.
pub(crate) fn report(chart: &mut Chart, r: &DiagnosticReport) -> String {
    let subject = named(&chart.patient(), &chart.person.name());
    let clinic = r.author.employer();
    let media = r.picture.then(|| {
        let image = base64(heartbeat().as_bytes());
        let kind =
            Coding { system: "http://terminology.hl7.org/CodeSystem/media-type", code: "image", display: "Image" };
        let body = json!({
            "status": "completed",
            "type": concept(kind),
            "subject": subject,
            "encounter": reference(r.encounter),
            "createdDateTime": at(r.on, 9, 40),
            "issued": at(r.on, 10, 0),
            "operator": r.author.reference(),
            "content": {
                "contentType": "image/svg+xml",
                "data": image,
                "title": r.kind.display,
                "creation": at(r.on, 9, 40),
            },
        });
        chart.put("Media", "picture", r.on, &[], body)
    });
    let lines = [
        clinic.name.to_string(),
        format!("{} of {}", r.kind.display, day(r.on)),
        format!("Patient: {}", chart.person.name()),
        String::new(),
        r.words.to_string(),
        format!("Signed: {}", r.author.name()),
    ];
    let file = pdf(&lines);
    let stored = binary(chart, "application/pdf", &file, r.on);
    let body = json!({
        "status": "final",
        "category": [concept(r.category)],
        "code": concept(r.kind),
        "subject": subject,
        "encounter": reference(r.encounter),
        "effectiveDateTime": at(r.on, 9, 40),
        "issued": at(r.on, 16, 0),
        "performer": [r.author.reference(), named(&clinic.target(), clinic.name)],
        "result": r.results.iter().map(|r| reference(r)).collect::<Vec<_>>(),
        "media": media.map(|m| vec![json!({"comment": "Tracing", "link": reference(&m)})]).unwrap_or_default(),
        "conclusion": r.words,
        "presentedForm": [{
            "contentType": "application/pdf",
            "language": "en-US",
            "url": stored,
            "size": file.len(),
            "title": r.kind.display,
            "creation": at(r.on, 16, 0),
        }],
    });
    chart.put("DiagnosticReport", "report", r.on, &[us_core("diagnosticreport-note")], body)
}
