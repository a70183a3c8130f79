//! ARNs of resources, all in one account and one region.

use crate::{ACCOUNT, REGION};

/// The ARN of a KMS key.
pub(crate) fn key_arn(key_id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}")
}

/// The ARN of a function.
pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}
