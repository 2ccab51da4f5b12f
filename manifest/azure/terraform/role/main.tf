# SPDX-License-Identifier: MIT
terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

variable "role_name" {
  description = "Name of the role; one of its name can exist in a tenant."
  type        = string
  default     = "Linux VM Sign-In Role Reader"
}

variable "assignable_scopes" {
  description = "Ids of the subscriptions, or of the one management group, whose machines' identities may get it. By default this subscription."
  type        = list(string)
  default     = []
}

data "azurerm_subscription" "current" {}

resource "azurerm_role_definition" "reader" {
  name               = var.role_name
  role_definition_id = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [data.azurerm_subscription.current.id, "aadsshlogin-role-reader"]))
  scope              = data.azurerm_subscription.current.id
  description        = "Least that a machine's identity needs for roleBackend arm of AADSSHLoginForLinux."
  assignable_scopes  = length(var.assignable_scopes) == 0 ? [data.azurerm_subscription.current.id] : var.assignable_scopes

  permissions {
    actions = [
      "Microsoft.Authorization/roleAssignments/read",
      "Microsoft.Authorization/roleDefinitions/read",
      "Microsoft.Authorization/denyAssignments/read",
    ]
    not_actions      = []
    data_actions     = []
    not_data_actions = []
  }
}

output "role_reader_id" {
  value = azurerm_role_definition.reader.role_definition_resource_id
}
