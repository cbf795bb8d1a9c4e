// Shows strings that may be hostile. They are written as JSON, in which every character that cannot be seen, or that
// changes how its neighbours look, has an escape. They reach the page as text nodes alone.

const SHOWN_AT_FIRST = 300; // characters of a value
const SHOWN_PER_STEP = 100_000; // and after each press of its button
const LAID_OUT = 200_000; // characters of the longest array or object that gets lines of its own
const ONE_LINE = 60; // characters of an array or object
const DEEPEST_INDENT = 12; // levels

// Control and format characters (bidi marks among them), surrogates without a partner, private and unassigned ones,
// line separators, blanks other than the space, variation selectors, and letters that are blank.
const INVISIBLE = new RegExp(
  "[\\p{C}\\p{Zl}\\p{Zp}\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}" +
    "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u2800\\u3164\\uffa0]",
  "gu",
);
// Accents and other marks on one letter: many of them cover the lines around, and millions of them end the browser tab.
const PILED_UP = /\p{M}{5,}/gu;
const SHORT_ESCAPES = new Map([
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\f", "\\f"],
  ["\r", "\\r"],
]);

/** Returns a string as JSON that shows each of its characters. */
function jsonString(string) {
  return `"${escapeInvisible(string.replace(/["\\]/g, "\\$&"))}"`;
}

/** Returns a string in which each invisible character is an escape. */
function escapeInvisible(string) {
  return string
    .replace(INVISIBLE, (character) => SHORT_ESCAPES.get(character) ?? escapeUnits(character))
    .replace(PILED_UP, escapeUnits);
}

function escapeUnits(character) {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Returns a name as it stands if that is plain, otherwise as JSON. */
function shownName(name) {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,300}$/.test(name) ? name : jsonString(name);
}

/** Returns a few words of a token for a sentence: as JSON, and cut if they are long. */
function quoted(string) {
  return string.length > 60 ? `${jsonString(cut(string, 60))} and more` : jsonString(string);
}

/** Returns the first characters of a string, without half of a surrogate pair at its end. */
function cut(string, length) {
  const isHalf = /[\ud800-\udbff]/.test(string[length - 1] ?? "") && /[\udc00-\udfff]/.test(string[length] ?? "");
  return string.slice(0, isHalf ? length - 1 : length);
}

/** Returns a node of JSON for people: numbers as they were written, long arrays and objects on several lines. */
function jsonForPeople(text, node) {
  if (node.kind === "string") return jsonString(node.value);
  if (node.kind !== "object" && node.kind !== "array") return node.source;
  if (node.end - node.start > LAID_OUT) return escapeInvisible(text.slice(node.start, node.end));
  const pieces = [];
  let depth = 0;
  const isShort = node.end - node.start <= ONE_LINE;
  const newLine = () => pieces.push(isShort ? "" : `\n${"  ".repeat(Math.min(depth, DEEPEST_INDENT))}`);
  for (let at = node.start; at < node.end; at += 1) {
    const mark = text[at];
    if (mark === '"') {
      const end = endOfString(text, at);
      pieces.push(jsonString(JSON.parse(text.slice(at, end))));
      at = end - 1;
    } else if (mark === "{" || mark === "[") {
      pieces.push(mark);
      depth += 1;
      if (!isEmptyFrom(text, at)) newLine();
    } else if (mark === "}" || mark === "]") {
      depth -= 1;
      if (pieces.at(-1) !== "{" && pieces.at(-1) !== "[") newLine();
      pieces.push(mark);
    } else if (mark === ",") {
      pieces.push(isShort ? ", " : mark);
      newLine();
    } else if (mark === ":") {
      pieces.push(": ");
    } else if (!" \t\r\n".includes(mark)) {
      pieces.push(mark);
    }
  }
  return pieces.join("");
}

function isEmptyFrom(text, at) {
  JSON_BLANKS.lastIndex = at + 1;
  const next = at + 1 + JSON_BLANKS.exec(text)[0].length;
  return text[next] === "}" || text[next] === "]";
}

/** Makes an element. Attributes are set as attributes, children are strings or nodes; null children are left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Makes the element of a value that may be long: its beginning, and a button for more. */
function makeValue(string, label) {
  const shown = make("bdi", { class: "value", dir: "ltr" }, cut(string, SHOWN_AT_FIRST));
  if (string.length <= SHOWN_AT_FIRST) return shown;
  const box = make("div", { class: "long" }, shown);
  box.append(makeMoreButton(string, shown, box, label));
  return box;
}

function makeMoreButton(string, shown, box, label) {
  const button = make("button", { type: "button", class: "more" });
  let length = cut(string, SHOWN_AT_FIRST).length;
  const count = (number) => number.toLocaleString("en");
  const update = () => {
    button.textContent = `Show ${count(Math.min(SHOWN_PER_STEP, string.length - length))} more characters`;
    button.append(make("span", { class: "unseen" }, ` of ${label}`));
  };
  button.addEventListener("click", () => {
    length = cut(string, length + SHOWN_PER_STEP).length;
    shown.textContent = string.slice(0, length);
    box.classList.add("open");
    // The box scrolls now, so the keyboard must reach it.
    for (const [name, value] of [
      ["tabindex", "0"],
      ["role", "group"],
      ["aria-label", label],
    ]) {
      box.setAttribute(name, value);
    }
    if (length < string.length) return update();
    button.remove();
    box.focus();
  });
  update();
  return button;
}
