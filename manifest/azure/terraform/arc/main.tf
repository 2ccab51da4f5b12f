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

variable "machine_name" {
  description = "The machine of Azure Arc."
  type        = string
}

variable "settings" {
  description = "Public settings of the extension: README.md, Settings."
  type        = any
  default     = {}

  validation {
    condition     = can(keys(var.settings))
    error_message = "The settings are an object."
  }
}

variable "protected_settings" {
  description = "Protected settings of the extension; none by default."
  type        = any
  default     = {}
  sensitive   = true
}

variable "publisher" {
  description = "Publisher of the extension; your own where you published it yourself: manifest/publish."
  type        = string
  default     = "Microsoft.Azure.ActiveDirectory"
}

variable "type_handler_version" {
  description = "Version: the newest one of this major and minor number is taken. With automatic_upgrade_enabled the provider ignores a later change."
  type        = string
  default     = "1.0"
}

variable "automatic_upgrade_enabled" {
  description = "Let the platform update the extension, once its publisher has switched that on for it. As documented, the provider ignores a later change."
  type        = bool
  default     = true
}

variable "role_reader_id" {
  description = "Id of the role of ../role, which the machine's identity gets at the machine; empty: assign nothing."
  type        = string
  default     = ""
}

data "azurerm_arc_machine" "this" {
  name                = var.machine_name
  resource_group_name = var.resource_group_name
}

resource "azurerm_role_assignment" "reader" {
  count              = var.role_reader_id == "" ? 0 : 1
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [data.azurerm_arc_machine.this.id, var.role_reader_id]))
  scope              = data.azurerm_arc_machine.this.id
  role_definition_id = var.role_reader_id
  principal_id       = data.azurerm_arc_machine.this.identity[0].principal_id
  principal_type     = "ServicePrincipal"
  description        = "Lets the machine see who may sign in to it."
}

resource "azurerm_arc_machine_extension" "sign_in" {
  name                      = "AADSSHLoginForLinux"
  arc_machine_id            = data.azurerm_arc_machine.this.id
  location                  = data.azurerm_arc_machine.this.location
  publisher                 = var.publisher
  type                      = "AADSSHLoginForLinux"
  type_handler_version      = var.type_handler_version
  automatic_upgrade_enabled = var.automatic_upgrade_enabled
  settings                  = jsonencode(var.settings)
  protected_settings        = length(var.protected_settings) == 0 ? null : jsonencode(var.protected_settings)
  depends_on                = [azurerm_role_assignment.reader]
}
