//! Random identifiers of requests, invocations and keys.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;

/// A random UUID (RFC 9562, version 4).
pub(crate) fn uuid() -> String {
    uuid_of(bytes(), 4)
}

/// The UUID of sixteen bytes, in which the version and the RFC's variant are set.
pub(crate) fn uuid_of(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// A request id that looks like API Gateway's.
pub(crate) fn request_id() -> String {
    BASE64_URL_SAFE.encode(&bytes()[..11])
}

/// A trace id in X-Ray's form, not sampled.
pub(crate) fn trace_id(epoch_seconds: u64) -> String {
    let random = u128::from_be_bytes(bytes()) >> 32;
    format!("Root=1-{epoch_seconds:08x}-{random:024x};Sampled=0")
}

fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    // This cannot fail: aws-lc aborts the process if it has no randomness.
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    debug_assert!(filled.is_ok());
    bytes
}
