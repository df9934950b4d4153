import CLinux
import Glibc
import Testing

/// Whether this machine lets the tests have mounts and a network of their own.
enum Namespace {
    static let missing: [String] = {
        guard geteuid() == 0 else { return ["root: namespaces take it"] }
        return onThrowAwayThread {
            var missing: [String] = []
            if clinux_unshare_mounts() != 0 { missing.append("mounts of one's own (a container?)") }
            if clinux_unshare_network() != 0 { missing.append("a network of one's own (a container?)") }
            return missing
        }
    }()

    static var canBeHad: Bool { missing.isEmpty }
}

@Suite struct NamespaceTests {
    @Test("in CI every test of the kernel runs", .enabled(if: getenv("CI").map { String(cString: $0) } == "true"))
    func nothingIsSkipped() {
        #expect(Namespace.missing == [])
    }
}
