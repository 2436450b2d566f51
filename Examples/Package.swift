// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "RNNKitExamples",
  dependencies: [.package(name: "RNNKit", path: "..")],
  targets: [
    .executableTarget(name: "amp", dependencies: [.product(name: "RNNKit", package: "RNNKit")]),
    .executableTarget(
      name: "tour",
      dependencies: [.product(name: "RNNKit", package: "RNNKit"), .product(name: "RNNHDF5", package: "RNNKit")]),
  ]
)
