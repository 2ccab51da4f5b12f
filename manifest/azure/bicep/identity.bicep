// SPDX-License-Identifier: MIT
@description('Object id of the user-assigned identity of a Flexible scale set.')
param identityPrincipalId string

@description('Id of the role of the template role.')
param roleReaderId string

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, identityPrincipalId, roleReaderId)
  properties: {
    roleDefinitionId: roleReaderId
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    description: 'Lets the machines see who may sign in to them.'
  }
}
