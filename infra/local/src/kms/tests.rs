use super::key::KeySpec;
use super::*;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

async fn call(keyring: &Keyring, operation: &str, body: Value) -> Result<Value, KmsError> {
    operations::run(keyring, operation, body.to_string().as_bytes()).await
}

async fn kind_of_error(keyring: &Keyring, operation: &str, body: Value) -> &'static str {
    call(keyring, operation, body).await.expect_err("refused").kind
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().expect("text")).expect("base64")
}

fn definition(id: &str, spec: KeySpec) -> KeyDefinition {
    KeyDefinition { id: id.to_owned(), spec, description: String::new(), policy: None }
}

async fn keyring() -> Keyring {
    let keys = [
        definition("rsa", KeySpec::Rsa2048),
        definition("ecc", KeySpec::EccNistP256),
        definition("symmetric", KeySpec::SymmetricDefault),
        definition("hmac", KeySpec::Hmac256),
    ];
    Keyring::open(None, &keys).await.expect("a keyring")
}

const ALGORITHMS: [(&str, &str, &dyn VerificationAlgorithm); 2] = [
    ("rsa", "RSASSA_PKCS1_V1_5_SHA_256", &RSA_PKCS1_2048_8192_SHA256),
    ("ecc", "ECDSA_SHA_256", &ECDSA_P256_SHA256_ASN1),
];

#[tokio::test]
async fn digest_mode_signs_the_digest_itself() {
    let keyring = keyring().await;
    for (key, algorithm, verification) in ALGORITHMS {
        let public = call(&keyring, "GetPublicKey", json!({"KeyId": key})).await.expect("a key");
        // The verifier takes the SubjectPublicKeyInfo as KMS gives it.
        let public = UnparsedPublicKey::new(verification, bytes(&public["PublicKey"]));
        for round in 0..200 {
            let message = format!("header.payload-{round}");
            let (kind, sent) = match round % 2 {
                0 => ("DIGEST", digest(&SHA256, message.as_bytes()).as_ref().to_vec()),
                _ => ("RAW", message.clone().into_bytes()),
            };
            let request = json!({
                "KeyId": key, "SigningAlgorithm": algorithm,
                "MessageType": kind, "Message": BASE64_STANDARD.encode(sent),
            });
            let signed = call(&keyring, "Sign", request).await.expect("a signature");
            let verified = public.verify(message.as_bytes(), &bytes(&signed["Signature"]));
            verified.unwrap_or_else(|_| panic!("{algorithm} {kind} {round} verifies"));
        }
    }
}

#[tokio::test]
async fn a_key_answers_to_its_id_its_arn_and_its_aliases() {
    let keyring = keyring().await;
    let alias = json!({"AliasName": "alias/signing", "TargetKeyId": "rsa"});
    call(&keyring, "CreateAlias", alias.clone()).await.expect("an alias");
    for name in [
        "rsa",
        "alias/signing",
        "arn:aws:kms:us-east-1:000000000000:key/rsa",
        "arn:aws:kms:us-east-1:000000000000:alias/signing",
    ] {
        let described = call(&keyring, "DescribeKey", json!({"KeyId": name})).await.expect(name);
        assert_eq!(described["KeyMetadata"]["KeyId"], "rsa", "{name}");
    }
    assert_eq!(kind_of_error(&keyring, "CreateAlias", alias).await, "AlreadyExistsException");
}

