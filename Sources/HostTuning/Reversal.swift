package import HostConfiguration
package import HostModel

/// Everything in the ledger as settings that ask for the original. A device that is away leaves its settings pending,
/// and in the ledger.
package func reversal(
    of ledger: Ledger, on inventory: Inventory, policy: Policy, domains: [any TuningDomain] = allDomains
) -> Desire {
    var settings: [Setting] = []
    for domain in domains {
        let targets = Dictionary(
            domain.targets(in: inventory).map { ($0.identity, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in ledger.entries.values where entry.key.domain == domain.name {
            let target = targets[entry.key.identity] ?? domain.target(of: entry.key.identity)
            settings.append(
                Setting(
                    id: SettingID(
                        domain: domain.name, object: target.map(\.name) ?? entry.key.identity,
                        attribute: entry.key.attribute),
                    target: target,
                    requirement: .original(domain.value(entry.original, of: entry.key.attribute), ours: nil),
                    disruption: domain.disruption(of: entry.key.attribute, on: target, in: inventory),
                    origin: entry.source,
                    awaiting: target == nil
                        ? "\(entry.key.identity) is not here; its original stays in the ledger" : nil))
        }
    }
    return Desire(settings: settings.sorted { $0.id < $1.id }, policy: policy)
}
