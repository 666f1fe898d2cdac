# Mints a token for each machine when Terraform applies, and redeems it at once over SSH. The token is in a variable of the
# environment of two processes, and neither in the state nor in a plan. Replace server and machines. Then run:
#   read -rs GATEPASS_API_KEY && export GATEPASS_API_KEY
#   terraform apply
# This machine needs gatepass, root.pem and an API key with the scope tokens:write. The machines need gatepass too.

terraform {
  required_version = ">= 1.4"
}

variable "server" {
  description = "URL of the server"
  type        = string
  default     = "https://gate.example.org:8443"
}

variable "root" {
  description = "File with the server's root certificate"
  type        = string
  default     = "root.pem"
}

variable "machines" {
  description = "SSH destination of each machine, by its name; with a provider, its resource's address"
  type        = map(string)
  default     = { web-1 = "root@192.0.2.11" }
}

variable "role" {
  description = "Role of the machines"
  type        = string
  default     = "proxy"
}

resource "terraform_data" "enrollment" {
  for_each = var.machines

  # A machine with another address is another machine: with a provider, use its resource's id.
  triggers_replace = [each.value]

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-euc"]
    command     = <<-EOT
      GATEPASS_TOKEN=$(gatepass token create --quiet --role "$ROLE" --label "$NAME")
      export GATEPASS_TOKEN
      printenv GATEPASS_TOKEN | ssh "$MACHINE" 'gatepass enroll - --wait 5m --install-service'
    EOT
    environment = {
      GATEPASS_SERVER = var.server
      GATEPASS_CA     = var.root
      NAME            = each.key
      MACHINE         = each.value
      ROLE            = var.role
    }
  }
}
