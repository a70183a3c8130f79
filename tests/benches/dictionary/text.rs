//! Text that resources of any server have in common, written by ourselves: element names in the orders in which servers
//! write them, the names of code systems, and the commonest codes. These are facts of R4, of the guides and of CMS's
//! data dictionary, which our own samples show in one shape only.

/// Elements in the order of R4's definitions, as most servers write them; `P` stands for a Patient, `R` for another
/// resource, `C` for a concept, `T` for a time.
const SHAPES: &[&str] = &[
    r#"{"resourceType":"Observation",#,"status":"final","category":[C],"code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"effectiveDateTime":"T","issued":"T","valueQuantity":{"value":1.5,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}"#,
    r#"{"resourceType":"Observation",#,"status":"final","category":[C],"code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"effectiveDateTime":"T","issued":"T","valueCodeableConcept":C}"#,
    r#"{"resourceType":"Observation",#,"status":"final","category":[C],"code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"effectiveDateTime":"T","issued":"T","component":[{"code":C,"valueQuantity":{"value":80,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":C,"valueQuantity":{"value":120,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#,
    r#"{"resourceType":"Encounter",#,"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[C],"subject":P,"participant":[{"individual":{"reference":"Practitioner/~"}}],"period":{"start":"T","end":"T"},"reasonCode":[C],"serviceProvider":{"reference":"Organization/~"}}"#,
    r#"{"resourceType":"Condition",#,"clinicalStatus":C,"verificationStatus":C,"code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"onsetDateTime":"T","abatementDateTime":"T","recordedDate":"T"}"#,
    r#"{"resourceType":"Procedure",#,"status":"completed","code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"performedPeriod":{"start":"T","end":"T"},"reasonReference":[{"reference":"Condition/~","display":"D"}]}"#,
    r#"{"resourceType":"Immunization",#,"status":"completed","vaccineCode":C,"patient":P,"encounter":{"reference":"Encounter/~"},"occurrenceDateTime":"T","primarySource":true}"#,
    r#"{"resourceType":"MedicationRequest",#,"status":"active","intent":"order","medicationCodeableConcept":C,"subject":P,"encounter":{"reference":"Encounter/~"},"authoredOn":"T","requester":{"reference":"Practitioner/~"},"reasonReference":[{"reference":"Condition/~"}],"dosageInstruction":[{"sequence":1,"timing":{"repeat":{"frequency":1,"period":1.0,"periodUnit":"d"}},"asNeededBoolean":false,"doseAndRate":[{"type":C,"doseQuantity":{"value":1.0}}]}]}"#,
    r#"{"resourceType":"DiagnosticReport",#,"status":"final","category":[C],"code":C,"subject":P,"encounter":{"reference":"Encounter/~"},"effectiveDateTime":"T","issued":"T","result":[{"reference":"Observation/~","display":"D"},{"reference":"Observation/~","display":"D"}]}"#,
    r#"{"resourceType":"CarePlan",#,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">D</div>"},"status":"active","intent":"order","category":[C],"subject":P,"encounter":{"reference":"Encounter/~"},"period":{"start":"T"},"addresses":[{"reference":"Condition/~"}],"goal":[{"reference":"Goal/~"}],"activity":[{"detail":{"code":C,"status":"in-progress","location":{"display":"D"}}}]}"#,
    r#"{"resourceType":"Goal",#,"lifecycleStatus":"accepted","achievementStatus":C,"description":{"text":"D"},"subject":P,"addresses":[{"reference":"Condition/~"}]}"#,
    r#"{"resourceType":"AllergyIntolerance",#,"clinicalStatus":C,"verificationStatus":C,"type":"allergy","category":["food"],"criticality":"low","code":C,"patient":P,"recordedDate":"T"}"#,
    r#"{"resourceType":"Claim",#,"status":"active","type":C,"use":"claim","patient":P,"billablePeriod":{"start":"T","end":"T"},"created":"T","provider":{"reference":"Organization/~"},"priority":C,"prescription":{"reference":"MedicationRequest/~"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"D"}}],"item":[{"sequence":1,"productOrService":C,"encounter":[{"reference":"Encounter/~"}]},{"sequence":2,"diagnosisSequence":[1],"productOrService":C,"net":{"value":10.5,"currency":"USD"}}],"total":{"value":125.00,"currency":"USD"}}"#,
    r##"{"resourceType":"ExplanationOfBenefit",#,"contained":[{"resourceType":"ServiceRequest","id":"referral","status":"completed","intent":"order","subject":P,"requester":{"reference":"Practitioner/~"},"performer":[{"reference":"Practitioner/~"}]},{"resourceType":"Coverage","id":"coverage","status":"active","type":{"text":"D"},"beneficiary":P,"payor":[{"display":"D"}]}],"identifier":[{"system":"https://bluebutton.cms.gov/resources/variables/clm_id","value":"~"},{"system":"https://bluebutton.cms.gov/resources/identifier/claim-group","value":"1"}],"status":"active","type":C,"use":"claim","patient":P,"billablePeriod":{"start":"T","end":"T"},"created":"T","insurer":{"display":"D"},"provider":{"reference":"Practitioner/~"},"referral":{"reference":"#referral"},"claim":{"reference":"Claim/~"},"outcome":"complete","careTeam":[{"sequence":1,"provider":{"reference":"Practitioner/~"},"role":C}],"diagnosis":[{"sequence":1,"diagnosisReference":{"reference":"Condition/~"},"type":[C]}],"insurance":[{"focal":true,"coverage":{"reference":"#coverage","display":"D"}}],"item":[{"sequence":1,"category":C,"productOrService":C,"servicedPeriod":{"start":"T","end":"T"},"locationCodeableConcept":C,"encounter":[{"reference":"Encounter/~"}],"net":{"value":10.5,"currency":"USD"},"adjudication":[{"category":C,"amount":{"value":10.5,"currency":"USD"}},{"category":C,"amount":{"value":0,"currency":"USD"}},{"category":C}]}],"total":[{"category":C,"amount":{"value":10.5,"currency":"USD"}}],"payment":{"amount":{"value":10.5,"currency":"USD"}}}"##,
    r##"{"resourceType":"ExplanationOfBenefit",#,"extension":[{"url":"U","valueCoding":{"system":"U","code":"X","display":"D"}},{"url":"U","valueIdentifier":{"system":"U","value":"1"}}],"identifier":[{"type":C,"system":"U","value":"-1"}],"status":"active","type":{"coding":[{"system":"https://bluebutton.cms.gov/resources/variables/nch_clm_type_cd","code":"71"},{"system":"https://bluebutton.cms.gov/resources/codesystem/eob-type","code":"CARRIER"},{"system":"http://terminology.hl7.org/CodeSystem/claim-type","code":"professional"},{"system":"https://bluebutton.cms.gov/resources/variables/nch_near_line_rec_ident_cd","code":"O"}]},"use":"claim","patient":P,"billablePeriod":{"extension":[{"url":"U","valueCoding":{"system":"U","code":"X"}}],"start":"2024-01-01","end":"2024-01-31"},"created":"T","insurer":{"identifier":{"value":"CMS"}},"provider":{"reference":"#provider-org"},"outcome":"complete","careTeam":[{"extension":[{"url":"U","valueBoolean":true}],"sequence":1,"provider":{"identifier":{"type":C,"value":"1"}},"responsible":true,"role":C,"qualification":C}],"supportingInfo":[{"sequence":1,"category":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/claiminformationcategory","code":"info","display":"Information"},{"system":"https://bluebutton.cms.gov/resources/codesystem/information","code":"U"}]},"code":C},{"sequence":2,"category":C,"timingDate":"2024-01-01"}],"diagnosis":[{"sequence":1,"diagnosisCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"X","display":"D"},{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"X","display":"D"}]},"type":[C]}],"insurance":[{"focal":true,"coverage":{"reference":"Coverage/~"}}],"item":[{"extension":[{"url":"U","valueQuantity":{"value":1}},{"url":"U","valueCoding":{"system":"U","code":"X"}}],"sequence":1,"careTeamSequence":[1],"diagnosisSequence":[1],"revenue":C,"category":C,"productOrService":C,"modifier":[C],"servicedPeriod":{"start":"2024-01-01","end":"2024-01-31"},"locationCodeableConcept":{"extension":[{"url":"U","valueCoding":{"system":"U","code":"X","display":"D"}}],"coding":[{"system":"U","code":"11","display":"D"}]},"quantity":{"value":1},"adjudication":[{"category":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/adjudication","code":"eligible","display":"Eligible Amount"},{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication","code":"U","display":"D"}]},"amount":{"value":10.5,"currency":"USD"}},{"category":{"coding":[{"system":"http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator","code":"denialreason","display":"Denial Reason"}]},"reason":C}]}],"total":[{"category":C,"amount":{"value":0,"currency":"USD"}}],"payment":{"date":"2024-01-01","amount":{"value":10.5,"currency":"USD"}},"benefitBalance":[{"category":C,"financial":[{"type":C,"usedMoney":{"value":10.5,"currency":"USD"}},{"type":C,"usedUnsignedInt":1}]}]}"##,
    r#"{"resourceType":"Coverage",#,"extension":[{"url":"U","valueCoding":{"system":"U","code":"X","display":"D"}},{"url":"U","valueDate":"2024-01-01"}],"identifier":[{"type":C,"system":"http://hl7.org/fhir/sid/us-mbi","value":"X"}],"status":"active","type":C,"subscriber":P,"subscriberId":"X","beneficiary":P,"relationship":C,"period":{"start":"2024-01-01"},"payor":[{"identifier":{"value":"Centers for Medicare and Medicaid Services"}}],"class":[{"type":C,"value":"Medicare"},{"type":C,"value":"Part A"}]}"#,
    r#"{"resourceType":"Patient",#,"extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3","display":"White"}},{"url":"text","valueString":"White"}]},{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2186-5","display":"Not Hispanic or Latino"}},{"url":"text","valueString":"Not Hispanic or Latino"}]},{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueCode":"F"}],"identifier":[{"system":"U","value":"~"},{"type":C,"system":"U","value":"X"}],"name":[{"use":"official","family":"D","given":["D"],"prefix":["Mr."]}],"telecom":[{"system":"phone","value":"555-0100","use":"home"}],"gender":"female","birthDate":"1970-01-01","address":[{"line":["D"],"city":"D","state":"MA","postalCode":"01001","country":"US"}],"maritalStatus":C,"multipleBirthBoolean":false,"communication":[{"language":C}]}"#,
    r#"{"resourceType":"Organization",#,"identifier":[{"system":"U","value":"~"}],"active":true,"type":[C],"name":"D","telecom":[{"system":"phone","value":"555-0100"}],"address":[{"line":["D"],"city":"D","state":"MA","postalCode":"01001","country":"US"}]}"#,
    r#"{"resourceType":"Practitioner",#,"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1"}],"active":true,"name":[{"family":"D","given":["D"],"prefix":["Dr."]}],"telecom":[{"system":"email","value":"a@example.com","use":"work"}],"gender":"male"}"#,
];

