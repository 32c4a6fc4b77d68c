//! All load balancers of the Region. One API operation a function.

use super::{Elbv2, load_balancer_of};
use crate::aws::AwsError;
use crate::model::target::LoadBalancer;

impl Elbv2 {
    /// DescribeLoadBalancers of the whole Region, all pages.
    pub async fn list_load_balancers(&self) -> Result<Vec<LoadBalancer>, AwsError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .client
                .describe_load_balancers()
                .set_marker(marker.take())
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("elasticloadbalancing:DescribeLoadBalancers", e))?;
            for balancer in answer.load_balancers.unwrap_or_default() {
                found.push(load_balancer_of(balancer)?);
            }
            marker = answer.next_marker.filter(|m| !m.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}
