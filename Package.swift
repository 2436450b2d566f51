// swift-tools-version: 6.2
import PackageDescription

/// The commit that `rnn --version` names: the Makefile tells it.
let commit = Context.environment["RNNKIT_COMMIT"] ?? ""

let package = Package(
  name: "RNNKit",
  products: [
    .library(name: "RNNKit", targets: ["RNNKit"]),
    .library(name: "RNNHDF5", targets: ["RNNHDF5"]),
    .library(name: "RNNONNX", targets: ["RNNONNX"]),
    .executable(name: "rnn", targets: ["rnn"]),
    .executable(name: "rnn-hdf5", targets: ["rnn-hdf5"]),
    // What `make library` makes librnnkit.so of.
    .library(name: "RNNKitC", type: .static, targets: ["RNNKitC"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Without traits it needs FoundationEssentials alone.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
  ],
  targets: [
    // System libraries.
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    // The header is what the target RNNKitC implements; the compiler compares them.
    .systemLibrary(name: "CRNNKit", path: "Bindings/C/include"),

    // C.
    .target(name: "CBuild", cSettings: commit.isEmpty ? [] : [.define("RNNKIT_COMMIT", to: "\"\(commit)\"")]),
    .target(name: "CProcess"),
    .target(name: "CRNNKernels"),
    .target(name: "CRNNPeaks"),
    .target(name: "CStorage"),

    // Swift, each after what it imports.
    .target(name: "RNNModel"),
    .target(name: "RNNFormats", dependencies: ["RNNModel", "CXXHash", "CZlib", "CProcess", "CStorage"]),
    .target(name: "RNNHDF5", dependencies: ["RNNFormats", "CHDF5"]),
    .target(
      name: "RNNONNX", dependencies: ["RNNFormats", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["Protobuf/onnx.proto"]),
    .target(name: "RNNRunner", dependencies: ["RNNModel", "CRNNKernels"]),
    .target(name: "RNNKit", dependencies: ["RNNModel", "RNNFormats", "RNNRunner"]),
    .target(name: "RNNKitC", dependencies: ["RNNKit", "RNNONNX", "CRNNKit"]),

    // Executables.
    .executableTarget(
      name: "rnn",
      dependencies: [
        "RNNKit", "RNNONNX", "CRNNPeaks", "CBuild", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "rnn-hdf5", dependencies: ["RNNHDF5", "CProcess"]),

    // Tests, and what they are made with.
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
    .target(name: "CConfinementProbe", dependencies: ["CProcess"], path: "Tests/CConfinementProbe"),
    .executableTarget(name: "fail-call", path: "Tests/FailCall"),
    .target(
      name: "FileChecks", dependencies: ["RNNKit", "RNNONNX", "CXXHash", "CZlib"], path: "Tests/Fuzz/FileChecks"),
    .testTarget(name: "RNNModelTests", dependencies: ["RNNModel"]),
    .testTarget(name: "RNNFormatsTests", dependencies: ["RNNFormats", "RNNModel", "CXXHash"], exclude: ["Fixtures"]),
    .testTarget(
      name: "RNNHDF5Tests", dependencies: ["RNNHDF5", "CHDF5", "rnn-hdf5", "CConfinementProbe"], exclude: ["Fixtures"]),
    .testTarget(name: "RNNONNXTests", dependencies: ["RNNONNX", "RNNHDF5", "RNNKit"], exclude: ["Fixtures"]),
    .testTarget(
      name: "RNNRunnerTests", dependencies: ["RNNRunner", "CRNNKernels", "CAllocationCount"],
      exclude: ["activations.py", "onnx_cells.py"]),
    .testTarget(name: "RNNKitTests", dependencies: ["RNNKit", "RNNHDF5", "RNNONNX"], exclude: ["Fixtures"]),
    .testTarget(
      name: "CommandTests", dependencies: ["rnn", "rnn-hdf5", "fail-call", "RNNKit", "RNNKitC", "RNNHDF5"],
      exclude: ["Fixtures", "large_files.py", "complete.py"]),
    .testTarget(name: "SchemaTests", dependencies: ["CXXHash", "RNNFormats", "RNNHDF5", "RNNModel", "rnn"]),
    .testTarget(name: "FuzzTests", dependencies: ["FileChecks"], exclude: ["Regressions"]),
  ],
  swiftLanguageModes: [.v6]
)

// `make fuzz` links it with libFuzzer, whose `main` calls it.
if Context.environment["RNNKIT_FUZZ"] != nil {
  // Without counting coverage, and with the kernels compiled once, not for each instruction set: either takes the compiler
  // minutes in their many bodies.
  for target in package.targets where ["CProcess", "CStorage", "CRNNKernels"].contains(target.name) {
    target.cSettings = [
      .define("RNNKIT_PORTABLE_ALONE"), .unsafeFlags(["-O1", "-fsanitize=address,undefined"]),
    ]
  }
  package.products.append(.library(name: "rnn-fuzz", type: .static, targets: ["RNNFuzz"]))
  package.targets.append(
    .target(name: "RNNFuzz", dependencies: ["FileChecks", "RNNKit"], path: "Tests/Fuzz/RNNFuzz"))
}
