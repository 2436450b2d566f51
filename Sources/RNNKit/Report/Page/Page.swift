/// A page of HTML that needs nothing else: no network, no scripts. Light or dark as the reader's system is, and light on paper.
struct Page {
  private let title: String
  private var body = ""

  init(title: String) { self.title = title }

  /// Text is escaped; `markup` of callers goes as it is.
  mutating func add(markup: String) { body += markup + "\n" }

  mutating func heading(_ text: String, id: String) { body += "<h2 id=\"\(id)\">\(text.markup)</h2>\n" }

  mutating func subheading(_ text: String) { body += "<h3>\(text.cut(to: 200).markup)</h3>\n" }

  mutating func paragraph(_ text: String, style: String = "") {
    body += "<p\(style.isEmpty ? "" : " class=\"\(style)\"")>\(text.markup)</p>\n"
  }

  /// At most `limit` lines and how many more there are.
  mutating func list(_ items: [String], limit: Int = 20, style: String = "") {
    guard !items.isEmpty else { return }
    body += "<ul\(style.isEmpty ? "" : " class=\"\(style)\"")>"
    for item in items.prefix(limit) { body += "<li>\(item.cut(to: 1000).markup)</li>" }
    if items.count > limit { body += "<li>… and \((items.count - limit).groupedDigits) more</li>" }
    body += "</ul>\n"
  }

  /// A picture with what is to be said of it underneath. It is drawn in its own size, and scrolls where the page is narrower.
  mutating func figure(_ drawing: Drawing, _ title: String, caption: String = "") {
    body += Self.figure(drawing, title, caption: caption)
  }

  static func figure(_ drawing: Drawing, _ title: String, caption: String = "") -> String {
    "<figure><div class=\"scroll\">\(drawing.embedded(title.cut(to: 300)))</div>"
      + (caption.isEmpty ? "" : "<figcaption>\(caption.markup)</figcaption>") + "</figure>\n"
  }

  /// Several beside each other, as many as there is room for.
  ///
  /// - Parameter style: `pair` for two columns of a page.
  mutating func figures(_ all: [(drawing: Drawing, title: String, caption: String)], style: String = "row") {
    guard !all.isEmpty else { return }
    body += "<div class=\"\(style)\">\n" + all.map { Self.figure($0.drawing, $0.title, caption: $0.caption) }.joined() + "</div>\n"
  }

  /// A cell of a table.
  enum Cell {
    case text(String)
    case number(String)
    case code(String)
    case badge(String, Tone)
    case picture(Drawing, String)
    case tinted(String, Int)
  }

  enum Tone: String {
    case good, fair, poor
  }

  mutating func table(_ head: [String], numbers: Set<Int> = [], _ rows: [[Cell]], more: String = "") {
    body += "<div class=\"scroll\"><table><thead><tr>"
    for (index, text) in head.enumerated() { body += "<th\(numbers.contains(index) ? " class=\"n\"" : "")>\(text.markup)</th>" }
    body += "</tr></thead><tbody>\n"
    for row in rows { body += "<tr>" + row.map(Self.cell).joined() + "</tr>\n" }
    body += "</tbody></table></div>\n"
    if !more.isEmpty { paragraph(more, style: "quiet") }
  }

  private static func cell(_ cell: Cell) -> String {
    switch cell {
    case .text(let text): "<td>\(shortened(text))</td>"
    case .number(let text): "<td class=\"n\">\(text.markup)</td>"
    case .code(let text): "<td><code>\(shortened(text))</code></td>"
    case .badge(let text, let tone): "<td><span class=\"badge \(tone.rawValue)\">\(text.markup)</span></td>"
    case .picture(let drawing, let title): "<td class=\"p\">\(drawing.embedded(title))</td>"
    case .tinted(let text, let level): "<td class=\"n tint\(level)\">\(text.markup)</td>"
    }
  }

  /// A name as long as a column may be wide, the rest in a title.
  private static func shortened(_ text: String) -> String {
    let shown = TextWidth.fitted(text.drawable, size: 13, within: 420)
    return shown == text.drawable ? text.markup : "<span title=\"\(text.cut(to: 1000).markup)\">\(shown.markup)</span>"
  }

  /// What is to be seen first, each a number and what it is.
  mutating func tiles(_ all: [(value: String, label: String, tone: Tone?)]) {
    body += "<dl class=\"tiles\">\n"
    for tile in all {
      body += "<div\(tile.tone.map { " class=\"\($0.rawValue)\"" } ?? "")><dt>\(tile.label.markup)</dt><dd>\(tile.value.markup)</dd></div>\n"
    }
    body += "</dl>\n"
  }

  var document: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(title.markup)</title>
    <style>
    \(Self.style)\(Palette.style)</style>
    </head>
    <body>
    <main>
    \(body)</main>
    </body>
    </html>

    """
  }

  private static let style = """
    :root{--ground:#ffffff;--ink:#1f2328;--quiet:#59636e;--line:#dfe3e8;--soft:#f6f8fa;--good:#1a7f37;--goodsoft:#dafbe1;--fair:#8a5a00;--fairsoft:#fff3cd;--poor:#c41e3a;--poorsoft:#ffe3e6}
    @media (prefers-color-scheme: dark){:root{--ground:#0d1117;--ink:#e6edf3;--quiet:#9198a1;--line:#2d333b;--soft:#161b22;--good:#56d364;--goodsoft:#12301c;--fair:#e3b341;--fairsoft:#332701;--poor:#ff7b86;--poorsoft:#3b1219}}
    *{box-sizing:border-box}
    html{background:var(--ground);color:var(--ink);font:15px/1.5 -apple-system,"Segoe UI",Helvetica,Arial,"Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
    body{margin:0}
    main{max-width:1180px;margin:0 auto;padding:32px 28px 56px}
    h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
    h2{font-size:19px;margin:40px 0 12px;padding-top:20px;border-top:1px solid var(--line)}
    h3{font-size:15px;margin:24px 0 8px;overflow-wrap:anywhere}
    p{margin:8px 0;max-width:80ch;overflow-wrap:anywhere}
    .quiet,figcaption{color:var(--quiet);font-size:13px}
    figcaption{margin-top:4px;overflow-wrap:anywhere}
    .warn{color:var(--fair)}
    code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
    pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:10px 14px;overflow-x:auto;margin:14px 0;white-space:pre-wrap;overflow-wrap:anywhere}
    ul{margin:8px 0;padding-left:20px}
    li{overflow-wrap:anywhere}
    figure{margin:14px 0;min-width:0;max-width:100%}
    .scroll{overflow-x:auto;max-width:100%}
    .scroll>svg,td svg{display:block}
    .row{display:flex;flex-wrap:wrap;gap:6px 28px;align-items:flex-start}
    .row figure,.pair figure{margin:8px 0}
    .pair{display:grid;grid-template-columns:minmax(0,632px) minmax(0,1fr);gap:6px 24px;align-items:start}
    @media (max-width:900px){.pair{grid-template-columns:minmax(0,1fr)}}
    table{border-collapse:collapse;font-size:13px;margin:6px 0}
    th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:middle}
    th{color:var(--quiet);font-weight:600}
    .n{text-align:right;font-variant-numeric:tabular-nums}
    td.p{padding:2px 14px 2px 0}
    .badge{display:inline-block;padding:0 8px;border-radius:10px;font-size:12px;font-weight:600;line-height:20px}
    .badge.good{color:var(--good);background:var(--goodsoft)}
    .badge.fair{color:var(--fair);background:var(--fairsoft)}
    .badge.poor{color:var(--poor);background:var(--poorsoft)}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:18px 0}
    .tiles div{border:1px solid var(--line);border-radius:8px;padding:10px 14px;background:var(--soft);min-width:0}
    .tiles dt{color:var(--quiet);font-size:12px}
    .tiles dd{margin:2px 0 0;font-size:19px;font-weight:600;overflow-wrap:anywhere}
    .tiles .good dd{color:var(--good)}
    .tiles .fair dd{color:var(--fair)}
    .tiles .poor dd{color:var(--poor)}
    \((0...4).map { ".tint\($0){padding-left:10px;background:\(["transparent", "rgba(74,144,200,.16)", "rgba(74,144,200,.34)", "rgba(240,160,75,.40)", "rgba(208,70,80,.45)"][$0])}" }.joined(separator: "\n"))
    .legend{display:inline-flex;flex-wrap:wrap;gap:2px 14px;color:var(--quiet);font-size:12px;align-items:center}
    .legend svg{vertical-align:-2px;margin-right:5px}
    h4{font-size:13px;margin:16px 0 0}
    h1 .quiet{font-size:inherit;font-weight:400}
    .gone{color:var(--poor)}
    .added{color:var(--good)}
    .spectra figure{width:160px}
    @media (max-width:600px){main{padding:20px 14px 40px}h1{font-size:21px}}
    @media print{html{font-size:11px}main{max-width:none;padding:0}.scroll{overflow:visible}svg{max-width:100%;height:auto}h2{break-after:avoid}figure,tr{break-inside:avoid}}

    """
}
