/// Finds tensors that look like recurrent layers under names of their own, to propose a mapping.
struct NearMiss {
  private let archive: TensorArchive

  init(_ archive: TensorArchive) {
    self.archive = archive
  }

  /// Tensors that may be one layer: matrices of as many rows, of which one is gates·hidden by hidden.
  private struct Layer {
    let cell: String
    let input: NamedTensor
    let hidden: NamedTensor
    /// None, or those of the input and of the hidden side.
    var biases: [String] = []

    var inputSize: Int { input.tensor.shape[1] }
    var hiddenSize: Int { hidden.tensor.shape[1] }
  }

  /// The error for an archive without recurrent parameters, with the mapping where one can be guessed.
  func error() -> RNNError {
    let renames = proposal()
    let remedy =
      renames.isEmpty
      ? "name its tensors with --rename OLD=NEW, or with --mapping FILE"
      : renames.count > Self.shownRenames
        ? "if these are recurrent, write all \(renames.count.groupedDigits) names into a file for --mapping, "
          + "'\(renames[0].0)' as '\(renames[0].1)' and so on"
        : "if these are recurrent, add " + renames.map { "--rename '\($0)=\($1)'" }.joined(separator: " ")
    return RNNError(.badData, "no recurrent layer: no tensor is named like weight_ih_l0", remedy: remedy)
  }

  /// The most that an error names one by one: what eight layers take.
  private static let shownRenames = 32

  /// Old and new names. Layers of one size, each fed by the one before, make a stack.
  private func proposal() -> [(String, String)] {
    var layers = self.layers()
    // The layer that takes another size is the first; the rest are counted by their names.
    let starts = layers.filter { $0.inputSize != $0.hiddenSize }
    layers.sort { ($0.input.name.utf8.count, $0.input.name) < ($1.input.name.utf8.count, $1.input.name) }
    if starts.count == 1, let start = layers.firstIndex(where: { $0.input.name == starts[0].input.name }) {
      layers.insert(layers.remove(at: start), at: 0)
    }
    guard let first = layers.first else { return [] }
    let stack = layers.enumerated().prefix { index, layer in
      index == 0 || (layer.cell == first.cell && layer.hiddenSize == first.hiddenSize && layer.inputSize == first.hiddenSize)
    }.map(\.element)
    return stack.enumerated().flatMap { index, layer in
      let names = [layer.input.name, layer.hidden.name] + layer.biases
      return zip(names, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]).map { ($0, "\(layer.cell).\($1)_l\(index)") }
    }
  }

  private func layers() -> [Layer] {
    let matrices = archive.tensors.filter { $0.tensor.shape.rank == 2 && $0.tensor.shape.count > 0 && $0.tensor.elementType.isWeight }
    var result: [Layer] = []
    var used = Set<String>()
    for hidden in matrices {
      let (rows, size) = (hidden.tensor.shape[0], hidden.tensor.shape[1])
      guard rows % size == 0, let cell = [1: "rnn", 3: "gru", 4: "lstm"][rows / size] else { continue }
      // Where both could be either, the names decide.
      let partners = matrices.filter {
        $0.name != hidden.name && $0.tensor.shape[0] == rows && common($0.name, hidden.name) > 0
          && ($0.tensor.shape[1] != size || score($0.name) < score(hidden.name))
      }
      guard let input = partners.max(by: { common($0.name, hidden.name) < common($1.name, hidden.name) }),
        used.isDisjoint(with: [input.name, hidden.name])
      else { continue }
      used.formUnion([input.name, hidden.name])
      result.append(Layer(cell: cell, input: input, hidden: hidden))
    }
    // A bias belongs to the layer whose names it shares most of. One bias alone is no PyTorch layer's.
    var biases = [[String]](repeating: [], count: result.count)
    for vector in archive.tensors where vector.tensor.shape.rank == 1 {
      let fitting = result.indices.filter {
        result[$0].hidden.tensor.shape[0] == vector.tensor.shape[0] && common(vector.name, result[$0].hidden.name) > 0
      }
      let owner = fitting.max { common(vector.name, result[$0].hidden.name) < common(vector.name, result[$1].hidden.name) }
      if let owner { biases[owner].append(vector.name) }
    }
    for index in result.indices { result[index].biases = biases[index].sorted { score($0) < score($1) } }
    return result.filter { $0.biases.isEmpty || $0.biases.count == 2 }
  }

  /// How much a name speaks of the hidden side.
  private func score(_ name: String) -> Int {
    let name = name.lowercased()
    return ["hh", "rec", "hidden", "_h", "_u"].count { name.contains($0) } - ["ih", "input", "_x", "_w"].count { name.contains($0) }
  }

  /// How many characters two names begin with alike.
  private func common(_ first: String, _ second: String) -> Int {
    zip(first.utf8, second.utf8).prefix { $0 == $1 }.count
  }
}
