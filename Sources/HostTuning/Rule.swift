package import HostConfiguration
package import HostModel

/// What one line of one file asks: one attribute of every object that matches.
///
/// A section of the configuration is decoded into rules by its domain; `desire` turns them into the settings of this
/// host.
package struct Rule: Sendable {
    package let domain: String
    package let attribute: String
    /// Nil where the domain has no objects.
    package let match: Match?
    /// What the match may take though it is claimed.
    package let include: Set<Claim.Role>
    package let demand: Demand
    package let options: RuleOptions
    package let origin: Origin

    package init(
        domain: String, attribute: String, match: Match? = nil, include: Set<Claim.Role> = [], demand: Demand,
        options: RuleOptions, origin: Origin
    ) {
        self.domain = domain
        self.attribute = attribute
        self.match = match
        self.include = include
        self.demand = demand
        self.options = options
        self.origin = origin
    }

    /// Everything that it means and nothing of where it stands: what the configuration's fingerprint covers.
    package var canonicalText: String {
        let roles = include.map(\.rawValue).sorted().joined(separator: ",")
        let conditions = options.conditions.map(\.description).joined(separator: " and ")
        return [
            domain, match?.description ?? "", roles, attribute, demand.description, options.mode?.rawValue ?? "",
            "\(options.required)", "\(options.force)", "\(options.keepOnRemoval)", conditions,
        ].joined(separator: "|")
    }
}

/// A value as it is asked for, before this host's memory and processors are known.
package enum Demand: Hashable, Sendable {
    case requirement(Requirement)
    /// A number, or a vector of them, of which some are worked out on the host.
    case workedOut([Term])
    /// Drops what an earlier file asked.
    case unset

    package enum Term: Hashable, Sendable {
        case number(Int128)
        case physicalCores
        /// A share of the host's memory, in the unit that the attribute is counted in.
        case memory(Percentage, MemoryUnit)
    }

    /// The requirement on this host; nil for `unset`.
    func requirement(on inventory: Inventory) -> Requirement? {
        switch self {
        case .requirement(let requirement): return requirement
        case .unset: return nil
        case .workedOut(let terms):
            let numbers = terms.map { $0.number(on: inventory) }
            return .exactly(numbers.count == 1 ? .integer(numbers[0]) : .integers(numbers))
        }
    }
}

extension Demand: CustomStringConvertible {
    package var description: String {
        switch self {
        case .requirement(let requirement): requirement.description
        case .workedOut(let terms): terms.map(\.description).joined(separator: ", ")
        case .unset: "unset"
        }
    }
}

extension Demand.Term: CustomStringConvertible {
    func number(on inventory: Inventory) -> Int128 {
        switch self {
        case .number(let number): number
        case .physicalCores: Int128(inventory.physicalCores)
        case .memory(let share, let unit): share.of(inventory.memory) / unit.bytes(pageSize: inventory.pageSize)
        }
    }

    package var description: String {
        switch self {
        case .number(let number): String(number)
        case .physicalCores: "physical-cores"
        case .memory(let share, _): "\(share) of memory"
        }
    }
}

/// What the kernel counts an amount of memory in.
package enum MemoryUnit: Sendable {
    case bytes, kibibytes, pages

    func bytes(pageSize: Int) -> Int128 {
        switch self {
        case .bytes: 1
        case .kibibytes: 1024
        case .pages: Int128(pageSize)
        }
    }
}

/// A decimal percentage, kept exact.
package struct Percentage: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    private let numerator: Int128
    private let denominator: Int128

    /// Takes `1%` and `4.6875%`, above 0 and up to 100, with at most six decimals.
    package init?(_ text: some StringProtocol) {
        guard text.hasSuffix("%") else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? parts[1] : ""
        let digits = String(parts[0]) + decimals
        guard parts.count <= 2, !parts[0].isEmpty, parts.count == 1 || !decimals.isEmpty, decimals.utf8.count <= 6,
            digits.utf8.count <= 9, digits.utf8.allSatisfy({ (48...57).contains($0) }), let numerator = Int128(digits)
        else { return nil }
        let denominator = (0..<decimals.utf8.count).reduce(Int128(100)) { power, _ in power * 10 }
        guard numerator > 0, numerator <= denominator else { return nil }
        self.description = String(text)
        self.numerator = numerator
        self.denominator = denominator
    }

    package func of(_ amount: Int128) -> Int128 { amount * numerator / denominator }
}
