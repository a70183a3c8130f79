//! The templates, as far as a machine without AWS can check them: by two linters, and by rules of our own. Each rule is
//! shown to find a fault that is put in on purpose.

mod needed;
mod policies;
mod protection;
mod watching;

use std::process::Command;

use patient_access::cloudformation::OUTPUTS;
use serde_json::Value as Json;
use tests::{Templates, checkout, found, missing_tool, snapshot};

type Resources = std::collections::BTreeMap<String, Json>;

#[test]
fn sam_finds_no_fault_in_the_templates() {
    if !found("sam") {
        return missing_tool("sam_finds_no_fault_in_the_templates", "sam");
    }
    for file in Templates::read().files() {
        passes(
            Command::new("sam")
                .args(["validate", "--lint", "--template", file])
                .env("AWS_DEFAULT_REGION", "us-east-1")
                .env("SAM_CLI_TELEMETRY", "0"),
        );
    }
}

#[test]
fn cfn_lint_finds_no_fault_in_the_templates() {
    if !found("cfn-lint") {
        return missing_tool("cfn_lint_finds_no_fault_in_the_templates", "cfn-lint");
    }
    passes(Command::new("cfn-lint").args(Templates::read().files()));
}

fn passes(command: &mut Command) {
    let output = command.current_dir(checkout()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn our_rules_find_no_fault_in_the_templates() {
    let faults = faults(&Templates::read());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_rights_of_each_function_are_as_agreed() {
    snapshot::is_as_agreed("policies.txt", &policies::table(&Templates::read().resources()));
}

#[test]
fn properties_that_replace_a_table_by_an_empty_one_are_as_agreed() {
    snapshot::is_as_agreed("tables.txt", &protection::tables(&Templates::read().resources()));
}

#[test]
fn the_operators_command_finds_a_deployed_stack_by_the_outputs_of_the_root() {
    let templates = Templates::read();
    let resources = templates.resources();
    for (output, variable) in OUTPUTS {
        let leads_to = templates.output(output);
        assert!(!leads_to.is_null(), "there is no output {output}");
        // The issuer's output is worked out if no issuer is set, a stack may lack the key of assertions, and only the command reads the
        // contract's element; the other outputs are the functions' own variables.
        if ["LOAD_RULES", "PLAN_TIME_ZONE", "ADULT_AGE", "OWN_CHOICES_AGE"].contains(variable) {
            assert_eq!(leads_to, format!("${{{output}}}"), "{output}");
        } else if !["ISSUER", "CONTRACT_ELEMENT", "ASSERTION_KEY"].contains(variable) {
            let function = match *variable {
                "PLAN_NAME" | "GUIDES" => &resources["MetadataFunction"],
                "AUDIT_ARCHIVE" | "AUDIT_KEY" => &resources["CloseFunction"],
                "DATA_KEY" => &resources["SignInFunction"],
                _ => &resources["ReadFunction"],
            };
            assert_eq!(leads_to, function["Properties"]["Environment"]["Variables"][variable], "{output}");
        }
    }
}

/// Everything in the templates that must not be there, in words.
fn faults(templates: &Templates) -> Vec<String> {
    let resources = templates.resources();
    [policies::faults(&resources), protection::faults(&resources), watching::faults(&resources)].concat()
}

/// The functions, with their logical ids.
fn functions(resources: &Resources) -> impl Iterator<Item = (&String, &Json)> {
    of_type(resources, "AWS::Serverless::Function").map(|(id, function)| (id, &function["Properties"]))
}

fn of_type<'a>(resources: &'a Resources, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
}

/// A value, or each value of a list, as text.
fn texts(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// Faults put in on purpose: the file, the text and its replacement, and the words that the rules must find for it.
const PUT_IN: &[(&str, &str, &str, &str)] = &[
    ("template.yaml", "Action: dynamodb:GetItem", "Action: dynamodb:*", "AuthorizeFunction may dynamodb:*"),
    ("template.yaml", "Action: dynamodb:GetItem", "Action: dynamodb:Scan", "AuthorizeFunction may dynamodb:Scan"),
    (
        "template.yaml",
        "Action: dynamodb:PutItem",
        "Action: dynamodb:DeleteItem",
        "AuthorizeFunction may dynamodb:DeleteItem",
    ),
    ("template.yaml", "Resource: !GetAtt Data.Outputs.AuthTableArn", "Resource: \"*\"", "AuthorizeFunction reaches *"),
    (
        "template.yaml",
        "[dynamodb:BatchGetItem, dynamodb:Query]",
        "[dynamodb:BatchGetItem, dynamodb:Query, dynamodb:PutItem]",
        "SearchFunction writes ResourcesTable",
    ),
    ("template.yaml", "Action: s3:GetObject", "Action: s3:PutObject", "ReadFunction writes DocumentsBucket"),
    (
        "template.yaml",
        "${Data.Outputs.DocumentsBucketArn}/documents/*",
        "${Data.Outputs.DocumentsBucketArn}*",
        "reaches DocumentsBucket.Arn*",
    ),
    ("template.yaml", "Action: kms:GetPublicKey", "Action: kms:Sign", "ReadFunction signs with SigningKey"),
    (
        "template.yaml",
        "Action: s3:GetObject\n              Resource: !Sub ${Data.Outputs.DocumentsBucketArn}/documents/*",
        "Action: kms:Decrypt\n              Resource: !GetAtt Data.Outputs.DataKeyArn",
        "ReadFunction opens what DataKey seals",
    ),
    (
        "template.yaml",
        "StringEquals: { \"kms:EncryptionContext:purpose\": [identity-provider, identifiers] }",
        "StringEquals: { aws:RequestedRegion: us-east-1 }",
        "SignInFunction opens whatever DataKey seals",
    ),
    (
        "template.yaml",
        "[authentication-request#*, last-sign-in#*, member#*,",
        "[authentication-request#*, identity-providers#all, member#*,",
        "SignInFunction may dynamodb:PutItem identity-providers#all, which only the operator writes",
    ),
    (
        "template.yaml",
        "                - !GetAtt TokenFunctionRole.Arn\n",
        "                - \"*\"\n",
        "SigningKey is open to",
    ),
    (
        "template.yaml",
        "LeadingKeys: [count#*]",
        "LeadingKeys: [signing-keys#*]",
        "AuthorizeFunction may dynamodb:UpdateItem signing-keys#*, which only the operator writes",
    ),
    (
        "template.yaml",
        "[request#*, session#*, code#*, last-sign-in#*, sign-in#*]",
        "[request#*, session#*, code#*, client#*]",
        "AuthorizeFunction may dynamodb:PutItem client#*, which only the operator writes",
    ),
    (
        "template.yaml",
        "LeadingKeys: [count#*]",
        "LeadingKeys: [\"*\"]",
        "AuthorizeFunction may dynamodb:UpdateItem rows of AuthTable that it does not need",
    ),
    (
        "template.yaml",
        "[Patient/*, shared,",
        "[Patient/*, home/*, shared,",
        "ReadFunction may dynamodb:GetItem rows of ResourcesTable that it does not need",
    ),
    (
        "template.yaml",
        "- Sid: CheckGrantAndKeys",
        "- Sid: CheckGrantAndKeys\n              NotAction: x",
        "ReadFunction has a statement with NotAction",
    ),
    (
        "template.yaml",
        "            - Sid: CheckGrantAndKeys\n              Effect: Allow\n              Action: dynamodb:GetItem\n              Resource: !GetAtt Data.Outputs.AuthTableArn",
        "            - Sid: CheckGrantAndKeys\n              Effect: Allow\n              Action: dynamodb:UpdateItem\n              Resource: !GetAtt Data.Outputs.AuthTableArn",
        "ReadFunction reads health data and writes AuthTable",
    ),
    (
        "template.yaml",
        "            - Sid: WriteAudit\n              Effect: Allow\n              Action: dynamodb:PutItem",
        "            - Sid: WriteAudit\n              Effect: Allow\n              Action: dynamodb:UpdateItem",
        "AuthorizeFunction may dynamodb:UpdateItem on AuditTable",
    ),
    (
        "template.yaml",
        "      Policies:\n        - Version",
        "      Policies:\n        - AmazonS3FullAccess\n        - Version",
        "AuthorizeFunction has more than one policy",
    ),
    (
        "template.yaml",
        "dynamodb:Attributes: [pk, sk, ttl]",
        "dynamodb:Attributes: [pk, sk, ttl, outcome]",
        "CloseFunction may dynamodb:UpdateItem on AuditTable",
    ),
    (
        "template.yaml",
        "Principal: { AWS: !GetAtt CloseFunctionRole.Arn }",
        "Principal: { AWS: !GetAtt TokenFunctionRole.Arn }",
        "TokenFunction signs with AuditKey",
    ),
    ("infra/data.yaml", "Mode: COMPLIANCE", "Mode: GOVERNANCE", "AuditArchive can be changed"),
    ("template.yaml", "Architectures: [arm64]", "Architectures: [x86_64]", "ReadFunction is not built for arm64"),
    ("template.yaml", "Timeout: 20", "Timeout: 60", "ReadFunction outlives API Gateway's patience"),
    ("template.yaml", "Tracing: Disabled", "Tracing: Active", "ReadFunction is traced"),
    ("template.yaml", "LogFormat: JSON", "LogFormat: Text", "ReadFunction does not log JSON"),
    (
        "template.yaml",
        "LoggingConfig: { LogGroup: !Ref ReadLogs }",
        "MemorySize: 512",
        "ReadFunction has no log group of its own",
    ),
    (
        "template.yaml",
        "LoggingConfig: { LogGroup: !Ref ReadLogs }",
        "LoggingConfig: { LogGroup: !Ref TokenLogs }",
        "has no log group of its own",
    ),
    ("template.yaml", "      RetentionInDays: !Ref LogRetentionDays\n", "", "AccessLogs is kept for ever"),
    (
        "template.yaml",
        "      KmsKeyId: !GetAtt Data.Outputs.DataKeyArn\n",
        "",
        "AccessLogs is not encrypted with DataKey",
    ),
    (
        "template.yaml",
        "        ThrottlingRateLimit: !Ref ThrottleRate\n",
        "",
        "Api lets any number of requests through",
    ),
    (
        "template.yaml",
        "\"routeKey\":\"$context.routeKey\"",
        "\"path\":\"$context.path\"",
        "the access log names $context.path",
    ),
    ("template.yaml", "[AuthorizeLogs, TokenLogs", "[TokenLogs", "Alarms does not wait for AuthorizeLogs"),
    (
        "template.yaml",
        "Data:\n    Type: AWS::CloudFormation::Stack\n    DeletionPolicy: Retain",
        "Data:\n    Type: AWS::CloudFormation::Stack",
        "Data goes with its stack",
    ),
    (
        "infra/data.yaml",
        "DeletionProtectionEnabled: true",
        "DeletionProtectionEnabled: false",
        "ResourcesTable may be deleted",
    ),
    ("infra/data.yaml", "    DeletionPolicy: Retain\n", "", "ResourcesTable goes with its stack"),
    ("infra/data.yaml", "    UpdateReplacePolicy: Retain\n", "", "ResourcesTable goes with its stack"),
    (
        "infra/data.yaml",
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
        "ResourcesTable cannot go back in time",
    ),
    (
        "infra/data.yaml",
        "KMSMasterKeyId: !Ref DataKey",
        "KMSMasterKeyId: alias/aws/dynamodb",
        "ResourcesTable is not encrypted with DataKey",
    ),
    (
        "infra/data.yaml",
        "TimeToLiveSpecification: { AttributeName: ttl, Enabled: true }",
        "Tags: []",
        "AuthTable keeps what is over",
    ),
    (
        "infra/data.yaml",
        "SSEAlgorithm: aws:kms, KMSMasterKeyID: !Ref DataKey",
        "SSEAlgorithm: AES256",
        "DocumentsBucket is not encrypted with DataKey",
    ),
    (
        "infra/data.yaml",
        "RestrictPublicBuckets: true",
        "RestrictPublicBuckets: false",
        "DocumentsBucket may become public",
    ),
    (
        "infra/data.yaml",
        "aws:SecureTransport: \"false\"",
        "aws:SecureTransport: \"true\"",
        "DocumentsBucket takes plain HTTP",
    ),
    (
        "infra/data.yaml",
        "Resource: [!GetAtt DocumentsBucket.Arn, !Sub \"${DocumentsBucket.Arn}/*\"]",
        "Resource: !GetAtt DocumentsBucket.Arn",
        "DocumentsBucket takes plain HTTP",
    ),
    (
        "infra/data.yaml",
        "s3:signatureAge: 60000",
        "s3:signatureAge: 600000",
        "DocumentsBucket takes links that are older than a minute",
    ),
    (
        "infra/data.yaml",
        "AllowedMethods: [GET]",
        "AllowedMethods: [GET, PUT]",
        "DocumentsBucket cannot be read by a page, or more than read",
    ),
    (
        "infra/alarms.yaml",
        "Dimensions: [{ Name: Alarm, Value: documents }]",
        "Dimensions: [{ Name: Alarm, Value: document }]",
        "nothing watches lines with alarm \"documents\"",
    ),
    (
        "infra/data.yaml",
        "kms:CallerAccount: !Ref AWS::AccountId",
        "aws:PrincipalType: User",
        "DataKey is open to other accounts",
    ),
    ("infra/data.yaml", "EnableKeyRotation: true", "EnableKeyRotation: false", "DataKey is never rotated"),
    ("infra/alarms.yaml", "MetricName: 5xx", "MetricName: 6xx", "nothing watches AWS/ApiGateway 5xx"),
    ("infra/alarms.yaml", "Threshold: 15000", "Threshold: 25000", "NearDeadline rings after the deadline"),
    (
        "infra/alarms.yaml",
        "      AlarmActions: !If [SomebodyIsTold, [!Ref Topic], !Ref AWS::NoValue]\n",
        "",
        "ServerErrors tells nobody",
    ),
    (
        "infra/alarms.yaml",
        "      TreatMissingData: notBreaching",
        "      TreatMissingData: breaching",
        "ServerErrors rings when nothing happens",
    ),
    (
        "infra/alarms.yaml",
        "MetricName: SignInsFailed, MetricValue: \"1\"",
        "MetricName: Others, MetricValue: \"1\"",
        "feeds no alarm",
    ),
    ("infra/alarms.yaml", "${FunctionLogs}/read", "${FunctionLogs}/reed", "ReadFunction's alarms are not counted"),
    (
        "infra/alarms.yaml",
        "$.integrationStatus = \"-\"",
        "$.integration = \"-\"",
        "RequestsThrottledFilter looks for integration",
    ),
    ("infra/alarms.yaml", "\"${AuditFailed.Arn}\",", "", "the dashboard does not show AuditFailed"),
    ("infra/alarms.yaml", "{\"type\": \"alarm\",", "{\"type\": alarm,", "the dashboard is no JSON"),
];

#[test]
fn our_rules_find_every_fault_that_is_put_in() {
    let templates = Templates::read();
    for (file, from, to, expected) in PUT_IN {
        let found = faults(&templates.altered(file, from, to));
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{file}: {from:?} became {to:?}, and the rules said {found:#?} instead of {expected:?}"
        );
    }
}
