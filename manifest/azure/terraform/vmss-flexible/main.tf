# SPDX-License-Identifier: MIT
terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.37"
    }
  }
}

variable "resource_group_name" {
  description = "The resource group."
  type        = string
}

variable "location" {
  description = "Region."
  type        = string
}

variable "vmss_name" {
  description = "Name of the scale set."
  type        = string
}

variable "vm_size" {
  description = "Size of an instance."
  type        = string
  default     = "Standard_B2s"
}

variable "instance_count" {
  description = "Number of instances."
  type        = number
  default     = 2

  validation {
    condition     = var.instance_count >= 0 && var.instance_count <= 1000
    error_message = "A scale set has 0 to 1000 instances."
  }
}

variable "subnet_id" {
  description = "Id of the subnet of the instances."
  type        = string
}

variable "admin_username" {
  description = "The local administrator, who can always get in."
  type        = string
  default     = "azureuser"
}

variable "ssh_public_key" {
  description = "Public key of the local administrator."
  type        = string
}

variable "image" {
  description = "Reference to the image."
  type        = object({ publisher = string, offer = string, sku = string, version = string })
  default = {
    publisher = "Debian"
    offer     = "debian-13"
    sku       = "13-gen2"
    version   = "latest"
  }
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
  description = "Version: the newest one of this major and minor number is taken."
  type        = string
  default     = "1.0"
}

variable "provision_after_extensions" {
  description = "Names of extensions that must have succeeded before this one is installed."
  type        = list(string)
  default     = []
}

variable "max_batch_instance_percent" {
  description = "How many instances a rolling upgrade changes at once, of a hundred."
  type        = number
  default     = 20

  validation {
    condition     = var.max_batch_instance_percent >= 5 && var.max_batch_instance_percent <= 100
    error_message = "A batch is 5 to 100 percent."
  }
}

variable "user_assigned_identity_id" {
  description = "Id of the one user-assigned identity of all instances: a Flexible scale set knows no other. It must be able to read roles in this resource group: ../role and ../identity."
  type        = string
}

resource "azurerm_orchestrated_virtual_machine_scale_set" "this" {
  name                        = var.vmss_name
  resource_group_name         = var.resource_group_name
  location                    = var.location
  sku_name                    = var.vm_size
  instances                   = var.instance_count
  platform_fault_domain_count = 1
  network_api_version         = "2020-11-01"
  upgrade_mode                = "Rolling"

  rolling_upgrade_policy {
    max_batch_instance_percent              = var.max_batch_instance_percent
    max_unhealthy_instance_percent          = var.max_batch_instance_percent
    max_unhealthy_upgraded_instance_percent = 20
    pause_time_between_batches              = "PT30S"
    prioritize_unhealthy_instances_enabled  = true
  }

  os_profile {
    linux_configuration {
      admin_username                  = var.admin_username
      computer_name_prefix            = var.vmss_name
      disable_password_authentication = true

      admin_ssh_key {
        username   = var.admin_username
        public_key = var.ssh_public_key
      }
    }
  }

  source_image_reference {
    publisher = var.image.publisher
    offer     = var.image.offer
    sku       = var.image.sku
    version   = var.image.version
  }

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "StandardSSD_LRS"
  }

  network_interface {
    name    = "primary"
    primary = true

    ip_configuration {
      name      = "primary"
      primary   = true
      subnet_id = var.subnet_id
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [var.user_assigned_identity_id]
  }

  extension {
    name                               = "ApplicationHealthLinux"
    publisher                          = "Microsoft.ManagedServices"
    type                               = "ApplicationHealthLinux"
    type_handler_version               = "1.0"
    auto_upgrade_minor_version_enabled = true
    settings                           = jsonencode({ protocol = "tcp", port = 22 })
  }

  extension {
    name                                      = "AADSSHLoginForLinux"
    publisher                                 = var.publisher
    type                                      = "AADSSHLoginForLinux"
    type_handler_version                      = var.type_handler_version
    auto_upgrade_minor_version_enabled        = true
    extensions_to_provision_after_vm_creation = length(var.provision_after_extensions) == 0 ? null : var.provision_after_extensions
    settings                                  = jsonencode(var.settings)
    protected_settings                        = length(var.protected_settings) == 0 ? null : jsonencode(var.protected_settings)
  }
}
