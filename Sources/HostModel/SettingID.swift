/// The name of one value on this host: `DOMAIN/OBJECT/ATTRIBUTE`, as in `block/sda/scheduler`.
///
/// `sysctl` has no object: `sysctl/net.core.somaxconn`. An attribute may hold slashes of its own
/// (`sysctl/net.ipv4.conf.eth0/100.rp_filter`), so an id is compared and matched whole, never taken apart.
package struct SettingID: Hashable, Sendable {
    package let domain: String
    package let object: String?
    package let attribute: String

    package init(domain: String, object: String? = nil, attribute: String) {
        self.domain = domain
        self.object = object
        self.attribute = attribute
    }
}

extension SettingID: CustomStringConvertible {
    package var description: String {
        guard let object else { return "\(domain)/\(attribute)" }
        return "\(domain)/\(object)/\(attribute)"
    }
}

extension SettingID: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.domain, left.object ?? "", left.attribute) < (right.domain, right.object ?? "", right.attribute)
    }
}
