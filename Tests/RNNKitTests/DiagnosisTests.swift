import Foundation
import RNNHDF5
import RNNKit
import Testing

/// Against `Fixtures/diagnosis.json`, made by torch.autograd and torch.linalg (`Fixtures/make_diagnosis.py`).
@Suite struct DiagnosisTests {
  private struct Expected: Decodable {
    struct Layer: Decodable {
      var spectral_radius: [Double]
      var norm: [Double]
      var gradient: [Double]
      var cell_gradient: [Double]
    }
    var samples: [String: [Layer]]
    var travel: [String: [[Double]]]
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  private func isNear(_ found: [Double], _ expected: [Double], _ relative: Double) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= relative * abs($1) + 1e-300 }
  }

  @Test func gradientsAndSpectraAreThoseOfAutograd() throws {
    let data = try Data(contentsOf: Self.folder.appendingPathComponent("Fixtures/diagnosis.json"))
    let expected = try JSONDecoder().decode(Expected.self, from: data)
    #expect(expected.samples.count >= 7)
    for (name, layers) in expected.samples {
      let path = Self.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SampleModels/\(name).h5").path
      let model = try ModelFile.open(path, registry: .standard.adding(HDF5Format(HDF5File()))).model
      let input = try #require(model.archive.cases.first?["input"])
      // The first sequence.
      let values = input.doubles
      let features = input.shape[input.shape.rank - 1]
      let (batchFirst, isBatched) = (model.architecture.batchFirst, input.shape.rank == 3)
      let steps = input.shape[isBatched && batchFirst ? 1 : 0]
      let stride = isBatched && !batchFirst ? input.shape[1] * features : features
      let sequence = (0..<steps).map { Array(values[$0 * stride..<$0 * stride + features]) }
      let diagnosis = try Diagnosis(model, #require(model.architecture.forward), input: sequence)
      let found = diagnosis.layers
      #expect(found.count >= layers.count)
      let travel = try #require(diagnosis.travels.first), norms = try #require(expected.travel[name])
      #expect(travel.rows.count == norms.count)
      for (row, expected) in zip(travel.rows, norms) { #expect(isNear(row.norms, expected, 1e-6), "\(name) travel, layer \(row.layer)") }
      for (layer, expected) in zip(found, layers) {
        let place = Comment("\(name) layer \(layer.layer)\(layer.isReverse ? " reverse" : "")")
        #expect(isNear(layer.gradient, expected.gradient, 1e-6), place)
        #expect(isNear(layer.cellGradient, expected.cell_gradient, 1e-6), place)
        #expect(isNear(layer.blocks.map(\.norm), expected.norm, 1e-6), place)
        #expect(isNear(layer.blocks.map(\.spectralRadius), expected.spectral_radius, 1e-3), place)
      }
    }
  }

  private func model(hiddenWeight: Float) throws -> Model {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 1, bias: false,
      activations: .init(candidate: .identity))
    var archive = TensorArchive()
    let shape = try #require(Shape([1, 1]))
    try archive.append("rnn.weight_ih_l0", #require(Tensor([Float(1)], shape)))
    try archive.append("rnn.weight_hh_l0", #require(Tensor([hiddenWeight], shape)))
    return try Model(archive, architecture: Architecture(modules: [.recurrent(module)]))
  }

  /// h_t = w·h_{t−1} + x: the gradient d steps back is w^d.
  @Test(arguments: [(Float(0.5), Diagnosis.Verdict.vanishes(by: 10)), (2, .explodes(by: 10)), (1, .stays)])
  func verdictFollowsTheGradient(_ weight: Float, _ verdict: Diagnosis.Verdict) throws {
    let model = try model(hiddenWeight: weight)
    let diagnosis = try Diagnosis(model, #require(model.architecture.forward), input: [[Double]](repeating: [1], count: 20))
    let layer = try #require(diagnosis.layers.first)
    #expect(layer.verdict == verdict)
    #expect(layer.gradient[3] == Double(weight * weight * weight))
  }
}
