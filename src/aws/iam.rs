//! AWS IAM: what the policies of a role would say to an action, asked without doing it. One operation; reads only.

use aws_sdk_iam::Client;
use aws_sdk_iam::types as sdk;

use super::AwsError;

#[derive(Clone, Debug)]
pub struct Iam {
    pub(super) client: Client,
}

/// IAM's answer for one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    pub action: String,
    /// `allowed`, `explicitDeny`, `implicitDeny`.
    pub decision: String,
    /// Condition keys that the policies ask for and that nobody named: the decision may hang on them.
    pub missing_context: Vec<String>,
    /// Whether the organisation's policies allow it, and the permissions boundary; `None` where IAM does not say.
    pub by_organization: Option<bool>,
    pub by_boundary: Option<bool>,
}

impl Simulated {
    pub fn is_allowed(&self) -> bool {
        self.decision == "allowed"
    }
}

impl Iam {
    /// SimulatePrincipalPolicy of a role's or user's own policies, all pages.
    pub async fn simulate_principal_policy(
        &self,
        principal_arn: &str,
        actions: &[&str],
        resource: &str,
        context: &[(&str, &str)],
    ) -> Result<Vec<Simulated>, AwsError> {
        const OPERATION: &str = "iam:SimulatePrincipalPolicy";
        let entries: Vec<sdk::ContextEntry> = context
            .iter()
            .map(|(key, value)| {
                sdk::ContextEntry::builder()
                    .context_key_name(*key)
                    .context_key_values(*value)
                    .context_key_type(sdk::ContextKeyTypeEnum::String)
                    .build()
            })
            .collect();
        let mut simulated = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .client
                .simulate_principal_policy()
                .policy_source_arn(principal_arn)
                .set_action_names(Some(actions.iter().map(|a| (*a).to_owned()).collect()))
                .resource_arns(resource)
                .set_context_entries(Some(entries.clone()))
                .set_marker(marker.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
            for result in answer.evaluation_results.unwrap_or_default() {
                simulated.push(Simulated {
                    action: result.eval_action_name,
                    decision: result.eval_decision.as_str().to_owned(),
                    missing_context: result.missing_context_values.unwrap_or_default(),
                    by_organization: result
                        .organizations_decision_detail
                        .map(|d| d.allowed_by_organizations),
                    by_boundary: result
                        .permissions_boundary_decision_detail
                        .map(|d| d.allowed_by_permissions_boundary),
                });
            }
            marker = answer
                .marker
                .filter(|m| answer.is_truncated && !m.is_empty());
            if marker.is_none() {
                break;
            }
        }
        // An action that got no answer is not one that was allowed.
        match actions
            .iter()
            .find(|a| simulated.iter().all(|s| s.action != **a))
        {
            Some(action) => Err(AwsError::malformed(
                OPERATION,
                &format!("evaluation of {action}"),
            )),
            None => Ok(simulated),
        }
    }
}
