//! Task definitions as raw JSON through the signed SDK call: what the typed structs do not know survives.
//!
//! Reads take the answer's body beside the SDK's parse of it; writes put the document's bytes in place of the
//! request's body before it is signed.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value};

use super::AwsError;
use super::ecs::Ecs;
use crate::model::task_definition::TaskDefinition;

/// Keeps the body of an answer. Only after deserialization is it in memory.
#[derive(Debug, Clone, Default)]
struct RawBody(Arc<Mutex<Vec<u8>>>);

#[dyn_dispatch_hint]
impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context
            .response()
            .body()
            .bytes()
            .unwrap_or_default()
            .to_vec();
        *self.0.lock().map_err(|_| "the body's lock is poisoned")? = body;
        Ok(())
    }
}

impl RawBody {
    fn document(&self, operation: &str) -> Result<Map<String, Value>, AwsError> {
        let body = self.0.lock().map(|b| b.clone()).unwrap_or_default();
        serde_json::from_slice(&body)
            .map_err(|e| AwsError::malformed(operation, &format!("JSON body ({e})")))
    }
}

/// Runs before signing, on every attempt. The SDK neither recomputes content-length nor signs it.
fn replace_body(request: &mut HttpRequest, json: &[u8]) {
    request
        .headers_mut()
        .insert("content-length", json.len().to_string());
    *request.body_mut() = SdkBody::from(json.to_vec());
}

impl Ecs {
    /// DescribeTaskDefinition with its tags, for a family, `family:revision` or an ARN.
    pub async fn describe_task_definition(
        &self,
        task_definition: &str,
    ) -> Result<TaskDefinition, AwsError> {
        const OPERATION: &str = "ecs:DescribeTaskDefinition";
        let raw = RawBody::default();
        self.client
            .describe_task_definition()
            .task_definition(task_definition)
            .include(aws_sdk_ecs::types::TaskDefinitionField::Tags)
            .customize()
            .interceptor(raw.clone())
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        task_definition_of(OPERATION, raw.document(OPERATION)?)
    }

    /// RegisterTaskDefinition with this very document and these tags.
    pub async fn register_task_definition(
        &self,
        document: &Map<String, Value>,
        tags: &[(String, String)],
    ) -> Result<TaskDefinition, AwsError> {
        const OPERATION: &str = "ecs:RegisterTaskDefinition";
        let mut body = document.clone();
        if !tags.is_empty() {
            body.insert(
                "tags".to_owned(),
                tags.iter()
                    .map(|(k, v)| serde_json::json!({"key": k, "value": v}))
                    .collect(),
            );
        }
        let json = Value::Object(body).to_string().into_bytes();
        let raw = RawBody::default();
        self.client
            .register_task_definition()
            .customize()
            .mutate_request(move |request| replace_body(request, &json))
            .interceptor(raw.clone())
            .send()
            .await
            .map_err(|e| AwsError::from_sdk(OPERATION, e))?;
        task_definition_of(OPERATION, raw.document(OPERATION)?)
    }
}

fn task_definition_of(
    operation: &str,
    mut answer: Map<String, Value>,
) -> Result<TaskDefinition, AwsError> {
    let tags = answer
        .get("tags")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let tags = tags
        .iter()
        .filter_map(|t| {
            Some((
                t.get("key")?.as_str()?.to_owned(),
                t.get("value")?.as_str().unwrap_or_default().to_owned(),
            ))
        })
        .collect();
    match answer.remove("taskDefinition") {
        Some(Value::Object(document)) => Ok(TaskDefinition { document, tags }),
        _ => Err(AwsError::malformed(operation, "taskDefinition")),
    }
}
