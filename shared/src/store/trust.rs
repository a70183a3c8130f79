//! The certificate authorities that a function trusts as it calls AWS.
//!
//! A machine's list has some 140 of them. To read it took two thirds of a function's start, and AWS's endpoints need only Amazon's own
//! (<https://www.amazontrust.com/repository/>; AWS documents them for clients that keep a list, "Amazon Trust Services certificate
//! authorities"). `AWS_CA_BUNDLE` puts another list in their place, for a network that opens TLS on the way. An app's key set
//! is fetched with the machine's whole list (`oauth/fetch.rs`).

use std::ffi::OsStr;

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Amazon Root CA 1 to 4, and the Starfield root by which older machines know them.
const AMAZON: &[u8] = include_bytes!("trust/amazon.pem");

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("AWS_CA_BUNDLE names {path}, {why}; name a file of certificates in PEM")]
pub struct TrustError {
    path: String,
    why: String,
}

/// The SDKs' HTTP client, with this trust. `bundle` is the value of `AWS_CA_BUNDLE`.
///
/// # Errors
/// [`TrustError`] where the bundle cannot be read, or holds no certificate.
pub(super) fn http_client(bundle: Option<&OsStr>) -> Result<SharedHttpClient, TrustError> {
    let roots = match bundle.filter(|path| !path.is_empty()) {
        Some(path) => certificates(path)?,
        None => AMAZON.to_vec(),
    };
    let trust = TrustStore::empty().with_pem_certificate(roots);
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|error| TrustError { path: "no file".into(), why: error.to_string() })?;
    Ok(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https())
}

/// The bytes of a file that holds certificates and nothing that is none. The SDK ends the process over one that does not read.
fn certificates(path: &OsStr) -> Result<Vec<u8>, TrustError> {
    let wrong = |why: String| TrustError { path: path.to_string_lossy().into_owned(), why };
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("which cannot be read: {error}")))?;
    let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| wrong(format!("which is not PEM: {error}")))?;
    let mut roots = RootCertStore::empty();
    match found.into_iter().try_fold(0, |count, certificate| roots.add(certificate).map(|()| count + 1)) {
        Ok(0) => Err(wrong("which holds no certificate".into())),
        Ok(_) => Ok(bytes),
        Err(error) => Err(wrong(format!("which holds a certificate that does not read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::objects::content_hash;

    /// As Amazon publishes them beside the certificates.
    #[test]
    fn the_certificates_are_those_that_amazon_publishes() {
        let found =
            CertificateDer::pem_slice_iter(AMAZON).map(|certificate| hex::encode(content_hash(&certificate.unwrap())));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
                "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
                "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
                "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
                "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
            ]
        );
    }

    #[test]
    fn another_bundle_takes_their_place_and_one_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(http_client(None).is_ok() && http_client(Some(OsStr::new(""))).is_ok());
        assert!(http_client(Some(written("good.pem", AMAZON).as_os_str())).is_ok());
        let broken = String::from_utf8_lossy(AMAZON).replacen("MIID", "AAAA", 1);
        for (path, why) in [
            (folder.path().join("none"), "cannot be read"),
            (written("empty.pem", b"nothing"), "holds no certificate"),
            (written("cut.pem", &AMAZON[..400]), "is not PEM"),
            (written("broken.pem", broken.as_bytes()), "does not read"),
        ] {
            let error = http_client(Some(path.as_os_str())).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("AWS_CA_BUNDLE names"), "{error}");
        }
    }
}
