import RNNModel

/// A number in decimal text.
enum DecimalNumber {
  /// An integer in 64 bits, written without point and exponent, and not negative zero.
  case whole(Int64)
  /// The nearest float64; infinite if the number is too large.
  case real(Double)

  var isFinite: Bool {
    if case .real(let value) = self { value.isFinite } else { true }
  }

  /// Powers of ten that float64 holds exactly.
  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// Parses all of `text`: an optional sign, digits with an optional decimal point, and an optional exponent. Nil for
  /// anything else.
  init?(_ text: UnsafeRawBufferPointer) {
    var position = 0
    func digit(_ index: Int) -> UInt64? {
      guard index < text.count, (48...57).contains(text[index]) else { return nil }
      return UInt64(text[index] - 48)
    }
    func sign() -> Bool? {
      guard position < text.count, text[position] == 0x2B || text[position] == 0x2D else { return nil }
      return text[position] == 0x2D
    }
    let isNegative = sign()
    if isNegative != nil { position += 1 }
    /// The digits as one number, as long as it fits.
    var (digits, fits, count) = (UInt64(0), true, 0)
    func take(_ next: UInt64) {
      let (tens, overflow) = digits.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(next)
      if overflow || carry { fits = false } else { digits = sum }
      count += 1
      position += 1
    }
    while let next = digit(position) { take(next) }
    var (fraction, isPlain) = (0, true)
    if position < text.count, text[position] == UInt8(ascii: ".") {
      isPlain = false
      position += 1
      let whole = count
      while let next = digit(position) { take(next) }
      fraction = count - whole
    }
    guard count > 0 else { return nil }
    /// Exponents of more than a few digits are all out of range.
    var exponent = 0
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      isPlain = false
      position += 1
      let isDown = sign()
      if isDown != nil { position += 1 }
      guard digit(position) != nil else { return nil }
      while let next = digit(position) {
        exponent = min(exponent * 10 + Int(next), 1 << 20)
        position += 1
      }
      if isDown == true { exponent = -exponent }
    }
    guard position == text.count else { return nil }
    let isMinus = isNegative == true
    if isPlain, fits, !(isMinus && digits == 0) {
      if let value = Int64(exactly: digits) {
        self = .whole(isMinus ? -value : value)
        return
      }
      if isMinus, digits == Int64.min.magnitude {
        self = .whole(.min)
        return
      }
    }
    let power = exponent - fraction
    let value: Double
    if fits, digits <= 1 << 53, abs(power) < Self.powers.count {
      // Both operands are exact, so the single operation rounds once.
      let magnitude = power < 0 ? Double(digits) / Self.powers[-power] : Double(digits) * Self.powers[power]
      value = isMinus ? -magnitude : magnitude
    } else {
      guard let found = Double(String(decoding: text, as: UTF8.self)) else { return nil }
      value = found
    }
    self = .real(value)
  }
}

/// Collects parsed numbers in scratch storage: as int64 while all of them are integers, else as float64.
struct NumberRoom: ~Copyable {
  /// Bytes of a number.
  static let size = 8

  private let bytes: UnsafeMutableRawBufferPointer
  private(set) var count = 0
  private(set) var isWhole = true

  /// Collects numbers in `bytes`. The caller must not append more than fit.
  init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  /// Appends a number. `room` owns the bytes and is told when earlier numbers are rewritten.
  mutating func append(_ number: DecimalNumber, _ room: inout ScratchRoom) {
    switch number {
    case .whole(let value) where isWhole: bytes.storeBytes(of: value, toByteOffset: count * Self.size, as: Int64.self)
    case .whole(let value): bytes.storeBytes(of: Double(value), toByteOffset: count * Self.size, as: Double.self)
    case .real(let value):
      if isWhole { makeReal(&room) }
      bytes.storeBytes(of: value, toByteOffset: count * Self.size, as: Double.self)
    }
    count += 1
  }

  private mutating func makeReal(_ room: inout ScratchRoom) {
    isWhole = false
    let run = 1 << 20
    for start in stride(from: 0, to: count, by: run) {
      let end = min(start + run, count)
      for index in start..<end {
        let value = bytes.load(fromByteOffset: index * Self.size, as: Int64.self)
        bytes.storeBytes(of: Double(value), toByteOffset: index * Self.size, as: Double.self)
      }
      room.changed(start * Self.size..<end * Self.size)
    }
  }
}
