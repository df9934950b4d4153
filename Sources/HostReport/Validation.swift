package import HostModel

/// What `validate` found, ready to print.
package struct Validation: Sendable {
    /// One thing wrong, or worth knowing.
    package struct Finding: Sendable {
        package var origin: Origin?
        package var key: String
        package var message: String
        package var isError: Bool

        package init(origin: Origin?, key: String, message: String, isError: Bool) {
            self.origin = origin
            self.key = key
            self.message = message
            self.isError = isError
        }
    }

    package var files: [String]
    package var rules: Int
    package var findings: [Finding]

    package init(files: [String], rules: Int, findings: [Finding]) {
        self.files = files
        self.rules = rules
        self.findings = findings
    }

    package var isValid: Bool { !findings.contains(where: \.isError) }
}

package func json(_ validation: Validation) -> String { json(Document(validation)) }

package func yaml(_ validation: Validation) throws -> String { try yaml(Document(validation)) }

extension Document {
    fileprivate init(_ validation: Validation) {
        let findings = validation.findings.map { finding in
            Document.fields([
                ("severity", .text(finding.isError ? "error" : "warning")),
                ("file", .text(orNull: finding.origin?.file)),
                ("line", finding.origin.map { .integer($0.line) } ?? .null),
                ("column", finding.origin.map { .integer($0.column) } ?? .null),
                ("key", .text(finding.key)),
                ("message", .text(finding.message)),
            ])
        }
        self = .fields([
            ("apiVersion", .text("ais-hostd/v1")),
            ("valid", .flag(validation.isValid)),
            ("files", .list(validation.files.map(Document.text))),
            ("rules", .integer(validation.rules)),
            ("problems", .list(findings)),
        ])
    }
}
