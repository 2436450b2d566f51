// Appended to a page: finds what overlaps or overflows, by the boxes that the browser gave it.
const problems = [];
const say = (what, ...elements) => problems.push(
  what + ": " + elements.map(e => (e.textContent.trim() || e.getAttribute("class") || e.tagName).slice(0, 40)).join(" | "));
const overlap = (a, b, by) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > by && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by;
const within = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
const root = document.documentElement;
// A picture by itself is as wide as it is.
if (root.tagName !== "svg" && root.scrollWidth > root.clientWidth) problems.push("the page is wider than the window: " + root.scrollWidth);

let texts = 0, boxes = 0;
const pictures = root.tagName === "svg" ? [root] : [...document.querySelectorAll("svg")];
for (const svg of pictures) {
  const frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]);
  const rects = [...svg.querySelectorAll("rect.recurrent, rect.weights, rect.plain, rect.port, rect.unknown")]
    .map(e => [e, e.getBoundingClientRect()]);
  texts += words.length;
  boxes += rects.length;
  words.forEach(([e, box], i) => {
    if (!within(box, frame, 1)) say("text leaves its picture", e);
    for (const [other, second] of words.slice(0, i)) if (overlap(box, second, 1.5)) say("texts overlap", e, other);
    for (const [rect, second] of rects) {
      if (overlap(box, second, 1) && !within(box, second, 1)) say("text leaves its box", e, rect);
    }
  });
  rects.forEach(([e, box], i) => {
    if (!within(box, frame, 1)) say("box leaves its picture", e);
    for (const [other, second] of rects.slice(0, i)) if (overlap(box, second, 0.5)) say("boxes overlap", e, other);
  });
  for (const e of svg.querySelectorAll("path, circle")) {
    const box = e.getBoundingClientRect();
    if (!within(box, frame, 4)) say("a line leaves its picture", e);
  }
}
if (root.tagName !== "svg") {
  // What stands in one another scrolls, or fits.
  for (const parent of document.querySelectorAll("main, .row, .pair, .tiles, .legend, figure, tr")) {
    const children = [...parent.children].map(e => [e, e.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
    const frame = parent.getBoundingClientRect();
    children.forEach(([e, box], i) => {
      if (parent.tagName !== "TR" && !within(box, frame, 1)) say("leaves what it stands in", e);
      for (const [other, second] of children.slice(0, i)) if (overlap(box, second, 1)) say("elements overlap", e, other);
    });
  }
  for (const e of document.querySelectorAll("h1, h2, h3, h4, p, li, td, th, dt, dd, figcaption, .badge")) {
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0) say("text is cut", e);
  }
}
const result = document.createElementNS("http://www.w3.org/1999/xhtml", "pre");
result.setAttribute("id", "layout");
result.textContent = `${window.innerWidth} wide, ${matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"}, ${pictures.length} pictures, ${boxes} boxes, ${texts} texts\n` + problems.slice(0, 30).join("\n") + "\n";
root.appendChild(result);
