import Foundation
import RNNKit
import Testing

/// File names are bytes, of which most are UTF-8.
@Suite struct FileNameTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    _ = try Samples.native("rnn_1_layer", scratch, as: "m.rnn")
  }

  private func lines(_ script: String) throws -> [String] {
    let result = try Shell.run(script, in: scratch.folder)
    #expect(result.errors.isEmpty, "\(result.errors)")
    return result.lines
  }

  /// Latin-1, Shift-JIS with its second byte a backslash, a byte alone, an end of UTF-8 cut off, a surrogate, an overlong
  /// slash, and scalars that RNNKit itself puts in the place of such bytes; UTF-8 composed and decomposed, and a name that
  /// begins with a combining mark, which are characters of one kind and several files.
  @Test(arguments: [
    #"mod\xe8le"#, #"\x83\x5c\x95\x5c"#, #"a\xff"#, #"a\xe2\x82"#, #"\xed\xb3\xbf"#, #"\xc0\xaf"#, #"\xf4\x8f\xbf\xbf"#,
    #"\xf4\x8f\xbe\x80x"#, #"\x80\xff"#, #"e\xcc\x81"#, #"\xc3\xa9"#, #"\xcc\x81a"#, #"a\x0ab"#,
  ])
  func readsAndWritesUnderAnyName(_ name: String) throws {
    // As files and as folders; through the confined process too; arrays, states, cases and mappings.
    let found = try lines("""
      n=$'\(name)'; mkdir "d$n"; cp m.rnn "d$n/$n.rnn"; cd "d$n"; set -e
      "$RNN" convert "$n.rnn" "c$n.rnn" --quiet; cmp "$n.rnn" "c$n.rnn"
      "$RNN" convert "$n.rnn" "$n.h5" --quiet; "$RNN" convert "$n.h5" "c$n.rnn" --force --quiet; cmp "$n.rnn" "c$n.rnn"
      "$RNN" convert "$PWD/$n.rnn" "$PWD/$n.rnn" --force --quiet; cmp "../m.rnn" "$n.rnn"
      ln -s "$n.rnn" "l$n"; "$RNN" convert "l$n" "l$n" --to native --force --quiet; test -L "l$n"; cmp ../m.rnn "l$n"
      ln -s "none$n" "w$n"; "$RNN" convert "$n.rnn" "w$n" --to native --quiet
      test -f "none$n"; TMPDIR="$PWD" "$RNN" convert "$n.h5" "t$n.rnn" --quiet
      "$RNN" inspect "$n.rnn" > /dev/null; "$RNN" diff "$n.rnn" "$n.h5"; set -- *; echo $#
      """)
    #expect(found.suffix(1) == ["7"], "\(found)")
    #expect(found.dropLast().last?.hasSuffix("identical bit for bit") == true, "\(found)")
  }

  @Test func keepsComposedAndDecomposedNamesApart() throws {
    let found = try lines("""
      cp m.rnn $'e\\xcc\\x81.rnn'; printf '1,2\\n' > x.csv
      "$RNN" convert $'e\\xcc\\x81.rnn' $'\\xc3\\xa9.rnn' --quiet; echo $?; ls | wc -l
      "$RNN" run m.rnn --input x.csv --output $'e\\xcc\\x81.npz' --state-out $'\\xc3\\xa9.npz'; echo $?; ls | wc -l
      """)
    #expect(found == ["0", "4", "0", "6"])
  }

  /// As any other program opens it, found by listing the folder.
  @Test func namesAreThoseThatWereAskedFor() throws {
    #expect(try lines("""
      "$RNN" convert m.rnn $'c\\xff.rnn' --quiet
      python3 -c 'import os; print(sorted(os.listdir(b".")))'
      """) == [#"[b'c\xff.rnn', b'm.rnn']"#])
  }

  /// The two programs find each other in any folder, and under any name in the environment.
  @Test func programsRunFromAnyFolder() throws {
    #expect(try lines("""
      mkdir $'bin\\xff'; cp "$RNN" "$(dirname "$RNN")/rnn-hdf5" $'bin\\xff'; $'bin\\xff/rnn' convert m.rnn o.h5 --quiet; echo $?
      mv $'bin\\xff/rnn-hdf5' $'other\\xe9'; RNNKIT_HDF5=$'./other\\xe9' $'bin\\xff/rnn' diff m.rnn o.h5; echo $?
      """).filter { !$0.hasSuffix("identical bit for bit") } == ["0", "0"])
  }

  @Test func isShownOnOneLine() throws {
    let result = try Shell.run("""
      "$RNN" inspect $'no\\xff\\nne'; echo $?; "$RNN" convert m.rnn $'no\\xff/m.rnn'; echo $?
      "$RNN" convert m.rnn $'c\\xff.rnn' --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["output"])'
      "$RNN" inspect $'c\\xff.rnn' | head -1; "$RNN" convert m.rnn o.rnn $'stray\\xff'; echo $?
      """, in: scratch.folder)
    #expect(result.lines.filter { !$0.isEmpty }.map { $0.hasPrefix("c\\xff.rnn: native") ? "shown" : $0 }
      == ["66", "73", #"c\xff.rnn"#, "shown", "64"])
    let errors = result.errors.split(separator: "\n").map(String.init)
    #expect(errors.count == 3, "\(errors)")
    #expect(errors[0] == #"rnn: no\xff\nne: cannot be opened: No such file or directory; check the path and its permissions"#)
    #expect(errors[1].hasPrefix(#"rnn: no\xff/m.rnn: cannot be created: "#))
    #expect(errors[2].contains(#"stray\xff"#))
  }

  @Test func aCaseIsNamedAfterItsFile() throws {
    let reference = try #require(try Samples.open("rnn_1_layer").archive.cases.first)
    try ArrayFile.write(reference.members, scratch.path("case.npz"))
    #expect(try lines("""
      mv case.npz $'caf\\xe9.npz'; "$RNN" convert m.rnn o.rnn --no-cases --case $'caf\\xe9.npz' --quiet
      "$RNN" verify o.rnn | head -1
      """) == [#"case caf\xe9"#])
  }
}
