// Reads JSON (RFC 8259) into nodes that know where they stand in the text. So a number is shown as it was written, each
// member has a size, and a name that comes twice is seen. Nothing here calls itself: 10 000 levels are no problem.

class JsonError extends Error {}

const JSON_BLANKS = /[ \t\n\r]*/y;
const JSON_NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const JSON_WORD = /true|false|null/y;

/** Returns {root, duplicates, depth}: the outermost node, the names that an object has twice, and the deepest level. */
function readJson(text) {
  return new JsonReader(text).read();
}

/** Returns the member of an object node with this name, or undefined; the last one, if there are several. */
function memberNamed(node, name) {
  return node?.kind === "object" ? node.members.findLast((member) => member.name === name)?.node : undefined;
}

/** Returns the value of a member that is a string, or undefined. */
function stringNamed(node, name) {
  const found = memberNamed(node, name);
  return found?.kind === "string" ? found.value : undefined;
}

/** Returns the value of a member that is a number, or undefined. It may be rounded: show `source` instead. */
function numberNamed(node, name) {
  const found = memberNamed(node, name);
  return found?.kind === "number" ? Number(found.source) : undefined;
}

/** Returns the index after the string that begins at *start* with a quotation mark. */
function endOfString(text, start) {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) throw new JsonError(`a string has a control character without an escape, at character ${at + 1}`);
    if (code === 0x5c) at += 1;
  }
  throw new JsonError(`the string that begins at character ${start + 1} does not end`);
}

class JsonReader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.open = []; // the arrays and objects around the next value: {node, names}
    this.duplicates = [];
    this.depth = 0;
    this.root = undefined;
  }

  read() {
    do {
      this.readValue();
    } while (this.isFollowed());
    this.skipBlanks();
    if (this.at < this.text.length) throw this.unexpected("the end");
    return { root: this.root, duplicates: this.duplicates, depth: this.depth };
  }

  /** Reads a value, or the beginning of an array or object down to its first value. */
  readValue() {
    for (;;) {
      this.skipBlanks();
      const opening = this.text[this.at];
      if (opening !== "{" && opening !== "[") break;
      this.openContainer(opening);
      this.skipBlanks();
      if (this.text[this.at] === this.closing()) return;
      if (opening === "{") this.readName();
    }
    this.add(this.readScalar());
  }

  /** Goes behind the value that was read, and what it ends. Returns whether another one comes. */
  isFollowed() {
    while (this.open.length > 0) {
      this.skipBlanks();
      const mark = this.text[this.at];
      if (mark === ",") {
        this.at += 1;
        if (this.open.at(-1).names) this.readName();
        return true;
      }
      if (mark !== this.closing()) throw this.unexpected(`"," or "${this.closing()}"`);
      this.at += 1;
      this.open.pop().node.end = this.at;
    }
    return false;
  }

  openContainer(opening) {
    const isObject = opening === "{";
    const node = { kind: isObject ? "object" : "array", start: this.at, end: this.at };
    node[isObject ? "members" : "items"] = [];
    this.add(node);
    this.open.push({ node, names: isObject ? new Set() : null });
    this.depth = Math.max(this.depth, this.open.length);
    this.at += 1;
  }

  closing() {
    return this.open.at(-1).names ? "}" : "]";
  }

  readName() {
    this.skipBlanks();
    const start = this.at;
    if (this.text[this.at] !== '"') throw this.unexpected("a name in quotation marks");
    const name = this.readString().value;
    this.skipBlanks();
    if (this.text[this.at] !== ":") throw this.unexpected('":"');
    this.at += 1;
    const { node, names } = this.open.at(-1);
    if (names.has(name)) this.duplicates.push(name);
    names.add(name);
    node.members.push({ name, start, node: undefined });
  }

  /** Puts a node where it belongs: into the array or the object around it. */
  add(node) {
    const around = this.open.at(-1);
    if (around === undefined) this.root = node;
    else if (around.names) around.node.members.at(-1).node = node;
    else around.node.items.push(node);
  }

  readScalar() {
    if (this.text[this.at] === '"') return this.readString();
    const start = this.at;
    const source = this.match(JSON_WORD) ?? this.match(JSON_NUMBER);
    if (source === undefined) throw this.unexpected("a value");
    const kind = /^[tfn]/.test(source) ? "literal" : "number";
    return { kind, start, end: this.at, source };
  }

  readString() {
    const start = this.at;
    this.at = endOfString(this.text, start);
    try {
      return { kind: "string", start, end: this.at, value: JSON.parse(this.text.slice(start, this.at)) };
    } catch {
      throw new JsonError(`the string that begins at character ${start + 1} has a wrong escape`);
    }
  }

  skipBlanks() {
    this.match(JSON_BLANKS);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  unexpected(wanted) {
    const found = this.at < this.text.length ? jsonString(this.text.slice(this.at, this.at + 1)) : "the end";
    return new JsonError(`${wanted} must come at character ${this.at + 1}, got ${found}`);
  }
}
