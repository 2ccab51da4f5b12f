// SPDX-License-Identifier: MIT
targetScope = 'subscription'

@description('Name of the role; one of its name can exist in a tenant.')
param roleName string = 'Linux VM Sign-In Role Reader'

@description('Ids of the subscriptions, or of the one management group, whose machines\' identities may get it.')
param assignableScopes array = [
  subscription().id
]

var name = guid(subscription().id, 'aadsshlogin-role-reader')

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: name
  properties: {
    roleName: roleName
    description: 'Least that a machine\'s identity needs for roleBackend arm of AADSSHLoginForLinux.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.Authorization/roleAssignments/read'
          'Microsoft.Authorization/roleDefinitions/read'
          'Microsoft.Authorization/denyAssignments/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: assignableScopes
  }
}

output roleReaderId string = role.id
