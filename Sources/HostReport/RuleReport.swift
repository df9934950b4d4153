package import HostModel

/// One line of the merged configuration, as `/v1/config` tells of it.
package struct RuleReport: Hashable, Sendable {
    package var domain: String
    /// What it asks of which objects, in the configuration's words; nil where the domain has no objects.
    package var match: String?
    package var attribute: String
    package var value: String
    package var mode: Mode?
    package var source: Origin
    /// Under which conditions it counts: `memory: ">= 64 GiB"`.
    package var conditions: [String]

    package init(
        domain: String, match: String?, attribute: String, value: String, mode: Mode?, source: Origin,
        conditions: [String]
    ) {
        self.domain = domain
        self.match = match
        self.attribute = attribute
        self.value = value
        self.mode = mode
        self.source = source
        self.conditions = conditions
    }
}
