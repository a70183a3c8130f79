use super::*;
use crate::cfn::template::Template;

const TEMPLATE: &str = r"
Parameters: {Issuer: {Type: String, Default: ''}, Slow: {Type: Number, Default: 20}}
Conditions: {Never: !Equals [a, b]}
Globals:
  Function:
    Timeout: !Ref Slow
    LoggingConfig: {LogFormat: JSON}
    Environment: {Variables: {ISSUER: !Ref Issuer, TABLE: !Ref Things, LEVEL: info}}
Resources:
  Key: {Type: 'AWS::KMS::Key', Properties: {KeySpec: RSA_2048, KeyUsage: SIGN_VERIFY, Description: Signs, KeyPolicy: {Principal: !GetAtt ReadFunctionRole.Arn}}}
  Alias: {Type: 'AWS::KMS::Alias', Properties: {AliasName: alias/x, TargetKeyId: !Ref Key}}
  Docs: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Absent: {Type: 'AWS::DynamoDB::Table', Condition: Never}
  Alarm: {Type: 'AWS::CloudWatch::Alarm', Properties: {Dimensions: !GetAtt Nowhere.Name}}
  ReadFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: reader}}
    Properties:
      Policies: [!Unknown x]
      Timeout: 7
      LoggingConfig: {LogGroup: !Ref Alarm, ApplicationLogLevel: WARN}
      Environment: {Variables: {LEVEL: debug, KEY: !GetAtt Key.Arn}}
      Events:
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/fhir/{type}', Method: get}}
        Two: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  FallbackFunction:
    Type: AWS::Serverless::Function
    Properties: {Events: {All: {Type: HttpApi}}}
";

fn resources(text: &str) -> Result<StackResources> {
    let template = Template::parse(text).expect("a template");
    let given = BTreeMap::from([("Issuer".to_owned(), "http://127.0.0.1:1".to_owned())]);
    StackResources::new(&Resolver::new(&template, &given).expect("parameters"))
}

#[test]
fn a_template_becomes_tables_buckets_keys_functions_and_routes() {
    let resources = resources(TEMPLATE).expect("resources");
    assert_eq!(resources.buckets, ["docs"]);
    assert_eq!(resources.keys.len(), 1);
    assert_eq!(resources.aliases, [("alias/x".to_owned(), resources.keys[0].id.clone())]);
    assert_eq!(resources.tables.len(), 1, "a resource under a false condition is left out");
    assert_eq!(resources.tables[0].create["TableName"], "Things");
    assert!(resources.tables[0].time_to_live.is_some());

    let [fallback, read] = resources.functions.as_slice() else { panic!("two functions") };
    assert_eq!((fallback.binary.as_str(), read.binary.as_str()), ("fallback", "reader"));
    assert_eq!((fallback.timeout.as_secs(), read.timeout.as_secs()), (20, 7));
    assert_eq!(fallback.environment["ISSUER"], "http://127.0.0.1:1");
    assert_eq!((fallback.environment["LEVEL"].as_str(), read.environment["LEVEL"].as_str()), ("info", "debug"));
    assert_eq!((read.log_format.as_str(), read.log_level.as_deref()), ("JSON", Some("WARN")));
    assert!(read.environment["KEY"].starts_with("arn:aws:kms:"));
    let keys: Vec<&str> = resources.routes.iter().map(|route| route.key.as_str()).collect();
    assert_eq!(keys, ["$default", "GET /fhir/{type}"]);
}

#[test]
fn an_error_names_the_place_and_the_function() {
    let broken = TEMPLATE.replace("!Ref Things", "!Ref Gone");
    let error = format!("{:#}", resources(&broken).expect_err("refused"));
    for part in ["Resources.FallbackFunction", "Environment.Variables.TABLE", "Gone"] {
        assert!(error.contains(part), "{error}");
    }
}

/// A root template with one nested stack, in files.
fn nested(root: &str, inner: &str) -> Result<StackResources> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("infra")).expect("a folder");
    std::fs::write(folder.path().join("template.yaml"), root).expect("a file");
    std::fs::write(folder.path().join("infra/data.yaml"), inner).expect("a file");
    let template = Template::read(&folder.path().join("template.yaml"))?;
    StackResources::new(&Resolver::new(&template, &BTreeMap::new())?)
}

const ROOT: &str = r"
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {Never: !Equals [a, b]}
Resources:
  Alarm: {Type: 'AWS::CloudWatch::Alarm'}
  Data:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: infra/data.yaml
      Parameters: {Name: !Sub '${AWS::StackName}-${Stage}', Elsewhere: !Ref Alarm}
  Far: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://bucket.example/x.yaml'}}
  Off: {Type: 'AWS::Serverless::Application', Condition: Never, Properties: {Location: infra/data.yaml}}
  ReadFunction:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {A: !GetAtt Data.Outputs.Things, B: !Sub '${Data.Outputs.Arn}/x', C: !GetAtt Data.Outputs.Inside}}}
";

const INNER: &str = r"
Parameters: {Name: {Type: String}, Elsewhere: {Type: String}, Kept: {Type: String, Default: kept}}
Resources:
  Things: {Type: 'AWS::DynamoDB::Table', Properties: {KeySchema: [], Tags: !Ref Elsewhere}}
  Other: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Sub '${Name}-${Kept}'}}
Outputs:
  Things: {Value: !Ref Things}
  Arn: {Value: !GetAtt Other.Arn}
  Inside: {Value: !Ref 'AWS::StackName'}
";

#[test]
fn a_nested_stack_takes_parameters_in_and_gives_outputs_out() {
    let resources = nested(ROOT, INNER).expect("resources");
    let names: Vec<&Value> = resources.tables.iter().map(|table| &table.create["TableName"]).collect();
    assert_eq!(names, ["local-dev-kept", "Things"], "a name does not tell which stack it is in");
    let environment = &resources.functions[0].environment;
    assert_eq!(environment["A"], "Things");
    assert_eq!(environment["B"], "arn:aws:dynamodb:us-east-1:000000000000:table/local-dev-kept/x");
    assert_eq!(environment["C"], "local-Data");
}

#[test]
fn a_nested_stack_that_does_not_fit_is_refused_by_name() {
    let moved = |from: &str, to: &str| (ROOT.replace(from, to), INNER.replace(from, to));
    for ((root, inner), words) in [
        (moved("Data.Outputs.Arn", "Data.Outputs.Gone"), "Gone"),
        (moved("Data.Outputs.Arn", "Far.Outputs.Arn"), "Far is no nested stack with a template here"),
        (moved("Name: {Type: String}, ", ""), "the template of Data has no parameter Name"),
        (moved("Name: !Sub '${AWS::StackName}-${Stage}', ", ""), "parameter Name needs a value"),
        (moved("Name: !Sub '${AWS::StackName}-${Stage}'", "Name: !GetAtt Data.Outputs.Arn"), "refers to itself"),
        (moved("Condition: Never, ", ""), "two of the nested stacks have a resource"),
        (moved("infra/data.yaml", "infra/none.yaml"), "none.yaml"),
    ] {
        let error = format!("{:#}", nested(&root, &inner).expect_err(words));
        assert!(error.contains(words), "{error}");
    }
}
