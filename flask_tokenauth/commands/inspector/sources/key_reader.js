// Reads a pasted key into {kty, alg, kid ...}, as JWK members that WebCrypto can import. A key that cannot be used is a
// KeyProblem, whose message is a sentence.

class KeyProblem extends Error {}

const SECRET_HINT =
  'For a secret, paste a JWK: {"kty": "oct", "k": "the secret in base64url"}. The SECRET_KEY of a Flask application ' +
  "is not the key of its tokens: Flask-TokenAuth derives that key, so check such a token with flask tokenauth inspect.";
const MEMBERS = { RSA: ["n", "e"], EC: ["crv", "x", "y"], OKP: ["crv", "x"], oct: ["k"] };

/** Returns the keys in a pasted string, and whether it is a set, in which `kid` decides. */
function readKeys(pasted) {
  const text = pasted.trim();
  if (text.startsWith("{") || text.startsWith("[")) return readJsonKeys(text);
  if (text.includes("-----BEGIN ")) return { keys: [readPem(text)], isSet: false };
  if (/^(?:ssh-|ecdsa-sha2-)/.test(text)) {
    throw new KeyProblem("This is a key of OpenSSH. Convert it: ssh-keygen -e -m PKCS8 -f key.pub");
  }
  throw new KeyProblem(`A key must be a JWK, a JWK Set, or PEM, which begins with -----BEGIN. ${SECRET_HINT}`);
}

function readJsonKeys(text) {
  let json;
  try {
    json = readJson(text);
  } catch (error) {
    throw new KeyProblem(`The key must be JSON or PEM: ${error.message}.`);
  }
  const { root, duplicates } = json;
  if (duplicates.length > 0) throw new KeyProblem(`The JSON of the key has the name ${quoted(duplicates[0])} twice.`);
  const list = root.kind === "array" ? root : memberNamed(root, "keys");
  if (list) {
    if (list.kind !== "array" || list.items.length === 0) throw new KeyProblem("The key set has no key.");
    return { keys: list.items.map(readSetMember), isSet: true };
  }
  const pems = root.members.filter(({ node }) => node.kind === "string" && node.value.includes("-----BEGIN "));
  if (pems.length > 0 && pems.length === root.members.length) {
    return { keys: pems.map(({ name, node }) => readSetMember(node, name)), isSet: true };
  }
  return { keys: [readJwk(root)], isSet: false };
}

/** Reads a key of a set. A key that cannot be used must not hide the others: it is {kid, problem}. */
function readSetMember(node, name) {
  try {
    return node.kind === "string" ? { ...readPem(node.value), kid: name } : readJwk(node);
  } catch (error) {
    if (!(error instanceof KeyProblem)) throw error;
    return { kid: stringNamed(node, "kid") ?? name, problem: error };
  }
}

function readJwk(node) {
  if (node.kind !== "object") throw new KeyProblem("A JWK must be a JSON object.");
  const kty = stringNamed(node, "kty");
  const names = Object.hasOwn(MEMBERS, kty ?? "") ? MEMBERS[kty] : undefined;
  if (!names) throw new KeyProblem(`kty of a key must be RSA, EC, OKP or oct, got ${quoted(kty ?? "nothing")}.`);
  const members = { kty };
  for (const name of names) {
    members[name] = stringNamed(node, name);
    if (!members[name]) throw new KeyProblem(`A key with kty ${kty} must have ${name}, which is a string.`);
    if (name !== "crv") checkMember(name, members[name]);
  }
  checkUse(node);
  return {
    ...members,
    kid: stringNamed(node, "kid"),
    alg: stringNamed(node, "alg"),
    isPrivate: kty !== "oct" && memberNamed(node, "d") !== undefined,
  };
}

function checkMember(name, value) {
  try {
    decodeBase64url(value);
  } catch (error) {
    throw new KeyProblem(`${name} of the key ${error.message}.`);
  }
}

/** Refuses keys that are not for signatures (RFC 7517 sections 4.2 and 4.3). */
function checkUse(node) {
  const use = memberNamed(node, "use");
  if (use && stringNamed(node, "use") !== "sig")
    throw new KeyProblem('This key is not for signatures: its use is not "sig".');
  const operations = memberNamed(node, "key_ops");
  const isNamed = (wanted) => operations.items?.some((item) => item.value === wanted);
  if (operations && !isNamed("verify") && !isNamed("sign")) {
    throw new KeyProblem('This key is not for signatures: its key_ops have no "verify".');
  }
}

/** Reads one block of PEM (RFC 7468). */
function readPem(text) {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)];
  if (blocks.length === 0) {
    throw new KeyProblem(
      "PEM must have a line -----BEGIN PUBLIC KEY----- and a line -----END PUBLIC KEY-----. One is missing or damaged.",
    );
  }
  if (blocks.length > 1)
    throw new KeyProblem("There are several keys or certificates, and PEM has no key IDs to choose by. Paste one.");
  const [, label, content] = blocks[0];
  if (label.endsWith("PRIVATE KEY")) {
    throw new KeyProblem(
      "This is a private key, which should not leave its place. The public key is enough: openssl pkey -in " +
        "key.pem -pubout",
    );
  }
  const read = { "PUBLIC KEY": readSpki, "RSA PUBLIC KEY": readPkcs1, CERTIFICATE: readCertificate }[label];
  if (!read)
    throw new KeyProblem(`This page reads a PUBLIC KEY, an RSA PUBLIC KEY or a CERTIFICATE, got ${quoted(label)}.`);
  try {
    const base64 = content.replace(/\s/g, "");
    return read(readDer(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))));
  } catch (error) {
    if (error instanceof KeyProblem) throw error;
    throw new KeyProblem(`The ${label} cannot be read: its content is damaged.`);
  }
}