/// Code systems with their commonest codes: system, then `code=display` each.
const CODES: &[(&str, &str)] = &[
    (
        "http://loinc.org",
        "8302-2=Body Height|29463-7=Body Weight|39156-5=Body Mass Index|55284-4=Blood Pressure|85354-9=Blood pressure panel|8462-4=Diastolic Blood Pressure|8480-6=Systolic Blood Pressure|8867-4=Heart rate|9279-1=Respiratory rate|8310-5=Body temperature|72166-2=Tobacco smoking status NHIS|72514-3=Pain severity - 0-10 verbal numeric rating [Score] - Reported|2339-0=Glucose|6299-2=Urea Nitrogen|38483-4=Creatinine|49765-1=Calcium|2947-0=Sodium|6298-4=Potassium|2069-3=Chloride|20565-8=Carbon Dioxide|4548-4=Hemoglobin A1c/Hemoglobin.total in Blood|2093-3=Total Cholesterol|2571-8=Triglycerides|18262-6=Low Density Lipoprotein Cholesterol|2085-9=High Density Lipoprotein Cholesterol|33914-3=Estimated Glomerular Filtration Rate|14959-1=Microalbumin Creatinine Ratio|51990-0=Basic Metabolic Panel|57698-3=Lipid Panel|6690-2=Leukocytes [#/volume] in Blood by Automated count|789-8=Erythrocytes [#/volume] in Blood by Automated count|718-7=Hemoglobin [Mass/volume] in Blood|4544-3=Hematocrit [Volume Fraction] of Blood by Automated count|787-2=MCV [Entitic volume] by Automated count|777-3=Platelets [#/volume] in Blood by Automated count",
    ),
    (
        "http://snomed.info/sct",
        "185345009=Encounter for symptom|185349003=Encounter for check up (procedure)|162673000=General examination of patient (procedure)|185347001=Encounter for problem|50849002=Emergency room admission (procedure)|410620009=Well child visit (procedure)|424441002=Prenatal initial visit|430193006=Medication Reconciliation (procedure)|444814009=Viral sinusitis (disorder)|195662009=Acute viral pharyngitis (disorder)|10509002=Acute bronchitis (disorder)|43878008=Streptococcal sore throat (disorder)|59621000=Hypertension|15777000=Prediabetes|44054006=Diabetes|271737000=Anemia (disorder)|162864005=Body mass index 30+ - obesity (finding)|266919005=Never smoker|8517006=Former smoker|76601001=Intramuscular injection|385763009=Hospice care",
    ),
    (
        "http://hl7.org/fhir/sid/cvx",
        "140=Influenza, seasonal, injectable, preservative free|113=Td (adult) preservative free|115=Tdap|08=Hep B, adolescent or pediatric|43=Hep B, adult|83=Hep A, ped/adol, 2 dose|20=DTaP|21=varicella|03=MMR|10=IPV|33=pneumococcal polysaccharide vaccine, 23 valent|133=Pneumococcal conjugate PCV 13|114=meningococcal MCV4P|62=HPV, quadrivalent|49=Hib (PRP-OMP)|119=rotavirus, monovalent|121=zoster",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/observation-category",
        "laboratory=laboratory|vital-signs=vital-signs|survey=survey|social-history=social-history|imaging=imaging|exam=exam|procedure=procedure|therapy=therapy",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "active=Active|resolved=Resolved|inactive=Inactive|remission=Remission",
    ),
    ("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed=Confirmed|provisional=Provisional"),
    ("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active=Active"),
    ("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed=Confirmed"),
    ("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB=Laboratory|RAD=Radiology"),
    (
        "http://terminology.hl7.org/CodeSystem/v2-0203",
        "MR=Medical Record Number|SS=Social Security Number|DL=Driver's License|PPN=Passport Number|MB=Member Number|MC=Patient's Medicare number|NPI=National provider identifier|PRN=Provider number|TAX=Tax ID number|SN=Subscriber Number|XX=Organization identifier",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "AMB=ambulatory|EMER=emergency|IMP=inpatient encounter|WELLNESS=wellness|SUBSIDIZ=subsidized health program",
    ),
    ("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M=Married|S=Never Married|D=Divorced|W=Widowed"),
    ("http://terminology.hl7.org/CodeSystem/organization-type", "prov=Healthcare Provider|ins=Insurance Company"),
    ("http://terminology.hl7.org/CodeSystem/goal-achievement", "in-progress=In Progress|achieved=Achieved"),
    ("http://terminology.hl7.org/CodeSystem/dose-rate-type", "ordered=Ordered"),
    ("http://terminology.hl7.org/CodeSystem/processpriority", "normal=Normal"),
    (
        "http://terminology.hl7.org/CodeSystem/claim-type",
        "institutional=Institutional|professional=Professional|pharmacy=Pharmacy|oral=Oral|vision=Vision",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/ex-diagnosistype",
        "principal=Principal Diagnosis|admitting=Admitting Diagnosis|secondary=Secondary Diagnosis|externalcauseofinjury=External cause of injury",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/ex-serviceplace",
        "11=Office|19=Off Campus-Outpatient Hospital|20=Urgent Care Facility|21=Inpatient Hospital|22=On Campus-Outpatient Hospital|23=Emergency Room - Hospital|31=Skilled Nursing Facility|34=Hospice",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/claimcareteamrole",
        "primary=Primary provider|assist=Assisting Provider|supervising=Supervising Provider|other=Other",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/claiminformationcategory",
        "info=Information|discharge=Discharge|onset=Onset|related=Related Services",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/adjudication",
        "submitted=Submitted Amount|copay=CoPay|eligible=Eligible Amount|deductible=Deductible|unallocdeduct=Unallocated Deductible|eligpercent=Eligible %|tax=Tax|benefit=Benefit Amount",
    ),
    (
        "http://terminology.hl7.org/CodeSystem/benefit-type",
        "deductible=Deductible|visit=Visit|copay=Copayment per service|benefit=Benefit",
    ),
    ("http://terminology.hl7.org/CodeSystem/ex-benefitcategory", "1=Medical Care|30=Health Benefit Plan Coverage"),
    ("http://terminology.hl7.org/CodeSystem/coverage-class", "group=Group|plan=Plan|subplan=SubPlan"),
    ("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "self=Self|child=Child|spouse=Spouse"),
    ("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-applicable=Not Applicable|unknown=Unknown"),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType",
        "uc=Unique Claim ID|npi=National Provider Identifier|payerid=Payer ID|naiccode=NAIC Code|pat=Patient Account Number|um=Medical record number",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication",
        "noncovered=Noncovered|coinsurance=Co-insurance|paidtoprovider=Paid to provider|paidtopatient=Paid to patient|paidbypatient=Paid by patient|priorpayerpaid=Prior payer paid|discount=Discount|drugcost=Drug cost|memberliability=Member liability|allowedunits=allowed units|denialreason=Denial Reason",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator",
        "benefitpaymentstatus=Benefit Payment Status|billingnetworkstatus=Billing Network Status|renderingnetworkstatus=Rendering Network Status",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBPayerAdjudicationStatus",
        "innetwork=In Network|outofnetwork=Out Of Network|other=Other|contracted=Contracted",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimCareTeamRole",
        "attending=Attending|operating=Operating|otheroperating=Other Operating|performing=Performing provider|primary=The primary provider.|prescribing=Prescribing provider|referring=Referring|rendering=Rendering provider|site=Site|supervisor=Supervisor",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimDiagnosisType",
        "other=Other|externalcauseofinjury=External Cause of Injury|patientreasonforvisit=Patient Reason for Visit|secondary=Secondary",
    ),
    ("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimProcedureType", "principal=Principal|other=Other"),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType",
        "admissionperiod=Admission Period|admtype=Admission Type|clmrecvddate=Claim Received Date|billingnetworkstatus=Billing Network Status|brandgenericindicator=Brand Generic Indicator|compoundcode=Compound Code|dawcode=DAW (Dispense As Written) Code|dayssupply=Days Supply|discharge-status=Discharge Status|drg=DRG|pointoforigin=Point Of Origin|refillnum=Refill Number|refillsauthorized=Refills Authorized|rxorigincode=Rx Origin Code|typeofbill=Type of Bill",
    ),
    (
        "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType",
        "inpatient=Inpatient|outpatient=Outpatient",
    ),
    ("http://hl7.org/fhir/sid/us-npi", "1=NPI"),
    (
        "http://hl7.org/fhir/sid/icd-10-cm",
        "Z00.00=Encounter for general adult medical examination without abnormal findings",
    ),
    ("http://hl7.org/fhir/sid/icd-9-cm", "401.9=Unspecified essential hypertension"),
    ("http://www.cms.gov/Medicare/Coding/ICD10", "0=Procedure"),
    ("http://hl7.org/fhir/sid/ndc", "0=Drug"),
    ("http://nucc.org/provider-taxonomy", "207Q00000X=Family Medicine Physician"),
    (
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "313782=Acetaminophen 325 MG Oral Tablet|314076=lisinopril 10 MG Oral Tablet|860975=24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet",
    ),
    ("https://www.nubc.org/CodeSystem/RevenueCodes", "0001=Total charge"),
    ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "01=Discharged to home or self care (routine discharge)"),
    ("https://www.nubc.org/CodeSystem/TypeOfBill", "131=Hospital Outpatient"),
    ("https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set", "11=Office"),
    (
        "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software",
        "1=DRG",
    ),
    ("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "G0438=Annual wellness visit"),
    ("https://bluebutton.cms.gov/resources/codesystem/hcpcs", "99213=Office visit"),
    (
        "https://bluebutton.cms.gov/resources/codesystem/eob-type",
        "CARRIER=CARRIER|OUTPATIENT=OUTPATIENT|INPATIENT=INPATIENT|PDE=PDE|SNF=SNF|HHA=HHA|HOSPICE=HOSPICE|DME=DME",
    ),
    (
        "https://bluebutton.cms.gov/resources/codesystem/information",
        "https://bluebutton.cms.gov/resources/variables/nch_wkly_proc_dt=NCH Weekly Claim Processing Date",
    ),
    ("https://bluebutton.cms.gov/fhir/CodeSystem/Adjudication", "CLM_LINE_BENE_PMT_AMT=Beneficiary Payment Amount"),
    (
        "https://bluebutton.cms.gov/fhir/CodeSystem/Supporting-Information",
        "CLM_NCH_WKLY_PROC_DT=Weekly Processing Date",
    ),
];

