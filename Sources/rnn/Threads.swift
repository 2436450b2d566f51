import ArgumentParser

/// The option --threads.
enum Threads {
  /// More than any machine has processors.
  private static let most = 1024

  static func check(_ count: Int) throws {
    guard (1...most).contains(count) else { throw ValidationError("--threads is 1 to \(most)") }
  }
}
