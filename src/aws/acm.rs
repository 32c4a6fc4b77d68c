//! AWS Certificate Manager: which names a certificate is good for.

use aws_sdk_acm::Client;

use super::AwsError;

#[derive(Clone, Debug)]
pub struct Acm {
    pub(super) client: Client,
}

impl Acm {
    /// DescribeCertificate: its domain name and the alternative ones, in small letters.
    pub async fn describe_certificate(&self, arn: &str) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "acm:DescribeCertificate";
        let answer = self
            .client
            .describe_certificate()
            .certificate_arn(arn)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        let certificate = answer
            .certificate
            .ok_or_else(|| AwsError::malformed(OPERATION, "Certificate"))?;
        let mut names: Vec<String> = certificate
            .domain_name
            .into_iter()
            .chain(certificate.subject_alternative_names.unwrap_or_default())
            .map(|name| name.to_ascii_lowercase())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }
}
