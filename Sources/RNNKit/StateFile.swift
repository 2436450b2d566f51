import RNNFormats
import RNNModel
import RNNRunner

extension State {
  /// Writes the state to a `.npz` or `.json` file, which appears whole or not at all, for `Plan.state(readingFrom:)` and
  /// `rnn run --state-in`. An `.npy` or `.csv` file holds that of one module without a cell state.
  public func write(to path: String, replacing: Bool = false) throws(RNNError) {
    let writer = try ArrayRegistry.standard.writer(for: path)
    let members = members
    guard let first = members.first else {
      throw RNNError(.usage, file: path, "the plan has no state to keep", remedy: "keep that of a plan with a recurrent module")
    }
    guard !writer.holdsOneArray || members.count == 1 else {
      throw RNNError(.usage, file: path, "a .\(writer.name) file holds one array, and the state is \(members.count)",
        remedy: "name an .npz or .json file")
    }
    do throws(RNNError) {
      var file = try OutputFile(path, replacing: replacing)
      try writer.write(ArrayOutput(members: members, end: first.tensor), to: &file)
      try file.commit()
    } catch {
      throw error.inFile(path)
    }
  }
}

extension Plan {
  /// The state that `State.write` or `rnn run --state-out` wrote, or that a run's outputs hold.
  public func state(readingFrom path: String) throws(RNNError) -> State {
    do throws(RNNError) {
      let file = try InputFile(path)
      let format = try ArrayRegistry.standard.format(of: file)
      var members: [NamedTensor] = []
      for member in try format.read(file) {
        // Text has no types.
        let tensor = format.isText ? try member.tensor.widenedToDoubles() : nil
        members.append(NamedTensor(member.name.isEmpty ? "h0" : member.name, tensor ?? member.tensor))
      }
      return try state(storedAs: members)
    } catch {
      throw error.inFile(path)
    }
  }
}
