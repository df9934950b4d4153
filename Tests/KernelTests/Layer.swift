import Foundation
import Testing

/// What these tests need of the machine that they run on.
enum Layer {
    /// What is missing here, in words; where nothing is, all of them run.
    static let missing: [String] = {
        var missing: [String] = []
        if geteuid() != 0 { missing.append("root: namespaces and loop disks take it") }
        let tools = [
            "unshare", "nsenter", "mount", "losetup", "sysctl", "lsblk", "strace", "setpriv", "script", "timeout", "ip",
            "curl", "mkfs.ext4", "ethtool",
        ]
        for tool in tools {
            let isHere = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains {
                access("\($0)/\(tool)", X_OK) == 0
            }
            if !isHere { missing.append("\(tool): scripts/deps.sh installs it") }
        }
        if program == nil { missing.append("ais-hostd itself: swift build") }
        guard missing.isEmpty else { return missing }
        do {
            let sandbox = try Sandbox()
            _ = try sandbox.disk()
        } catch {
            missing.append("a namespace or a loop disk (a container without CAP_SYS_ADMIN?): \(error)")
        }
        return missing
    }()

    static var canRun: Bool { missing.isEmpty }

    /// The program that was built along with these tests: beside their bundle, wherever the scratch path is.
    static let program: String? = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let folders = [URL(filePath: bundle).deletingLastPathComponent().path, "\(package)/.build/debug"]
        return folders.map { "\($0)/ais-hostd" }.first { access($0, X_OK) == 0 }
    }()
}

/// All that runs the whole program on the real kernel.
///
/// Skipped where there is no root or no tool for it, since nothing of this can be had otherwise; `LayerTests` fails for
/// that in CI.
@Suite("The whole program on the real kernel", .enabled(if: Layer.canRun, "takes root, namespaces and loop disks"))
enum WholeProgram {}

@Suite("Layers")
struct LayerTests {
    @Test("in CI every layer runs", .enabled(if: ProcessInfo.processInfo.environment["CI"] == "true", "CI is not set"))
    func nothingIsSkipped() {
        #expect(Layer.missing == [])
    }
}
