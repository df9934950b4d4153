/// The registry: what this program tunes. A new domain is a folder and a line here.
package let allDomains: [any TuningDomain] = [SysctlDomain(), BlockDomain(), LinkDomain(), CPUDomain()]

/// Domains that the configuration's schema names and this version does not tune yet.
package let plannedDomains = ["limits", "kubelet", "mount", "cmdline", "time", "packages"]
