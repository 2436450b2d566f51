import RNNKit
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What can be shown where a text goes: its width, its characters and its colours.
enum Terminal {
  enum Colour: String, CaseIterable {
    case auto, always, never
  }

  /// Set once, before anything is shown: -1 as the environment says, 0 no, 1 yes.
  private static let ascii = Atomic(-1)
  private static let colour = Atomic(-1)

  static func choose(ascii isASCII: Bool, colour chosen: Colour) {
    if isASCII { ascii.store(1, ordering: .relaxed) }
    if chosen != .auto { colour.store(chosen == .always ? 1 : 0, ordering: .relaxed) }
  }

  /// Whether only ASCII may be shown: where it is asked for, or the locale is named C or POSIX. One that is not named is
  /// taken for UTF-8, as files are.
  static var isASCII: Bool {
    let chosen = ascii.load(ordering: .relaxed)
    if chosen >= 0 { return chosen == 1 }
    let named = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment($0) }.first { !$0.isEmpty }
    let isPlain = named == "C" || named == "POSIX"
    ascii.store(isPlain ? 1 : 0, ordering: .relaxed)
    return isPlain
  }

  private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Columns of the terminal that a descriptor is, nil where it is none. `COLUMNS` comes first.
  static func width(of descriptor: Int32 = 1) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    let told = environment("COLUMNS").flatMap { Int($0) }
    let found = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    return min(max(told ?? found, 20), 1000)
  }

  /// How a part of a text stands out.
  enum Style: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case bold = "1"
  }

  private static func hasColour(_ descriptor: Int32) -> Bool {
    let chosen = colour.load(ordering: .relaxed)
    if chosen >= 0 { return chosen == 1 }
    return isatty(descriptor) == 1 && environment("NO_COLOR").map(\.isEmpty) ?? true && environment("TERM") != "dumb"
  }

  /// The text in a colour, where the descriptor that it goes to shows colours.
  static func painted(_ text: String, _ style: Style?, on descriptor: Int32 = 1) -> String {
    guard let style, !text.isEmpty, hasColour(descriptor) else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  private static let plain: [Unicode.Scalar: String] = [
    "…": "...", "│": "|", "‖": "|", "·": "*", "−": "-", "µ": "u", "×": "x", "–": "-", "—": "-", "’": "'",
  ]

  /// The text as it may be shown: in ASCII what is said here in other words, and other characters as `\u{e9}`.
  static func shown(_ text: String) -> String {
    guard isASCII, text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      if scalar.isASCII {
        result.unicodeScalars.append(scalar)
      } else {
        result += plain[scalar] ?? "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
  }
}
