//! The protection of data, keys, logs and the API itself.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value as Json, json};
use shared::bounds::LINK_SECONDS;

use super::{Resources, functions, of_type, texts};

pub(super) fn faults(resources: &Resources) -> Vec<String> {
    [tables_and_bucket(resources), keys(resources), api(resources), logs(resources), runtime(resources)].concat()
}

/// The rules that a part of the templates breaks.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, fault: String) {
        if !holds {
            self.0.push(fault);
        }
    }
}

fn is_retained(resource: &Json) -> bool {
    resource["DeletionPolicy"] == "Retain" && resource["UpdateReplacePolicy"] == "Retain"
}

fn tables_and_bucket(resources: &Resources) -> Vec<String> {
    let mut faults = Faults::default();
    // Termination protection does not help here: an update that drops the nested stack deletes it all the same (AWS
    // CloudFormation User Guide, "Protecting a stack from being deleted").
    faults.unless(is_retained(&resources["Data"]), "Data goes with its stack".to_owned());
    for (id, table) in of_type(resources, "AWS::DynamoDB::Table") {
        let properties = &table["Properties"];
        let encryption = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": "DataKey"});
        let recovery = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        faults.unless(is_retained(table), format!("{id} goes with its stack"));
        faults.unless(properties["DeletionProtectionEnabled"] == true, format!("{id} may be deleted"));
        faults.unless(*recovery == true, format!("{id} cannot go back in time"));
        faults.unless(properties["SSESpecification"] == encryption, format!("{id} is not encrypted with DataKey"));
        faults.unless(properties["BillingMode"] == "PAY_PER_REQUEST", format!("{id} costs while nobody calls"));
        if ["AuditTable", "AuthTable"].contains(&id.as_str()) {
            let time_to_live = json!({"AttributeName": "ttl", "Enabled": true});
            faults.unless(properties["TimeToLiveSpecification"] == time_to_live, format!("{id} keeps what is over"));
        } else {
            faults.unless(properties["TimeToLiveSpecification"].is_null(), format!("{id} forgets by itself"));
        }
    }
    for (id, bucket) in of_type(resources, "AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        let rules = &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"];
        let encryption = json!({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "DataKey"});
        let blocks = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        let blocked = blocks.iter().all(|block| properties["PublicAccessBlockConfiguration"][block] == true);
        faults.unless(is_retained(bucket), format!("{id} goes with its stack"));
        faults.unless(
            rules[0]["ServerSideEncryptionByDefault"] == encryption,
            format!("{id} is not encrypted with DataKey"),
        );
        faults.unless(blocked, format!("{id} may become public"));
        faults.unless(
            properties["VersioningConfiguration"]["Status"] == "Enabled",
            format!("{id} keeps no old versions"),
        );
        let owner = &properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
        faults.unless(*owner == "BucketOwnerEnforced", format!("{id} knows access lists"));
        let refuses = of_type(resources, "AWS::S3::BucketPolicy").any(|(_, policy)| {
            let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array();
            policy["Properties"]["Bucket"] == *id
                && is_retained(policy)
                && statements.into_iter().flatten().any(|statement| refuses_plain_http(statement, id))
        });
        faults.unless(refuses, format!("{id} takes plain HTTP"));
        if id == "AuditArchive" {
            // No page reads it, and no link leads there.
            let lock = json!({"ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": "${AuditArchiveDays}"}}});
            let is_locked = properties["ObjectLockEnabled"] == true && properties["ObjectLockConfiguration"] == lock;
            faults.unless(is_locked, format!("{id} can be changed"));
            faults.unless(properties["CorsConfiguration"].is_null(), format!("{id} can be read by a page"));
            continue;
        }
        let ends = of_type(resources, "AWS::S3::BucketPolicy").any(|(_, policy)| {
            let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_array();
            policy["Properties"]["Bucket"] == *id && statements.into_iter().flatten().any(refuses_old_links)
        });
        faults.unless(ends, format!("{id} takes links that are older than a minute"));
        let methods = &properties["CorsConfiguration"]["CorsRules"][0]["AllowedMethods"];
        faults.unless(*methods == json!(["GET"]), format!("{id} cannot be read by a page, or more than read"));
    }
    faults.0
}

