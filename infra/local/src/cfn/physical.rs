//! The physical ids and attributes of the template's resources.
//!
//! Every name follows from the template alone, so that references resolve before anything exists, and a restart finds
//! the resources of the last run. A name does not depend on the nested stack of its resource: a resource may move
//! between stacks, and is still found in a data folder.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::arn::{function_arn, key_arn};
use crate::cfn::intrinsics::Resolver;
use crate::cfn::template::TemplateResource;
use crate::{ACCOUNT, REGION};

impl Resolver<'_> {
    /// The value of `Ref` for a resource.
    ///
    /// # Errors
    /// No such resource, or a type this stack does not provide.
    pub(crate) fn physical_id(&self, id: &str, depth: usize) -> Result<String> {
        let resource = self.resource(id)?;
        let named = |property| resource.properties.get(property).filter(|name| !name.is_null());
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => match named("TableName") {
                Some(name) => self.text(name, depth),
                None => Ok(id.to_owned()),
            },
            "AWS::S3::Bucket" => {
                let name = match named("BucketName") {
                    Some(name) => self.text(name, depth)?,
                    None => id.to_ascii_lowercase(),
                };
                ensure!(is_bucket_name(&name), "{id}: {name:?} is not a bucket name");
                Ok(name)
            }
            "AWS::KMS::Key" => Ok(key_id(id)),
            "AWS::KMS::Alias" => self.text(named("AliasName").unwrap_or(&Value::Null), depth),
            "AWS::Serverless::Function" => Ok(id.to_owned()),
            "AWS::Serverless::HttpApi" => Ok("local".to_owned()),
            kind => bail!("{id} is a {kind}, which this stack does not provide"),
        }
    }

    /// The value of `Fn::GetAtt` for a resource.
    ///
    /// # Errors
    /// No such resource, or an attribute this stack does not provide.
    pub(crate) fn physical_attribute(&self, id: &str, name: &str, depth: usize) -> Result<String> {
        if name == "Arn" && self.is_role_of_a_function(id) {
            return Ok(format!("arn:aws:iam::{ACCOUNT}:role/{id}"));
        }
        if let Some(output) = name.strip_prefix("Outputs.") {
            let nested = self.nested(id)?.with_context(|| format!("{id} is no nested stack with a template here"))?;
            return nested.output(output, depth).with_context(|| format!("nested stack {id}"));
        }
        let physical = self.physical_id(id, depth)?;
        match (self.resource(id)?.kind.as_str(), name) {
            ("AWS::DynamoDB::Table", "Arn") => Ok(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{physical}")),
            // The end of a stream's ARN is the moment at which it was enabled.
            ("AWS::DynamoDB::Table", "StreamArn") => {
                Ok(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{physical}/stream/2026-01-01T00:00:00.000"))
            }
            ("AWS::S3::Bucket", "Arn") => Ok(format!("arn:aws:s3:::{physical}")),
            ("AWS::KMS::Key", "Arn") => Ok(key_arn(&physical)),
            ("AWS::KMS::Key", "KeyId") => Ok(physical),
            ("AWS::Serverless::Function", "Arn") => Ok(function_arn(&physical)),
            (kind, _) => bail!("{id} is a {kind}, whose {name} this stack does not provide"),
        }
    }

    /// SAM gives the function `X` a role `XRole` ("Generated CloudFormation resources for
    /// `AWS::Serverless::Function`").
    fn is_role_of_a_function(&self, id: &str) -> bool {
        let function = id.strip_suffix("Role").and_then(|function| self.template.resources.get(function));
        function.is_some_and(|function| function.kind == "AWS::Serverless::Function")
    }

    fn resource(&self, id: &str) -> Result<&TemplateResource> {
        let resource = self.template.resources.get(id);
        resource.with_context(|| format!("the template has no parameter or resource {id}"))
    }
}

/// The id of the key with this logical id. It is always the same, so that a key is found again in a data folder.
fn key_id(logical_id: &str) -> String {
    let name = format!("local-stack key {logical_id}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    // RFC 9562, version 8: a UUID of arbitrary content.
    crate::random::uuid_of(bytes, 8)
}

/// Amazon S3's rule for names of general purpose buckets.
fn is_bucket_name(name: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| alphanumeric(byte) || matches!(byte, b'-' | b'.'))
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && !name.contains("..")
}
