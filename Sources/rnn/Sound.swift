import RNNKit

/// A sound that goes into a model, compared with what the model takes.
struct Sound {
  let path: String
  /// Samples a second.
  let rate: Int

  /// The sample rate that a model was made for, where its metadata tells.
  static func rate(of model: Model) -> Int? {
    let names: Set = ["sample_rate", "samplerate"]
    func rate(in members: [JSONValue.Member]) -> Int? {
      for member in members where names.contains(member.key.lowercased()) {
        if let value = member.value.double ?? member.value.string.flatMap(Double.init), let rate = Int(exactly: value), rate > 0 {
          return rate
        }
      }
      return members.lazy.filter { $0.key == "metadata" }.compactMap { rate(in: $0.value.members ?? []) }.first
    }
    return rate(in: model.archive.metadata)
  }

  /// Throws where it has another number of channels than the model; warns where it has another sample rate.
  func check(_ tensor: Tensor?, for plan: Plan, _ model: Model) throws(RNNError) {
    if let channels = tensor?.shape.dimensions.last, channels != plan.inputSize || plan.takesIndices {
      let takes = plan.takesIndices ? "indices of an embedding" : counted(plan.inputSize, "channel")
      throw RNNError(.badData, file: path, "a sound of \(counted(channels, "channel")), and the model takes \(takes)",
        remedy: plan.inputSize == 1 && !plan.takesIndices
          ? "take one: ffmpeg -i \(path.shellWord) -af 'pan=mono|c0=c0' -c:a pcm_f32le mono.wav"
          : "give arrays as the model takes them, as .npy or .csv")
    }
    guard let wanted = Self.rate(of: model), wanted != rate else { return }
    Console.warning("\(path): \(grouped(rate)) samples a second, and the model is of \(grouped(wanted)): resample it with "
      + "ffmpeg -i \(path.shellWord) -ar \(wanted) -c:a pcm_f32le resampled.wav")
  }
}