fn refuses_old_links(statement: &Json) -> bool {
    let condition = json!({"StringEquals": {"s3:authType": "REST-QUERY-STRING"},
        "NumericGreaterThan": {"s3:signatureAge": LINK_SECONDS * 1000}});
    statement["Effect"] == "Deny" && statement["Principal"] == "*" && statement["Condition"] == condition
}

fn refuses_plain_http(statement: &Json, bucket: &str) -> bool {
    let all = [format!("{bucket}.Arn"), format!("{bucket}.Arn/*")];
    statement["Effect"] == "Deny"
        && statement["Principal"] == "*"
        && statement["Action"] == "s3:*"
        && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
        && all.iter().all(|part| texts(&statement["Resource"]).contains(&part.as_str()))
}

fn is_role_of_functions(resources: &Resources, principal: &Json) -> bool {
    let roles = texts(&principal["AWS"]);
    let is_role = |role: &&str| {
        let function = role.strip_suffix("Role.Arn").unwrap_or_default();
        resources.get(function).is_some_and(|resource| resource["Type"] == "AWS::Serverless::Function")
    };
    !roles.is_empty() && roles.iter().all(is_role)
}

/// A key policy's `Resource: "*"` means the key itself. So the principal and the condition decide.
fn keys(resources: &Resources) -> Vec<String> {
    let mut faults = Faults::default();
    for (id, key) in of_type(resources, "AWS::KMS::Key") {
        let properties = &key["Properties"];
        let signs = properties["KeyUsage"] == "SIGN_VERIFY";
        // KMS rotates neither asymmetric keys nor those of authentication codes.
        let is_fixed = signs || properties["KeyUsage"] == "GENERATE_VERIFY_MAC";
        faults.unless(is_retained(key), format!("{id} goes with its stack"));
        faults.unless(is_fixed || properties["EnableKeyRotation"] == true, format!("{id} is never rotated"));
        for statement in properties["KeyPolicy"]["Statement"].as_array().into_iter().flatten() {
            let principal = &statement["Principal"];
            let root = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root";
            let condition = &statement["Condition"];
            let ours = &condition["StringEquals"]["kms:CallerAccount"] == "${AWS::AccountId}";
            let through = !texts(&condition["StringEquals"]["kms:ViaService"]).is_empty();
            let logs = texts(&condition["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]);
            match principal["AWS"].as_str() {
                Some(account) if account == root => {}
                Some("*") => faults.unless(ours && through, format!("{id} is open to other accounts")),
                // A function's own role. Its rights are checked with the others (see policies).
                _ if signs && is_role_of_functions(resources, principal) => {}
                _ => {
                    let is_logs = principal["Service"] == "logs.${AWS::Region}.amazonaws.com";
                    let in_stack = !logs.is_empty() && logs.iter().all(|log| log.contains("/${AWS::StackName}/*"));
                    faults.unless(is_logs && in_stack, format!("{id} is open to {principal}"));
                }
            }
            let all = texts(&statement["Action"]).iter().any(|action| action.contains('*'));
            faults.unless(!all || principal["AWS"] == root, format!("{id} gives everything to {principal}"));
        }
    }
    faults.0
}

fn api(resources: &Resources) -> Vec<String> {
    let mut faults = Faults::default();
    for (id, api) in of_type(resources, "AWS::Serverless::HttpApi") {
        let properties = &api["Properties"];
        let limits = &properties["DefaultRouteSettings"];
        let limited = ["ThrottlingRateLimit", "ThrottlingBurstLimit"].iter().all(|limit| !limits[limit].is_null());
        faults.unless(limited, format!("{id} lets any number of requests through"));
        faults.unless(
            properties["CorsConfiguration"].is_null(),
            format!("{id} answers preflights for the sign-in pages"),
        );
        let format = properties["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
        faults.unless(!format.is_empty(), format!("{id} has no access log"));
        // Only the audit may tell who asked about whom.
        for word in ["path", "sourceIp", "queryString", "userAgent", "header", "authorizer", "identity"] {
            faults
                .unless(!format.contains(&format!("$context.{word}")), format!("the access log names $context.{word}"));
        }
    }
    faults.0
}

fn logs(resources: &Resources) -> Vec<String> {
    let mut faults = Faults::default();
    for (id, group) in of_type(resources, "AWS::Logs::LogGroup") {
        let properties = &group["Properties"];
        faults.unless(!properties["RetentionInDays"].is_null(), format!("{id} is kept for ever"));
        faults.unless(properties["KmsKeyId"] == "DataKey.Arn", format!("{id} is not encrypted with DataKey"));
    }
    faults.0
}

fn runtime(resources: &Resources) -> Vec<String> {
    let mut faults = Faults::default();
    let mut groups = BTreeSet::new();
    for (id, function) in functions(resources) {
        let group = function["LoggingConfig"]["LogGroup"].as_str().unwrap_or_default();
        let own =
            resources.get(group).is_some_and(|group| group["Type"] == "AWS::Logs::LogGroup") && groups.insert(group);
        faults.unless(own, format!("{id} has no log group of its own"));
        faults.unless(function["LoggingConfig"]["LogFormat"] == "JSON", format!("{id} does not log JSON"));
        faults.unless(function["Architectures"] == json!(["arm64"]), format!("{id} is not built for arm64"));
        let timeout = function["Timeout"].as_u64().unwrap_or(u64::MAX);
        let mut events = function["Events"].as_object().into_iter().flatten();
        let has_callers = events.any(|(_, event)| event["Type"] == "HttpApi");
        faults.unless(timeout < 30 || !has_callers, format!("{id} outlives API Gateway's patience of 30 s"));
        faults.unless(function["Tracing"] == "Disabled", format!("{id} is traced"));
        faults.unless(function["FunctionUrlConfig"].is_null(), format!("{id} has a way in beside the API"));
    }
    faults.0
}

/// The properties that CloudFormation cannot change in place, for people to read.
pub(super) fn tables(resources: &Resources) -> String {
    let mut text =
        "Properties of tables that cannot change: after a change here CloudFormation replaces the table by an empty one.\n"
            .to_owned();
    for (id, table) in of_type(resources, "AWS::DynamoDB::Table") {
        let properties = &table["Properties"];
        writeln!(text, "\n{id}\n  name{:<10}{}", "", properties["TableName"].as_str().unwrap_or("given by AWS"))
            .unwrap();
        writeln!(text, "  key{:<11}{}", "", schema(&properties["KeySchema"])).unwrap();
        for index in properties["LocalSecondaryIndexes"].as_array().into_iter().flatten() {
            let (name, projection) = (&index["IndexName"], &index["Projection"]["ProjectionType"]);
            let [name, projection] = [name, projection].map(|value| value.as_str().unwrap_or_default());
            writeln!(text, "  local index   {name}: {}, {projection}", schema(&index["KeySchema"])).unwrap();
        }
        for index in properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
            let (name, projection) = (&index["IndexName"], &index["Projection"]["ProjectionType"]);
            let [name, projection] = [name, projection].map(|value| value.as_str().unwrap_or_default());
            writeln!(text, "  global index  {name}: {}, {projection}", schema(&index["KeySchema"])).unwrap();
        }
    }
    text
}

fn schema(key: &Json) -> String {
    let part = |part: &Json| part["AttributeName"].as_str().unwrap_or_default().to_owned();
    key.as_array().into_iter().flatten().map(part).collect::<Vec<_>>().join(", ")
}
