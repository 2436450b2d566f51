import RNNModel
import Testing

@Suite struct HalfPrecisionTests {
  #if !(os(macOS) && arch(x86_64))
    /// Against the compiler's own half type, over every bit pattern.
    @Test func widensEveryHalfExactly() {
      for bits in UInt16.min...UInt16.max {
        let expected = Float(Float16(bitPattern: bits))
        let found = Float(halfBits: bits)
        #expect(found.bitPattern == expected.bitPattern || (found.isNaN && expected.isNaN))
      }
    }

    /// Every half, and the points half-way to the next and one float64 either side of them, where rounding turns.
    @Test func roundsToNearestEvenHalf() {
      for bits in UInt16.min..<0x7C00 {
        let low = Double(Float16(bitPattern: bits))
        let middle = bits == 0x7BFF ? 65520 : (low + Double(Float16(bitPattern: bits + 1))) / 2
        for value in [low, middle, middle.nextUp, middle.nextDown] {
          #expect(value.halfBits == Float16(value).bitPattern)
          #expect((-value).halfBits == Float16(-value).bitPattern)
        }
      }
      #expect(Double.infinity.halfBits == 0x7C00)
      #expect(Double.leastNonzeroMagnitude.halfBits == 0)
      #expect(Double.greatestFiniteMagnitude.halfBits == 0x7C00)
      #expect(Float(halfBits: Double.nan.halfBits).isNaN)
    }
  #endif

  /// bfloat16 is the upper half of a float32: half-way points are exact in float64.
  @Test func roundsToNearestEvenBFloat16() {
    for bits in stride(from: UInt16(0), to: 0x7F80, by: 7) {
      let low = Double(Float(bitPattern: UInt32(bits) << 16))
      let high = bits == 0x7F7F ? 0x1p128 : Double(Float(bitPattern: UInt32(bits + 1) << 16))
      let middle = (low + high) / 2
      #expect(low.bfloat16Bits == bits)
      #expect(middle.bfloat16Bits == (bits % 2 == 0 ? bits : bits + 1))
      #expect(middle.nextUp.bfloat16Bits == bits + 1)
      #expect(middle.nextDown.bfloat16Bits == bits)
    }
    #expect((-1.0).bfloat16Bits == 0xBF80)
    #expect(Double.infinity.bfloat16Bits == 0x7F80)
  }
}
