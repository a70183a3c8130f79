//! The crates of the project: licences that its users can live with, and one stack for each purpose.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value as Json;
use spdx::{Expression, LicenseItem, ParseMode};
use tests::checkout;

/// Licences that demand no more than a notice, and so go with Apache-2.0 in anybody's product. Licences with duties for
/// those who change or link the code (GPL, LGPL, MPL) are not here. If an expression offers a choice, one of these must
/// suffice.
const LICENCES: [&str; 7] = ["Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Crates that no function may have: TLS and cryptography beside aws-lc-rs and rustls, HTTP clients beside hyper, and
/// the crates of tests and the local stack.
const NOT_DEPLOYED: [&str; 21] = [
    "attohttpc",
    "boring",
    "curl",
    "dynoxide-rs",
    "isahc",
    "local-stack",
    "mbedtls",
    "native-tls",
    "openssl",
    "openssl-sys",
    "p256",
    "patient-access",
    "reqwest",
    "ring",
    "rsa",
    "rusqlite",
    "s3s",
    "sample-members",
    "surf",
    "tests",
    "ureq",
];

/// Crates that a function has in one version only: two versions would be two stacks.
const ONCE: [&str; 7] = ["aws-lc-rs", "http", "hyper", "rustls", "serde_json", "tokio", "zstd"];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(checkout()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the allowed licences alone satisfy an expression. `/` is Cargo's old spelling of OR.
fn is_allowed(expression: &str) -> bool {
    let allowed = |item: &LicenseItem| match item {
        LicenseItem::Spdx { id, .. } => LICENCES.contains(&id.name),
        LicenseItem::Other { .. } => false,
    };
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|parsed| {
        // An exception (`WITH`) only removes conditions.
        parsed.evaluate(|requirement| allowed(&requirement.license))
    })
}

#[test]
fn every_dependency_has_a_licence_that_asks_for_no_more_than_a_notice() {
    let metadata: Json = serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--locked"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "not among {LICENCES:?}: {refused:#?}");
    assert!(packages.len() > 100, "{} packages cannot be all", packages.len());
}

#[test]
fn a_licence_counts_only_where_the_expression_leaves_that_choice() {
    for expression in ["MIT", "MIT/Apache-2.0", "MIT OR LGPL-2.1-or-later", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_allowed(expression), "{expression}");
    }
    for expression in ["", "GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "MPL-2.0", "LicenseRef-own", "MIT OR"] {
        assert!(!is_allowed(expression), "{expression}");
    }
}

#[test]
fn a_function_has_one_crypto_stack_and_one_http_stack() {
    let arguments = ["tree", "--package", "functions", "--edges", "normal", "--locked", "--prefix", "none"];
    let target = ["--target", "aarch64-unknown-linux-gnu", "--format", "{p}"];
    let listed = cargo(&[&arguments[..], &target].concat());
    let packages: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect();
    for name in NOT_DEPLOYED {
        assert!(!packages.iter().any(|(package, _)| *package == name), "{name} would be deployed");
    }
    for name in ONCE {
        let versions: Vec<&str> = packages.iter().filter(|(package, _)| *package == name).map(|(_, v)| *v).collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}
