# SPDX-License-Identifier: MIT
terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

variable "resource_group_name" {
  description = "The resource group."
  type        = string
}

variable "users" {
  description = "Who may sign in to the machines of this resource group: objects of principalId and principalType (User, Group, ServicePrincipal)."
  type        = list(object({ principalId = string, principalType = string }))
  default     = []
}

variable "administrators" {
  description = "Who may also use sudo there; the same form."
  type        = list(object({ principalId = string, principalType = string }))
  default     = []
}

locals {
  user_login          = "fb879df8-f326-4884-b1cf-06f3ad86be52"
  administrator_login = "1c0163c0-47e6-4577-8991-ea5c82e286e4"
}

data "azurerm_subscription" "current" {}

data "azurerm_resource_group" "this" {
  name = var.resource_group_name
}

resource "azurerm_role_assignment" "users" {
  count              = length(var.users)
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [data.azurerm_resource_group.this.id, var.users[count.index].principalId, local.user_login]))
  scope              = data.azurerm_resource_group.this.id
  role_definition_id = "${data.azurerm_subscription.current.id}/providers/Microsoft.Authorization/roleDefinitions/${local.user_login}"
  principal_id       = var.users[count.index].principalId
  principal_type     = var.users[count.index].principalType
}

resource "azurerm_role_assignment" "administrators" {
  count              = length(var.administrators)
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [data.azurerm_resource_group.this.id, var.administrators[count.index].principalId, local.administrator_login]))
  scope              = data.azurerm_resource_group.this.id
  role_definition_id = "${data.azurerm_subscription.current.id}/providers/Microsoft.Authorization/roleDefinitions/${local.administrator_login}"
  principal_id       = var.administrators[count.index].principalId
  principal_type     = var.administrators[count.index].principalType
}
