import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

@Suite struct KerasWritingTests {
  static let registry = KerasFixture.registry.adding(KerasH5Format(HDF5File()))
  static let kinds = ["keras", "keras.h5"]

  /// Models with what Keras can hold.
  static let chains: [String: [Link]] = [
    "stack": [
      Link(.embedding(Embedding(name: "emb", numEmbeddings: 6, embeddingDim: 3))),
      Link(.recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 4, numLayers: 3))),
      Link(.linear(Linear(name: "fc", inFeatures: 4, outFeatures: 2)), functions: [.softmax]),
    ],
    "cells": [
      Link(.recurrent(
        Recurrent(
          name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4,
          activations: .init(candidate: .relu)))),
      Link(.recurrent(
        Recurrent(name: "gru", cell: .gru, inputSize: 4, hiddenSize: 3, numLayers: 2, direction: .bidirectional))),
      Link(.recurrent(
        Recurrent(
          name: "lstm", cell: .lstm, inputSize: 6, hiddenSize: 2, bias: false,
          activations: .init(gate: .hardSigmoidKeras3, candidate: .softsign, output: .softsign)))),
      Link(
        .linear(Linear(name: "out", inFeatures: 2, outFeatures: 3, bias: false)), functions: [.elementwise(.elu(alpha: 1))]),
    ],
    "functions": [
      Link(
        .recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 3, hiddenSize: 4)), returnsSequence: false,
        functions: [.elementwise(.relu)]),
      Link(
        .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 2)), functions: [.elementwise(.tanh), .softmax]),
    ],
    "last": [
      Link(
        .recurrent(
          Recurrent(
            name: "encoder.gru", cell: .gru, inputSize: 3, hiddenSize: 4, direction: .reverse, resetAfter: false)),
        returnsSequence: false),
      Link(.linear(Linear(name: "encoder.head", inFeatures: 4, outFeatures: 2)), functions: [.logSoftmax]),
    ],
    "unnamed": [Link(.recurrent(Recurrent(name: "", cell: .lstm, inputSize: 3, hiddenSize: 4, numLayers: 2)))],
    "both": [
      Link(
        .recurrent(
          Recurrent(
            name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 2, numLayers: 2, direction: .bidirectional,
            reverseActivations: .init(candidate: .sigmoid))),
        returnsSequence: false)
    ],
  ]

  /// A model with numbers that no other rule than copying would give back; a second bias of zero where Keras has one.
  static func model(_ links: [Link]) throws -> Model {
    let modules = links.map(\.module)
    var archive = TensorArchive()
    var state: UInt64 = 88_172_645_463_325_252
    for module in modules {
      for (name, sizes) in Model.parameters(of: module) {
        let shape = try #require(Shape(sizes))
        var hasTwoBiases = true
        if case .recurrent(let module) = module { hasTwoBiases = module.cell == .gru && module.resetAfter }
        let values = (0..<shape.count).map { _ -> Float in
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          return name.contains("bias_hh") && !hasTwoBiases ? 0 : Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
        let tensor = try #require(Tensor(values, shape))
        try archive.append(name, tensor)
      }
    }
    return try Model(archive, architecture: Architecture(links, batchFirst: true))
  }

  @Test(arguments: chains.keys.sorted(), kinds)
  func givesEveryBitBack(name: String, kind: String) throws {
    let model = try Self.model(Self.chains[name] ?? [])
    let folder = try Folder()
    try model.write(to: folder.path("m.\(kind)"), registry: Self.registry)
    let back = try ModelFile.open(folder.path("m.\(kind)"), registry: Self.registry).model
    #expect(back.archive.tensors.map(\.name) == model.archive.tensors.map(\.name))
    for (found, expected) in zip(back.archive.tensors, model.archive.tensors) {
      #expect(found.tensor.isIdentical(to: expected.tensor), "\(found.name)")
    }
    #expect(back.architecture.modules.map(\.description) == model.architecture.modules.map(\.description))
  }

  @Test(.enabled(if: Python.has("os; os.environ['KERAS_BACKEND'] = 'torch'; import keras"), "keras is not installed"))
  func runsInKeras() throws {
    let folder = try Folder()
    var inputs: [String: Tensor] = [:]
    for (name, links) in Self.chains {
      for kind in Self.kinds {
        try Self.model(links).write(to: folder.path("\(name).\(kind)"), registry: Self.registry)
      }
      let input = try Self.input(name)
      inputs[name] = input
      var file = try OutputFile(folder.path("\(name).x.npy"), replacing: false)
      let format = try ArrayRegistry.standard.writer(for: "x.npy")
      try format.write(ArrayOutput(members: [NamedTensor("input", input)], end: input), to: &file)
      try file.commit()
    }
    // One process for all: Keras takes long to start.
    let script = KerasFixture.folder.deletingLastPathComponent().appendingPathComponent("run_keras.py").path
    _ = try Python.run([script, folder.path("")])
    for (name, links) in Self.chains {
      for kind in Self.kinds {
        let result = try ArrayRegistry.standard.read(InputFile(folder.path("\(name).\(kind).y.npy")))
        let expected = try #require(result.first?.tensor)
        let input = try #require(inputs[name])
        let found = try #require(try Plan(Self.model(links)).run(input).last)
        #expect(found.shape == expected.shape, "\(name).\(kind)")
        let difference = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference < 2e-6, "\(name).\(kind)")
      }
    }
  }

  private static func input(_ name: String) throws -> Tensor {
    if name == "stack" {
      let shape = try #require(Shape([2, 4]))
      return try #require(Tensor([0, 1, 2, 3, 4, 5, 5, 0] as [Int64], shape))
    }
    let values = (0..<24).map { Float(($0 * 37) % 19) / 9 - 1 }
    let shape = try #require(Shape([2, 4, 3]))
    return try #require(Tensor(values, shape))
  }

  @Test func writesTheSameBytesEveryTime() throws {
    let model = try Self.model(Self.chains["cells"] ?? [])
    let folder = try Folder()
    for kind in Self.kinds {
      for name in ["a", "b"] { try model.write(to: folder.path("\(name).\(kind)"), registry: Self.registry) }
      let (first, second) = (
        try Data(contentsOf: folder.url("a.\(kind)")), try Data(contentsOf: folder.url("b.\(kind)"))
      )
      #expect(first == second)
    }
  }

  private func refusal(_ change: (inout Recurrent) -> Void) throws -> String? {
    var module = Recurrent(name: "rnn", cell: .lstm, inputSize: 2, hiddenSize: 2)
    change(&module)
    let model = try Self.model([Link(.recurrent(module))])
    let folder = try Folder()
    do {
      try model.write(to: folder.path("m.keras"), registry: Self.registry)
      return nil
    } catch {
      return error.problem.description
    }
  }

  @Test func saysHowLayersAreCalled() throws {
    let modules: [Module] = [
      .recurrent(Recurrent(name: "", cell: .gru, inputSize: 2, hiddenSize: 2)),
      .linear(Linear(name: "a.b", inFeatures: 2, outFeatures: 1)),
    ]
    let notes = try KerasFormat(HDF5File()).notes(writing: Self.model(modules.map { Link($0) }))
    #expect(notes == [
      "kernels transposed", "a GRU's gates put in Keras' order z, r, h", "the module without a name is layer gru",
      "a.b is layer a__b",
    ])
  }

  @Test func refusesModulesThatAreNoChain() throws {
    let modules: [Module] = [
      .recurrent(Recurrent(name: "encoder", cell: .gru, inputSize: 2, hiddenSize: 3)),
      .recurrent(Recurrent(name: "decoder", cell: .gru, inputSize: 2, hiddenSize: 3)),
    ]
    let folder = try Folder()
    for kind in Self.kinds + ["rtneural.json"] {
      let error = try #require(throws: RNNError.self) {
        try Self.model(modules.map { Link($0) }).write(to: folder.path("m.\(kind)"), registry: Self.registry)
      }
      #expect(error.problem.description.hasSuffix("cannot hold modules of which nothing says what is computed with them"), "\(error.problem)")
    }
  }

  @Test func refusesWhatKerasCannotHold() throws {
    #expect(try refusal { _ in } == nil)
    #expect(try refusal { $0.projSize = 1 } == "Keras cannot hold a projection")
    #expect(try refusal { $0.clip = 2 } == "Keras cannot hold clipped activations")
    #expect(try refusal { $0.inputForget = true } == "Keras cannot hold coupled input and forget gates")
    #expect(try refusal { $0.peephole = true } == "Keras cannot hold peepholes")
    #expect(try refusal { $0.hasInitialState = true } == "Keras cannot hold a starting state")
    #expect(
      try refusal { $0.direction = .reverse }
        == "Keras cannot hold a layer that runs backwards and gives every step in time order")
    #expect(
      try refusal { $0.activations.gate = .hardSigmoidKeras2 }
        == "Keras cannot hold its activations; hard_sigmoid, for one, is clip(x/6 + 0.5, 0, 1) in Keras 3")
    #expect(
      try refusal { $0.activations.output = .relu }
        == "Keras cannot hold different activations of an LSTM's candidate and output")
  }

  @Test func addsUpTwoBiases() throws {
    let modules: [Module] = [.recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 1, hiddenSize: 1))]
    var archive = TensorArchive()
    let (column, row) = (try #require(Shape([4, 1])), try #require(Shape([4])))
    for (name, shape) in [("weight_ih_l0", column), ("weight_hh_l0", column), ("bias_ih_l0", row), ("bias_hh_l0", row)]
    {
      let tensor = try #require(Tensor([1, 2, 3, 0.5] as [Float], shape))
      try archive.append("lstm.\(name)", tensor)
    }
    let model = try Model(archive, architecture: Architecture(modules: modules, batchFirst: true))
    #expect(
      KerasFormat(HDF5File()).notes(writing: model) == [
        "kernels transposed",
        "lstm: bias_ih and bias_hh are added up, Keras' layer has one bias",
      ])
    let folder = try Folder()
    try model.write(to: folder.path("m.keras"), registry: Self.registry)
    let back = try ModelFile.open(folder.path("m.keras"), registry: Self.registry).model
    #expect(back.archive["lstm.bias_ih_l0"]?.doubles == [2, 4, 6, 1])
    #expect(back.archive["lstm.bias_hh_l0"]?.doubles == [0, 0, 0, 0])
  }
}

/// A folder that goes away with the test.
private final class Folder {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-\(UUID())")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
  func path(_ name: String) -> String { url(name).path }
}
