use super::*;
use crate::cfn::template::Template;

const TEMPLATE: &str = r"
Parameters:
  Issuer: {Type: String, Default: ''}
  Stage: {Type: String, Default: prod}
  Origins: {Type: CommaDelimitedList, Default: 'a, b'}
  Count: {Type: Number, Default: 3}
  Required: {Type: String}
Mappings: {Sizes: {prod: {memory: 512}}}
Conditions:
  HasIssuer: !Not [!Equals [!Ref Issuer, '']]
  IsProd: !Equals [!Ref Stage, prod]
  Both: !And [!Condition HasIssuer, !Condition IsProd]
  Either: {'Fn::Or': [{Condition: HasIssuer}, {Condition: IsProd}]}
  Loop: !Not [!Condition Loop]
Resources:
  Things: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Sub '${AWS::StackName}-things'}}
  Circular: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Ref Circular}}
  Docs: {Type: 'AWS::S3::Bucket'}
  Queue: {Type: 'AWS::SQS::Queue'}
";

fn resolve(text: &str) -> Result<Option<Value>> {
    let template = Template::parse(TEMPLATE).expect("a template");
    let resolver = Resolver::new(&template, &BTreeMap::new()).expect("parameters");
    let value = crate::cfn::yaml::to_json(serde_yaml_ng::from_str(text).expect("YAML")).expect("JSON");
    resolver.resolve(&value, 0)
}

fn resolved(text: &str) -> Value {
    resolve(text).expect("resolvable").expect("a value")
}

#[test]
fn every_supported_function_resolves() {
    for (text, expected) in [
        ("!Ref Stage", "prod"),
        ("!Ref Things", "local-things"),
        ("!Ref Docs", "docs"),
        ("!GetAtt Things.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/local-things"),
        ("'Fn::GetAtt': [Docs, Arn]", "arn:aws:s3:::docs"),
        ("!Sub 'x-${Things}-${Docs.Arn}-${!Kept}'", "x-local-things-arn:aws:s3:::docs-${Kept}"),
        ("!Sub ['${A}/${Stage}', {A: !Ref Count}]", "3/prod"),
        ("!Join ['-', [a, !Ref Stage]]", "a-prod"),
        ("!Join ['', !Ref Origins]", "ab"),
        ("!Select [1, !Split ['/', 'a/b/c']]", "b"),
        ("!If [Both, yes, !If [Either, either, none]]", "either"),
    ] {
        assert_eq!(resolved(text), expected, "{text}");
    }
    assert_eq!(resolved("!FindInMap [Sizes, !Ref Stage, memory]"), 512);
}

#[test]
fn no_value_removes_the_property() {
    let value = resolved("{a: !If [HasIssuer, x, !Ref 'AWS::NoValue'], b: [!Ref 'AWS::NoValue', 1]}");
    assert_eq!(value, serde_json::json!({"b": [1]}));
}

#[test]
fn what_cannot_be_resolved_is_named() {
    for (text, named) in [
        ("!Ref Nothing", "Nothing"),
        ("!Ref Queue", "AWS::SQS::Queue"),
        ("!Ref Required", "Required"),
        ("!GetAtt Things.TableId", "TableId"),
        ("!ImportValue x", "Fn::ImportValue"),
        ("!Sub '${Gone}'", "Gone"),
        ("!If [Missing, a, b]", "Missing"),
        ("!Select [9, [a]]", "9"),
        ("!Ref Circular", "refers to itself"),
        ("!If [Loop, a, b]", "refer to each other"),
    ] {
        let error = format!("{:#}", resolve(text).expect_err(text));
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn an_unknown_parameter_is_refused() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let given = BTreeMap::from([("Typo".to_owned(), String::new())]);
    let error = Resolver::new(&template, &given).expect_err("refused");
    assert!(error.to_string().contains("Typo"));
}
