# SPDX-License-Identifier: MIT
# initiative.json and assignment.json for a management group instead of a subscription.
s,/2018-05-01/subscriptionDeploymentTemplate.json#,/2019-08-01/managementGroupDeploymentTemplate.json#,
s/subscription()/managementGroup()/g
