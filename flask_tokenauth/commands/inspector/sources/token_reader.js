// Takes a token apart: which kind it is, its parts, and the JSON in them. Nothing here is verified.

const MAX_LENGTH = 2_000_000; // characters that this page reads
const OPAQUE = new Map([
  [
    "rt1_",
    "a refresh token of Flask-TokenAuth. It is a secret: its application exchanges it for new tokens at /auth/refresh",
  ],
  ["tr_", "a reference token of Flask-TokenAuth. Its application looks up in its store what it means"],
  ["ta_", "an API key of Flask-TokenAuth. Its application looks up in its store who made it, and what it may do"],
  ["cs1_", "a client secret of Flask-TokenAuth. A service sends it to introspect tokens. It is no token"],
]);

/**
 * Returns what a pasted string is: {kind, parts, header, claims, notes ...}.
 *
 * kind is "nothing", "jwt", "jwe", "opaque" or "unreadable"; the last two have a `reason`, a sentence.
 */
function readToken(pasted) {
  if (pasted.length > MAX_LENGTH) {
    const limit = MAX_LENGTH.toLocaleString("en");
    return { kind: "unreadable", reason: `This page reads ${limit} characters at most. This is longer.` };
  }
  const { text, notes } = cleanToken(pasted);
  if (text === "") return { kind: "nothing" };
  if (isOtherThing(text)) return { kind: "unreadable", text, reason: describeOtherThing(text) };
  const parts = text.split(".");
  if (parts.length === 3) return { kind: "jwt", text, notes, ...readJwt(parts) };
  if (parts.length === 5) return { kind: "jwe", text, notes, ...readJwe(parts) };
  return readOther(text, parts);
}

/** Leaves out what people copy together with a token. */
function cleanToken(pasted) {
  const notes = [];
  let text = pasted
    .trim()
    .replace(/^authorization:\s*/i, "")
    .replace(/^(?:bearer|dpop)\s+/i, "")
    .trim();
  text = text.replace(/^(["'`])([^"'`]*)\1,?$/, "$2");
  if (!isOtherThing(text) && /\s/.test(text)) {
    text = text.replace(/\s+/g, "");
    notes.push(
      "There is white space within the token. It is left out here. Every server would refuse the token with it.",
    );
  }
  return { text, notes };
}

function readOther(text, parts) {
  for (const [prefix, meaning] of OPAQUE) {
    const reason = `This is ${meaning}. Nothing can be read from it: it is random, apart from a checksum.`;
    if (text.startsWith(prefix)) return { kind: "opaque", text, prefix, reason };
  }
  const unreadable = (reason) => ({ kind: "unreadable", text, reason });
  if (parts.length === 1) {
    return unreadable(
      "A signed token has three parts with dots between them, and this has no dot. Either it was cut off, or " +
        "it is an " +
        "opaque token or an API key: then only the server that made it can tell what it means.",
    );
  }
  return unreadable(
    `A signed token has three parts with dots between them, an encrypted one has five. This has ${parts.length}. ` +
      "Perhaps it was cut off.",
  );
}

/** Returns whether a string is JSON or PEM, which people paste into the wrong field. */
function isOtherThing(text) {
  return text.startsWith("{") || text.includes("-----BEGIN ");
}

function describeOtherThing(text) {
  if (text.includes("-----BEGIN ")) return "This is a key or a certificate. It belongs into the other field.";
  const hint = "Paste the value of access_token alone, without quotation marks.";
  try {
    const { root } = readJson(text);
    if (memberNamed(root, "access_token")) return `This is the whole answer of a login. ${hint}`;
    if (memberNamed(root, "signatures") || memberNamed(root, "signature")) {
      return "This is a signature in the JSON serialization (RFC 7515 section 7.2). This page reads the compact one.";
    }
    if (memberNamed(root, "kty") || memberNamed(root, "keys")) return "This is a key. It belongs into the other field.";
  } catch {
    // It is no JSON either.
  }
  return "A token is three parts of base64url with dots between them, and this begins with a brace.";
}

function readJwt([header, payload, signature]) {
  return {
    parts: [
      { name: "header", text: header },
      { name: "payload", text: payload },
      { name: "signature", text: signature },
    ],
    header: readPart(header, "header"),
    claims: readPart(payload, "payload"),
    signature: readBytes(signature, "signature"),
  };
}

function readJwe(texts) {
  const names = ["header", "encrypted key", "initialization vector", "ciphertext", "authentication tag"];
  const parts = texts.map((text, index) => ({ name: names[index], text }));
  return { parts, header: readPart(texts[0], "header") };
}

/** Returns {bytes} or {error}: a sentence. */
function readBytes(text, name) {
  try {
    return { bytes: decodeBase64url(text) };
  } catch (error) {
    return { error: `The ${name} ${error.message}.` };
  }
}

/** Returns {bytes, text, json} of a part that should be a JSON object; or {error, ...} with what could be read. */
function readPart(encoded, name) {
  const read = readBytes(encoded, name);
  if (read.error) return read;
  const { bytes } = read;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return { bytes, text, error: `The ${name} is not UTF-8. Bytes that cannot be read are shown as \ufffd.` };
  }
  try {
    const json = readJson(text);
    if (json.root.kind !== "object") return { bytes, text, error: `The ${name} is JSON, but not an object.` };
    return { bytes, text, json };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { bytes, text, error: `The ${name} is not JSON: ${error.message}.` };
  }
}

/** Decodes base64url in its one canonical spelling (RFC 7515 section 2, RFC 4648 section 3.5). */
function decodeBase64url(text) {
  const wrong = /[^A-Za-z0-9_-]/.exec(text);
  if (wrong) {
    const what = { "=": "padding", "+": "base64 instead of base64url", "/": "base64 instead of base64url" }[wrong[0]];
    throw new Error(
      `must be base64url without padding, but its character ${wrong.index + 1} is ` +
        `${what ?? quoted(text.slice(wrong.index).match(/^./su)[0])}`,
    );
  }
  if (text.length % 4 === 1)
    throw new Error(`must be base64url, which never has ${text.length.toLocaleString("en")} characters`);
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (!hasZeroRest(text)) throw new Error("has a last character with bits that do not count: strict readers refuse it");
  return bytes;
}

function hasZeroRest(text) {
  const free = { 0: 0, 2: 4, 3: 2 }[text.length % 4];
  const value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".indexOf(text.at(-1) ?? "A");
  return value % 2 ** free === 0;
}

/** Returns the number of bytes that a string has in UTF-8. */
function utf8Length(string) {
  return new TextEncoder().encode(string).length;
}
