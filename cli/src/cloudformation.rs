//! A stack in AWS, found by its CloudFormation outputs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_sdk_cloudformation::Client;
use shared::config::{
    AssertionKeyId, AuditArchiveName, AuditKeyId, AuditTableName, AuthTableName, DataKeyId, DocumentsBucketName,
    ISSUER, ResourcesTableName, SigningKeyId,
};
use shared::store::Aws;

use crate::delegation::{ADULT_AGE, OWN_CHOICES_AGE, TIME_ZONE};
use crate::stack::{RULES, Stack};

/// The outputs of `template.yaml`, each with the configuration variable that it gives.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("ResourcesTableName", ResourcesTableName::VARIABLE),
    ("AuthTableName", AuthTableName::VARIABLE),
    ("AuditTableName", AuditTableName::VARIABLE),
    ("AuditArchiveName", AuditArchiveName::VARIABLE),
    ("AuditKeyId", AuditKeyId::VARIABLE),
    ("ContractElement", "CONTRACT_ELEMENT"),
    ("DocumentsBucketName", DocumentsBucketName::VARIABLE),
    ("SigningKeyId", SigningKeyId::VARIABLE),
    ("DataKeyArn", DataKeyId::VARIABLE),
    ("AssertionKeyId", AssertionKeyId::VARIABLE),
    ("Issuer", ISSUER),
    ("PlanName", "PLAN_NAME"),
    ("Guides", "GUIDES"),
    ("LoadRules", RULES),
    ("PlanTimeZone", TIME_ZONE),
    ("AdultAge", ADULT_AGE),
    ("OwnChoicesAge", OWN_CHOICES_AGE),
];

/// The output that gives a configuration variable.
pub fn output_of(variable: &str) -> Option<&'static str> {
    OUTPUTS.iter().find(|(_, of)| *of == variable).map(|(output, _)| *output)
}

/// Finds the stack `name` in the account of `profile`, or of the environment's credentials.
///
/// # Errors
/// There is no such stack, or it lacks outputs of our template.
pub async fn stack(name: &str, profile: Option<&str>) -> Result<Stack> {
    let aws = Aws::of_profile(profile).await;
    let answer = Client::new(aws.config()).describe_stacks().stack_name(name).send().await;
    let answer = answer.with_context(|| format!("the stack {name} cannot be looked up in this AWS account"))?;
    let outputs: BTreeMap<&str, &str> = answer
        .stacks()
        .iter()
        .flat_map(aws_sdk_cloudformation::types::Stack::outputs)
        .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
        .collect();
    let value = |name: &str| outputs.get(output_of(name)?).map(|value| (*value).to_owned());
    Stack::new(aws, value).with_context(|| format!("the stack {name} does not have the outputs of our template"))
}
