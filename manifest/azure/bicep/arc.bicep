// SPDX-License-Identifier: MIT
@description('The machine of Azure Arc.')
param machineName string

@description('The machine\'s region; by default the resource group\'s, which may be another.')
param location string = resourceGroup().location

@description('Public settings of the extension: README.md, Settings.')
param settings object = {}

@description('Protected settings of the extension; none by default.')
@secure()
param protectedSettings object = {}

@description('Publisher of the extension; your own where you published it yourself: manifest/publish.')
param publisher string = 'Microsoft.Azure.ActiveDirectory'

@description('Version: the newest one of this major and minor number is taken.')
param typeHandlerVersion string = '1.0'

@description('Let the platform update the extension, once its publisher has switched that on for it.')
param enableAutomaticUpgrade bool = true

@description('Id of the role of the template role, which the machine\'s identity gets at the machine; empty: assign nothing.')
param roleReaderId string = ''

resource machine 'Microsoft.HybridCompute/machines@2025-01-13' existing = {
  name: machineName
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(roleReaderId)) {
  name: guid(machine.id, roleReaderId)
  scope: machine
  properties: {
    roleDefinitionId: roleReaderId
    principalId: empty(roleReaderId) ? '' : machine.identity.principalId
    principalType: 'ServicePrincipal'
    description: 'Lets the machine see who may sign in to it.'
  }
}

resource extension 'Microsoft.HybridCompute/machines/extensions@2025-01-13' = {
  parent: machine
  name: 'AADSSHLoginForLinux'
  location: location
  dependsOn: [
    reader
  ]
  properties: {
    publisher: publisher
    type: 'AADSSHLoginForLinux'
    typeHandlerVersion: typeHandlerVersion
    autoUpgradeMinorVersion: true
    enableAutomaticUpgrade: enableAutomaticUpgrade
    settings: settings
    protectedSettings: empty(protectedSettings) ? null : protectedSettings
  }
}
