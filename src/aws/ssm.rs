//! SSM Parameter Store: what was before, where services cannot carry it in a tag.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types as sdk;

use super::AwsError;

/// GetParameters takes so many names at a time (API reference).
pub const NAMES_PER_CALL: usize = 10;

#[derive(Clone, Debug)]
pub struct Ssm {
    pub(super) client: Client,
}

impl Ssm {
    /// GetParameters, in tens: names and values. Those that are none are left out.
    pub async fn get_parameters(
        &self,
        names: &[String],
    ) -> Result<Vec<(String, String)>, AwsError> {
        let mut found = Vec::new();
        for some in names.chunks(NAMES_PER_CALL) {
            let answer = self
                .client
                .get_parameters()
                .set_names(Some(some.to_vec()))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ssm:GetParameters", e))?;
            found.extend(pairs(answer.parameters));
        }
        Ok(found)
    }

    /// PutParameter: a plain text, made or replaced.
    pub async fn put_parameter(&self, name: &str, value: &str) -> Result<(), AwsError> {
        self.client
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(sdk::ParameterType::String)
            .overwrite(true)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("ssm:PutParameter", e))?;
        Ok(())
    }

    /// DeleteParameter; one that is not there is no error.
    pub async fn delete_parameter(&self, name: &str) -> Result<(), AwsError> {
        let sent = self.client.delete_parameter().name(name).send().await;
        match sent.map_err(|e| AwsError::from_sdk("ssm:DeleteParameter", e)) {
            Err(e) if e.is_code("ParameterNotFound") => Ok(()),
            sent => sent.map(|_| ()),
        }
    }
}

fn pairs(parameters: Option<Vec<sdk::Parameter>>) -> impl Iterator<Item = (String, String)> {
    parameters
        .unwrap_or_default()
        .into_iter()
        .filter_map(|p| Some((p.name?, p.value?)))
}