/// Names of CMS's claims data dictionary, which are URLs at the Blue Button API.
const VARIABLES: &str = "clm_id nch_clm_type_cd nch_near_line_rec_ident_cd nch_wkly_proc_dt nch_prmry_pyr_cd carr_num carr_clm_cntl_num \
    carr_clm_pmt_dnl_cd carr_clm_entry_cd carr_clm_cash_ddctbl_apld_amt nch_clm_prvdr_pmt_amt nch_clm_bene_pmt_amt nch_carr_clm_sbmtd_chrg_amt \
    nch_carr_clm_alowd_amt clm_clncl_tril_num asgmntcd prpayamt clm_tot_chrg_amt clm_mco_pd_sw clm_fac_type_cd clm_freq_cd clm_srvc_clsfctn_type_cd \
    clm_ip_admsn_type_cd clm_src_ip_admsn_cd clm_pps_ind_cd clm_drg_cd clm_mdcr_non_pmt_rsn_cd ptnt_dschrg_stus_cd nch_ptnt_status_ind_cd \
    nch_bene_ip_ddctbl_amt nch_bene_pta_coinsrnc_lblty_amt nch_bene_blood_ddctbl_lblty_am nch_bene_ptb_ddctbl_amt nch_bene_ptb_coinsrnc_amt \
    nch_ip_ncvrd_chrg_amt nch_ip_tot_ddctn_amt nch_profnl_cmpnt_chrg_amt clm_tot_pps_cptl_amt clm_pps_cptl_fsp_amt clm_pps_cptl_outlier_amt \
    clm_pps_cptl_dsprprtnt_shr_amt clm_pps_cptl_ime_amt clm_pps_cptl_excptn_amt clm_pps_old_cptl_hld_hrmls_amt clm_pass_thru_per_diem_amt \
    bene_tot_coinsrnc_days_cnt clm_non_utlztn_days_cnt clm_utlztn_day_cnt bene_lrd_used_cnt nch_blood_pnts_frnshd_qty nch_drg_outlier_aprvd_pmt_amt \
    rev_cntr rev_cntr_rate_amt rev_cntr_tot_chrg_amt rev_cntr_ncvrd_chrg_amt rev_cntr_ddctbl_coinsrnc_cd rev_cntr_ndc_qty rev_cntr_ndc_qty_qlfr_cd \
    rev_cntr_stus_ind_cd rev_cntr_pmt_amt_amt rev_cntr_bene_pmt_amt rev_cntr_prvdr_pmt_amt rev_cntr_ptnt_rspnsblty_pmt rev_cntr_cash_ddctbl_amt \
    rev_cntr_blood_ddctbl_amt rev_cntr_coinsrnc_wge_adjstd_c rev_cntr_rdcd_coinsrnc_amt rev_cntr_1st_msp_pd_amt rev_cntr_2nd_msp_pd_amt rev_cntr_1st_ansi_cd \
    rev_cntr_dt rev_cntr_unit_cnt rev_cntr_apc_hipps_cd carr_line_mtus_cnt carr_line_mtus_cd carr_line_prvdr_type_cd carr_line_prcng_lclty_cd \
    carr_line_rdcd_pmt_phys_astn_c carr_line_clia_lab_num carr_line_ansthsa_unit_cnt betos_cd line_service_deductible line_srvc_cnt \
    line_cms_type_srvc_cd line_place_of_srvc_cd line_pmt_80_100_cd line_prcsg_ind_cd line_nch_pmt_amt line_bene_pmt_amt line_prvdr_pmt_amt \
    line_bene_ptb_ddctbl_amt line_bene_prmry_pyr_cd line_bene_prmry_pyr_pd_amt line_coinsrnc_amt line_sbmtd_chrg_amt line_alowd_chrg_amt line_icd_dgns_cd \
    line_hct_hgb_rslt_num line_hct_hgb_type_cd line_ndc_cd line_dme_prchs_price_amt prvdr_state_cd prvdr_zip prvdr_spclty prtcptng_ind_cd prf_physn_npi \
    rfr_physn_npi at_physn_npi op_physn_npi ot_physn_npi org_npi_num prvdr_num hcpcs_cd icd_dgns_cd1 icd_prcdr_cd1 clm_e_poa_ind_sw1 clm_poa_ind_sw1 \
    pde_id rx_srvc_rfrnc_num prod_srvc_id cmpnd_cd daw_prod_slctn_cd dspnsng_stus_cd drug_cvrg_stus_cd adjstmt_dltn_cd nstd_frmt_cd prcng_excptn_cd \
    ctstrphc_cvrg_cd gdc_blw_oopt_amt gdc_abv_oopt_amt ptnt_pay_amt othr_troop_amt lics_amt plro_amt cvrd_d_plan_pd_amt ncvrd_plan_pd_amt tot_rx_cst_amt \
    rx_orgn_cd rptd_gap_dscnt_num brnd_gnrc_cd phrmcy_srvc_type_cd ptnt_rsdnc_cd submsn_clr_cd days_suply_num fill_num qty_dspnsd_num bene_id \
    ms_cd orec crec esrd_ind a_trm_cd b_trm_cd rfrnc_yr dual_01 buyin01 hmo_ind_01 ptc_cntrct_id_01 ptdcntrct01 race";