#[tokio::test]
async fn refusals_have_the_names_that_kms_gives_them() {
    let keyring = keyring().await;
    let sign = |key: &str, algorithm: &str, kind: &str, message: &str| json!({"KeyId": key, "SigningAlgorithm": algorithm, "MessageType": kind, "Message": message});
    let mac = |key: &str, algorithm: &str| json!({"KeyId": key, "MacAlgorithm": algorithm, "Message": "AAAA"});
    let rs256 = "RSASSA_PKCS1_V1_5_SHA_256";
    for (operation, body, expected) in [
        ("DescribeKey", json!({"KeyId": "gone"}), "NotFoundException"),
        ("GetPublicKey", json!({"KeyId": "alias/gone"}), "NotFoundException"),
        ("GetPublicKey", json!({"KeyId": "symmetric"}), "InvalidKeyUsageException"),
        ("DescribeKey", json!({}), "ValidationException"),
        ("Sign", sign("rsa", rs256, "DIGEST", "AAAA"), "ValidationException"),
        ("Sign", sign("rsa", rs256, "RAW", ""), "ValidationException"),
        ("Sign", sign("rsa", rs256, "HASH", "AAAA"), "ValidationException"),
        ("Sign", sign("rsa", rs256, "RAW", "!"), "SerializationException"),
        ("Sign", sign("ecc", rs256, "RAW", "AAAA"), "InvalidKeyUsageException"),
        ("Sign", sign("symmetric", rs256, "RAW", "AAAA"), "InvalidKeyUsageException"),
        ("GenerateMac", mac("rsa", "HMAC_SHA_256"), "InvalidKeyUsageException"),
        ("GenerateMac", mac("hmac", "HMAC_SHA_512"), "InvalidKeyUsageException"),
        ("CreateKey", json!({"KeySpec": "ECC_NIST_P521"}), "UnsupportedOperationException"),
        ("CreateKey", json!({"KeySpec": "RSA_2048"}), "ValidationException"),
        ("CreateAlias", json!({"AliasName": "x", "TargetKeyId": "rsa"}), "ValidationException"),
        ("GetKeyPolicy", json!({"KeyId": "alias/rsa"}), "InvalidArnException"),
        ("GetKeyPolicy", json!({"KeyId": "rsa", "PolicyName": "mine"}), "NotFoundException"),
        ("PutKeyPolicy", json!({"KeyId": "rsa", "Policy": "{"}), "MalformedPolicyDocumentException"),
        ("ScheduleKeyDeletion", json!({"KeyId": "rsa", "PendingWindowInDays": 6}), "ValidationException"),
        ("CancelKeyDeletion", json!({"KeyId": "rsa"}), "UnknownOperationException"),
    ] {
        assert_eq!(kind_of_error(&keyring, operation, body).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn an_authentication_code_is_the_same_for_the_same_key_and_message_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = [definition("hmac", KeySpec::Hmac256), definition("other", KeySpec::Hmac256)];
    let open = || Keyring::open(Some(folder.path().to_path_buf()), &keys);
    let code = async |keyring: &Keyring, key: &str, message: &str| {
        let body = json!({"KeyId": key, "MacAlgorithm": "HMAC_SHA_256", "Message": message});
        call(keyring, "GenerateMac", body).await.expect("a code")["Mac"].clone()
    };
    let (first, again) = (open().await.expect("a keyring"), open().await.expect("the same keyring"));
    let known = code(&first, "hmac", "AAAA").await;
    assert_eq!(code(&again, "hmac", "AAAA").await, known);
    assert_ne!(code(&first, "hmac", "AAAB").await, known);
    assert_ne!(code(&first, "other", "AAAA").await, known);
}

#[tokio::test]
async fn a_data_folder_keeps_keys_and_aliases() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = [definition("a", KeySpec::Rsa2048), definition("b", KeySpec::EccNistP256)];
    let open = || Keyring::open(Some(folder.path().to_path_buf()), &keys);
    let first = open().await.expect("a keyring");
    first.provide_alias("alias/a", "a").expect("an alias");
    let spec = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
    let created = call(&first, "CreateKey", spec).await.expect("a key");
    let second = open().await.expect("a keyring again");
    second.provide_alias("alias/a", "a").expect("the alias again");
    for key in ["a", "b", "alias/a", created["KeyMetadata"]["KeyId"].as_str().expect("an id")] {
        let name = json!({"KeyId": key});
        let [one, two] = [
            call(&first, "GetPublicKey", name.clone()).await.expect(key),
            call(&second, "GetPublicKey", name).await.expect(key),
        ];
        assert_eq!(one["PublicKey"], two["PublicKey"]);
    }
}

#[tokio::test]
async fn a_key_made_with_a_policy_keeps_it_and_one_without_is_the_accounts() {
    let keyring = keyring().await;
    let policy = async |key: &str| call(&keyring, "GetKeyPolicy", json!({"KeyId": key})).await.expect("a policy");
    let default = policy("rsa").await;
    assert_eq!(default["PolicyName"], "default");
    assert!(default["Policy"].as_str().expect("text").contains(":root"));
    let own = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let spec = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY", "Description": "Signs", "Policy": own});
    let created = call(&keyring, "CreateKey", spec).await.expect("a key");
    assert_eq!(created["KeyMetadata"]["Description"], "Signs");
    let id = created["KeyMetadata"]["KeyId"].as_str().expect("an id");
    assert_eq!(policy(id).await["Policy"], own);
    let put = json!({"KeyId": id, "Policy": default["Policy"]});
    call(&keyring, "PutKeyPolicy", put).await.expect("a new policy");
    assert_eq!(policy(id).await["Policy"], default["Policy"]);
}

#[tokio::test]
async fn a_key_that_is_to_be_deleted_does_nothing_any_more_and_can_still_be_looked_at() {
    let keyring = keyring().await;
    let key = json!({"KeyId": "rsa"});
    let answer = call(&keyring, "ScheduleKeyDeletion", key.clone()).await.expect("scheduled");
    assert_eq!((&answer["KeyState"], &answer["PendingWindowInDays"]), (&json!("PendingDeletion"), &json!(30)));
    let sign = json!({"KeyId": "rsa", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256", "Message": "AAAA"});
    for (operation, body) in [("GetPublicKey", key.clone()), ("Sign", sign), ("ScheduleKeyDeletion", key.clone())] {
        assert_eq!(kind_of_error(&keyring, operation, body).await, "KMSInvalidStateException", "{operation}");
    }
    let described = call(&keyring, "DescribeKey", key.clone()).await.expect("a key");
    assert_eq!(described["KeyMetadata"]["KeyState"], "PendingDeletion");
    call(&keyring, "GetKeyPolicy", key).await.expect("a policy");
}

#[tokio::test]
async fn a_secret_opens_with_its_key_under_its_context_and_after_a_restart() {
    let folder = tempfile::tempdir().expect("there is room");
    let keys = [definition("symmetric", KeySpec::SymmetricDefault), definition("other", KeySpec::SymmetricDefault)];
    let open = async || Keyring::open(Some(folder.path().to_owned()), &keys).await.expect("a keyring");
    let context = json!({"issuer": "https://id.example"});
    let keyring = open().await;
    let request =
        json!({"KeyId": "symmetric", "Plaintext": BASE64_STANDARD.encode("secret"), "EncryptionContext": context});
    let sealed = call(&keyring, "Encrypt", request.clone()).await.expect("it is sealed")["CiphertextBlob"].clone();
    let again = call(&keyring, "Encrypt", request).await.expect("it is sealed")["CiphertextBlob"].clone();
    assert_ne!(sealed, again, "nothing tells that two secrets are the same");
    let decrypt =
        |key: &str, context: &Value| json!({"KeyId": key, "CiphertextBlob": sealed, "EncryptionContext": context});
    let keyring = open().await;
    let opened = call(&keyring, "Decrypt", decrypt("symmetric", &context)).await.expect("it opens");
    assert_eq!(bytes(&opened["Plaintext"]), b"secret");
    for (key, context, kind) in [
        ("symmetric", json!({"issuer": "https://evil.example"}), "InvalidCiphertextException"),
        ("symmetric", json!({}), "InvalidCiphertextException"),
        ("other", context.clone(), "IncorrectKeyException"),
    ] {
        assert_eq!(kind_of_error(&keyring, "Decrypt", decrypt(key, &context)).await, kind, "{key} {context}");
    }
    let keyring = self::keyring().await;
    let request = json!({"KeyId": "rsa", "Plaintext": BASE64_STANDARD.encode("secret")});
    assert_eq!(kind_of_error(&keyring, "Encrypt", request).await, "InvalidKeyUsageException");
}
