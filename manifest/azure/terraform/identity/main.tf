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

variable "identity_principal_id" {
  description = "Object id of the user-assigned identity of a Flexible scale set."
  type        = string
}

variable "role_reader_id" {
  description = "Id of the role of ../role."
  type        = string
}

data "azurerm_resource_group" "this" {
  name = var.resource_group_name
}

resource "azurerm_role_assignment" "reader" {
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [data.azurerm_resource_group.this.id, var.identity_principal_id, var.role_reader_id]))
  scope              = data.azurerm_resource_group.this.id
  role_definition_id = var.role_reader_id
  principal_id       = var.identity_principal_id
  principal_type     = "ServicePrincipal"
  description        = "Lets the machines see who may sign in to them."
}
