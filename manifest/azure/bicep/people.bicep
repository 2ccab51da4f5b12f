// SPDX-License-Identifier: MIT
@description('Who may sign in to the machines of this resource group: objects of principalId and principalType (User, Group, ServicePrincipal).')
param users array = []

@description('Who may also use sudo there; the same form.')
param administrators array = []

var userLogin = 'fb879df8-f326-4884-b1cf-06f3ad86be52'
var administratorLogin = '1c0163c0-47e6-4577-8991-ea5c82e286e4'

resource userAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for person in users: {
  name: guid(resourceGroup().id, person.principalId, userLogin)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', userLogin)
    principalId: person.principalId
    principalType: person.principalType
  }
}]

resource administratorAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for person in administrators: {
  name: guid(resourceGroup().id, person.principalId, administratorLogin)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', administratorLogin)
    principalId: person.principalId
    principalType: person.principalType
  }
}]