/// A UUID's shape; the digits of real ones are random.
const ID: &str = "00000000-0000-4000-8000-000000000000";

/// Every shape with codes of every system, two or three times, and every name alone.
pub fn samples() -> Vec<String> {
    let mut concepts: Vec<(String, String, String)> = Vec::new();
    for (system, codes) in CODES {
        for code in codes.split('|') {
            let (code, display) = code.split_once('=').expect("a code has a display");
            concepts.push(((*system).to_owned(), code.to_owned(), display.to_owned()));
        }
    }
    let variables: Vec<String> = VARIABLES
        .split_whitespace()
        .map(|name| format!("https://bluebutton.cms.gov/resources/variables/{name}"))
        .collect();
    let mut samples = Vec::new();
    for (system, code, display) in &concepts {
        let coding = format!(r#"{{"system":"{system}","code":"{code}","display":"{display}"}}"#);
        samples.push(format!(
            r#""code":{{"coding":[{coding}],"text":"{display}"}},"subject":{{"reference":"Patient/{ID}"}}"#
        ));
        samples.push(format!(r#","type":[{{"coding":[{{"system":"{system}","code":"{code}"}}]}}],"#));
    }
    for url in &variables {
        samples.push(format!(r#"{{"url":"{url}","valueCoding":{{"system":"{url}","code":"0","display":"#));
        samples.push(format!(
            r#"{{"system":"https://bluebutton.cms.gov/resources/codesystem/adjudication","code":"{url}","display":"#
        ));
        samples.push(format!(
            r#"{{"system":"https://bluebutton.cms.gov/resources/codesystem/information","code":"{url}","display":"#
        ));
    }
    let mut turn = 0;
    for round in 0..3 {
        for shape in SHAPES {
            samples.push(filled(shape, &concepts, &variables, &mut turn, round));
        }
    }
    samples
}

/// A shape with other codes, names and forms of a time in each round.
fn filled(
    shape: &str,
    concepts: &[(String, String, String)],
    variables: &[String],
    turn: &mut usize,
    round: usize,
) -> String {
    let times = ["2019-03-05T10:31:59+00:00", "2021-08-16T05:31:59-05:00", "2024-11-22"];
    let mut text = String::new();
    let mut rest = shape;
    while let Some(at) = rest.find([':', '[', '~', '#']) {
        let (before, after) = rest.split_at(at + 1);
        text.push_str(before);
        rest = after;
        *turn += 1;
        let (system, code, display) = &concepts[*turn * 7 % concepts.len()];
        let concept = || match *turn % 3 {
            0 => format!(r#"{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#),
            1 => format!(r#"{{"coding":[{{"system":"{system}","code":"{code}","display":"{display}"}}]}}"#),
            _ => format!(
                r#"{{"coding":[{{"system":"{system}","code":"{code}","display":"{display}"}}],"text":"{display}"}}"#
            ),
        };
        for (mark, said) in [
            ("C", concept()),
            ("P", format!(r#"{{"reference":"Patient/{ID}"}}"#)),
            ("\"T\"", format!("\"{}\"", times[round % times.len()])),
            ("\"U\"", format!("\"{}\"", variables[*turn % variables.len()])),
            ("\"D\"", format!("\"{display}\"")),
            ("\"X\"", format!("\"{code}\"")),
        ] {
            if let Some(after) = rest.strip_prefix(mark) {
                text.push_str(&said);
                rest = after;
                break;
            }
        }
        if text.ends_with('~') {
            text.pop();
            text.push_str(ID);
        } else if text.ends_with(",#") {
            text.pop();
            // The marks of `row`, before and after the `meta` that other servers write.
            text.push_str("\u{1},\"meta\":{\u{2}}");
        }
    }
    text + rest
}
