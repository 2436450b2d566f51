import RNNModel

// Files that are often in the same folder as models: amp captures with other networks, notebooks, programs.
extension ForeignFile {
  /// The remedy for a capture that is not a recurrent network.
  static let otherCapture = "use another capture of the same amp: .nam, AIDA-X, GuitarML or RTNeural"

  /// JSON captures whose network is not just recurrent layers on the sound itself.
  static func capture(_ file: InputFile) -> ForeignFile? {
    if file.json.has("dilations", "residual_channels") {
      return ForeignFile("a WaveNet model of PedalNetRT or SmartAmp, which has no recurrent layer", remedy: Phrase(otherCapture))
    }
    if file.json.has("conv1d_stride", "input_size") {
      return ForeignFile(
        "a SmartAmpPro model, whose LSTM runs over windows of the sound that strided convolutions make", remedy: Phrase(otherCapture))
    }
    return nil
  }

  static let notebook = ForeignFile(
    "a Jupyter notebook", remedy: "run it, and give the file that its torch.save or model.save writes")

  static let python = ForeignFile(
    "Python source, which holds no weights", remedy: "run it, and give the file that its torch.save or model.save writes")

  /// Whether a text has a Python import near its start.
  static func isPython(_ text: String) -> Bool {
    let lines = text.split(separator: "\n").prefix(200)
    return lines.contains { line in
      let words = line.split(separator: " ")
      return words.count >= 2 && (words[0] == "import" || words[0] == "from" && words.contains("import")) && !line.hasPrefix(" ")
    }
  }
}
