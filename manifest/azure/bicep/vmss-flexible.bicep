// SPDX-License-Identifier: MIT
@description('Name of the scale set.')
param vmssName string

@description('Region; the resource group\'s by default.')
param location string = resourceGroup().location

@description('Size of an instance.')
param vmSize string = 'Standard_B2s'

@description('Number of instances.')
@minValue(0)
@maxValue(1000)
param instanceCount int = 2

@description('Id of the subnet of the instances.')
param subnetId string

@description('The local administrator, who can always get in.')
param adminUsername string = 'azureuser'

@description('Public key of the local administrator.')
param sshPublicKey string

@description('Reference to the image.')
param image object = {
  publisher: 'Debian'
  offer: 'debian-13'
  sku: '13-gen2'
  version: 'latest'
}

@description('Public settings of the extension: README.md, Settings.')
param settings object = {}

@description('Protected settings of the extension; none by default.')
@secure()
param protectedSettings object = {}

@description('Publisher of the extension; your own where you published it yourself: manifest/publish.')
param publisher string = 'Microsoft.Azure.ActiveDirectory'

@description('Version: the newest one of this major and minor number is taken.')
param typeHandlerVersion string = '1.0'

@description('Let the platform update the extension. Only where the publisher has switched that on for it.')
param enableAutomaticUpgrade bool = false

@description('Names of extensions that must have succeeded before this one is installed.')
param provisionAfterExtensions array = []

@description('How many instances a rolling upgrade changes at once, of a hundred.')
@minValue(5)
@maxValue(100)
param maxBatchInstancePercent int = 20

@description('Id of the one user-assigned identity of all instances: a Flexible scale set knows no other. It must be able to read roles in this resource group: templates role and identity.')
param userAssignedIdentityId string

resource scaleSet 'Microsoft.Compute/virtualMachineScaleSets@2024-11-01' = {
  name: vmssName
  location: location
  sku: {
    name: vmSize
    capacity: instanceCount
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${userAssignedIdentityId}': {}
    }
  }
  properties: {
    orchestrationMode: 'Flexible'
    platformFaultDomainCount: 1
    upgradePolicy: {
      mode: 'Rolling'
      rollingUpgradePolicy: {
        maxBatchInstancePercent: maxBatchInstancePercent
        maxUnhealthyInstancePercent: maxBatchInstancePercent
        maxUnhealthyUpgradedInstancePercent: 20
        pauseTimeBetweenBatches: 'PT30S'
        prioritizeUnhealthyInstances: true
      }
    }
    virtualMachineProfile: {
      osProfile: {
        computerNamePrefix: vmssName
        adminUsername: adminUsername
        linuxConfiguration: {
          disablePasswordAuthentication: true
          ssh: {
            publicKeys: [
              {
                path: '/home/${adminUsername}/.ssh/authorized_keys'
                keyData: sshPublicKey
              }
            ]
          }
        }
      }
      storageProfile: {
        imageReference: image
        osDisk: {
          createOption: 'FromImage'
          caching: 'ReadWrite'
          managedDisk: {
            storageAccountType: 'StandardSSD_LRS'
          }
        }
      }
      networkProfile: {
        networkApiVersion: '2020-11-01'
        networkInterfaceConfigurations: [
          {
            name: 'primary'
            properties: {
              primary: true
              ipConfigurations: [
                {
                  name: 'primary'
                  properties: {
                    subnet: {
                      id: subnetId
                    }
                  }
                }
              ]
            }
          }
        ]
      }
      extensionProfile: {
        extensions: [
          {
            name: 'ApplicationHealthLinux'
            properties: {
              publisher: 'Microsoft.ManagedServices'
              type: 'ApplicationHealthLinux'
              typeHandlerVersion: '1.0'
              autoUpgradeMinorVersion: true
              settings: {
                protocol: 'tcp'
                port: 22
              }
            }
          }
          {
            name: 'AADSSHLoginForLinux'
            properties: {
              publisher: publisher
              type: 'AADSSHLoginForLinux'
              typeHandlerVersion: typeHandlerVersion
              autoUpgradeMinorVersion: true
              enableAutomaticUpgrade: enableAutomaticUpgrade
              provisionAfterExtensions: empty(provisionAfterExtensions) ? null : provisionAfterExtensions
              settings: settings
              protectedSettings: empty(protectedSettings) ? null : protectedSettings
            }
          }
        ]
      }
    }
  }
}
