// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-warnings-as-errors"]),
]

/// A folder under Sources, and what it may see: dependencies point one way (docs/architecture.md).
func room(_ name: String, sees dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, of dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "ais-hostd",
    products: [.executable(name: "ais-hostd", targets: ["ais-hostd"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .target(name: "CLinux", linkerSettings: ["udev", "mnl"].map { .linkedLibrary($0) }),
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        room("HostModel", sees: []),
        room("HostConfiguration", sees: ["HostModel", "CYaml"]),
        room("HostKernel", sees: ["HostModel", "CLinux"]),
        room("HostTuning", sees: ["HostModel", "HostConfiguration"]),
        room("HostReport", sees: ["HostModel", "CYaml"]),
        room(
            "HostAPI",
            sees: ["HostModel", "HostConfiguration", "HostReport", "HostKernel"]
                + ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }),
        room("HostTestSupport", sees: ["HostModel", "HostKernel"]),
        .executableTarget(
            name: "ais-hostd",
            dependencies: [
                "HostModel", "HostConfiguration", "HostKernel", "HostTuning", "HostReport", "HostAPI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "assessment-benchmark",
            dependencies: ["HostModel", "HostConfiguration", "HostTuning", "HostTestSupport"],
            path: "benchmarks/Assessment", swiftSettings: settings),
        .executableTarget(
            name: "plain-http",
            dependencies: ["HostKernel"]
                + ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") },
            path: "benchmarks/Plain", swiftSettings: settings),
        tests("HostConfigurationTests", of: ["HostModel", "HostConfiguration"]),
        tests("HostReportTests", of: ["HostModel", "HostReport"]),
        tests(
            "HostAPITests",
            of: ["HostModel", "HostReport", "HostAPI", "HostKernel"]
                + ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded"].map { .product(name: $0, package: "swift-nio") }),
        tests("HostKernelTests", of: ["HostModel", "HostKernel", "CLinux"]),
        tests("HostTuningTests", of: ["HostModel", "HostConfiguration", "HostTuning", "HostTestSupport"]),
        tests("HostTestSupportTests", of: ["HostModel", "HostTuning", "HostTestSupport", "HostKernel"]),
        tests("KernelTests", of: ["HostModel", "HostKernel", "HostTuning", "HostTestSupport"]),
    ]
)
