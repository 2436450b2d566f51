extension String {
  /// The text as one word of a shell's command line.
  package var shellWord: String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:".utf8
    return !isEmpty && utf8.allSatisfy(plain.contains) ? self : "'" + replacing("'", with: "'\\''") + "'"
  }
}
