/// Finds tensors that look like a recurrent layer under names of their own, to propose a mapping.
struct NearMiss {
  private let archive: TensorArchive

  init(_ archive: TensorArchive) {
    self.archive = archive
  }

  /// The error for an archive without recurrent parameters, with the mapping where one can be guessed.
  func error() -> RNNError {
    let remedy: String
    if let renames = proposal() {
      remedy = "if these are a recurrent layer, add " + renames.map { "--rename '\($0)=\($1)'" }.joined(separator: " ")
    } else {
      remedy = "name its tensors with --rename OLD=NEW, or with --mapping FILE"
    }
    return RNNError(.badData, "no recurrent layer: no tensor is named like weight_ih_l0", remedy: remedy)
  }

  /// Old and new names of the first hidden-to-hidden matrix that has an input-to-hidden partner, and of their biases.
  private func proposal() -> [(String, String)]? {
    for hidden in archive.tensors where hidden.tensor.shape.rank == 2 && hidden.tensor.elementType.isWeight {
      let (rows, size) = (hidden.tensor.shape[0], hidden.tensor.shape[1])
      guard size > 0, rows % size == 0, let cell = ["1": "rnn", "3": "gru", "4": "lstm"]["\(rows / size)"] else {
        continue
      }
      let partners = archive.tensors.filter {
        $0.name != hidden.name && $0.tensor.shape.rank == 2 && $0.tensor.shape[0] == rows && $0.tensor.elementType.isWeight
      }
      // A square partner fits either way round: names decide, "hh" before "ih".
      guard let input = partners.max(by: { common($0.name, hidden.name) < common($1.name, hidden.name) }),
        common(input.name, hidden.name) > 0,
        input.tensor.shape[1] != size || score(hidden.name) >= score(input.name)
      else { continue }
      var renames = [(input.name, "\(cell).weight_ih_l0"), (hidden.name, "\(cell).weight_hh_l0")]
      let biases = archive.tensors.filter { $0.tensor.shape.dimensions == [rows] && common($0.name, hidden.name) > 0 }
      if biases.count == 2 {
        let sorted = biases.sorted { score($0.name) < score($1.name) }
        renames += [(sorted[0].name, "\(cell).bias_ih_l0"), (sorted[1].name, "\(cell).bias_hh_l0")]
      }
      return renames
    }
    return nil
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
