// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "RNNKit",
  products: [
    .executable(name: "rnn", targets: ["rnn"]),
    .library(name: "RNNKit", targets: ["RNNKit"]),
    .library(name: "RNNHDF5", targets: ["RNNHDF5"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "RNNModel"),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "RNNFormats", dependencies: ["RNNModel", "CXXHash", "CZlib"]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .target(name: "RNNHDF5", dependencies: ["RNNFormats", "CHDF5"]),
    .target(name: "CRNNKernels"),
    .target(name: "CRNNPeaks"),
    .target(name: "RNNRunner", dependencies: ["RNNModel", "CRNNKernels"]),
    .target(name: "RNNKit", dependencies: ["RNNModel", "RNNFormats", "RNNRunner"]),
    .executableTarget(
      name: "rnn",
      dependencies: [
        "RNNKit", "RNNHDF5", "CRNNPeaks", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "RNNModelTests", dependencies: ["RNNModel"]),
    .testTarget(name: "RNNFormatsTests", dependencies: ["RNNFormats", "RNNModel", "CXXHash"], exclude: ["Fixtures"]),
    .testTarget(name: "RNNHDF5Tests", dependencies: ["RNNHDF5", "CHDF5"], exclude: ["Fixtures"]),
    .testTarget(name: "RNNKitTests", dependencies: ["RNNKit", "RNNHDF5"], exclude: ["Fixtures"]),
    .testTarget(name: "CommandTests", dependencies: ["rnn"]),
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
    .testTarget(
      name: "RNNRunnerTests", dependencies: ["RNNRunner", "CRNNKernels", "CAllocationCount"],
      exclude: ["onnx_cells.py"]),
  ],
  swiftLanguageModes: [.v6]
)
