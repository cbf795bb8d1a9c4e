// Checks a signature with WebCrypto, which the browser has built in. The key decides, not the token: the algorithm of
// the token must fit the key (RFC 8725 section 3.1), and no key is tried that `kid` does not name.

const ALGORITHMS = new Map([
  ...[
    ["256", 32],
    ["384", 48],
    ["512", 64],
  ].flatMap(([bits, bytes]) => [
    [`HS${bits}`, { kty: "oct", import: { name: "HMAC", hash: `SHA-${bits}` }, verify: "HMAC", bytes }],
    [
      `RS${bits}`,
      { kty: "RSA", import: { name: "RSASSA-PKCS1-v1_5", hash: `SHA-${bits}` }, verify: "RSASSA-PKCS1-v1_5" },
    ],
    [
      `PS${bits}`,
      { kty: "RSA", import: { name: "RSA-PSS", hash: `SHA-${bits}` }, verify: { name: "RSA-PSS", saltLength: bytes } },
    ],
  ]),
  ...[
    ["ES256", "P-256", 64],
    ["ES384", "P-384", 96],
    ["ES512", "P-521", 132],
  ].map(([alg, crv, size]) => {
    const hash = `SHA-${alg.slice(2)}`;
    return [alg, { kty: "EC", crv, size, import: { name: "ECDSA", namedCurve: crv }, verify: { name: "ECDSA", hash } }];
  }),
  ...["EdDSA", "Ed25519"].map((alg) => [
    alg,
    { kty: "OKP", crv: "Ed25519", size: 64, import: { name: "Ed25519" }, verify: "Ed25519" },
  ]),
]);
const KEY_KINDS = { oct: "a secret (kty oct)", RSA: "an RSA key", EC: "an EC key", OKP: "an Ed25519 key (kty OKP)" };

/**
 * Checks the signature of a token.
 *
 * Returns {state, message, warnings}. state is "verified", "failed" (the signature is wrong) or "unchecked" (it cannot
 * be checked: the message says why).
 */
async function checkSignature(token, pastedKey) {
  try {
    const alg = checkToken(token);
    const key = chooseKey(readKeys(pastedKey), token, alg);
    checkFit(key, alg);
    const warnings = keyWarnings(key, alg, stringNamed(token.header.json.root, "kid"));
    const isGood = await isSignedBy(token, key, alg);
    const state = isGood ? "verified" : "failed";
    return { state, message: isGood ? verifiedMessage(alg, key) : failedMessage(alg), warnings };
  } catch (error) {
    if (!(error instanceof KeyProblem)) throw error;
    return { state: "unchecked", message: error.message, warnings: [] };
  }
}

/** Returns the algorithm of the token, or says why its signature cannot be checked. */
function checkToken(token) {
  if (token.kind !== "jwt") throw new KeyProblem("Only a signed token has a signature that can be checked.");
  const broken = token.header.error ?? token.signature.error;
  if (broken) throw new KeyProblem(broken);
  if (token.claims.bytes === undefined) throw new KeyProblem(token.claims.error);
  const { root, duplicates } = token.header.json;
  if (duplicates.length > 0)
    throw new KeyProblem("The header has a name twice, so it is not clear how the token is signed.");
  const alg = stringNamed(root, "alg");
  if (alg === undefined) throw new KeyProblem("The header has no alg, so it is not clear how the token is signed.");
  if (isNone(alg)) throw new KeyProblem("alg is none: the token has no signature. Everybody can make such a token.");
  if (!ALGORITHMS.has(alg)) throw new KeyProblem(`WebCrypto does not have the algorithm ${quoted(alg)}.`);
  if (memberNamed(root, "b64"))
    throw new KeyProblem("The payload is signed in another form (b64, RFC 7797), which this page does not check.");
  if (!globalThis.crypto?.subtle) {
    throw new KeyProblem(
      "The browser offers WebCrypto only to pages from a file, from localhost or over HTTPS. Save this page, " +
        "and open the file.",
    );
  }
  return alg;
}

function isNone(alg) {
  return alg.toLowerCase() === "none";
}

/** Chooses one key. Keys are never tried one after another: a token must say by which key it is signed. */
function chooseKey({ keys, isSet }, token, alg) {
  const usable = (key) => {
    if (key.problem) throw key.problem;
    return key;
  };
  if (!isSet) return usable(keys[0]);
  const kid = stringNamed(token.header.json.root, "kid");
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  if (named.length === 0) throw new KeyProblem(`No key of the set has the kid ${quoted(kid)}. ${listKids(keys)}`);
  const fitting = named.length === 1 ? named : named.filter((key) => !key.problem && misfit(key, alg) === undefined);
  if (fitting.length === 1) return usable(fitting[0]);
  if (fitting.length === 0) throw new KeyProblem(`No key of the set is for ${alg}.`);
  const which = kid === undefined ? "the token has no kid" : "they have the same kid";
  throw new KeyProblem(
    `Several keys of the set could be meant, and ${which}. Keys are not tried one after another: paste the ` +
      `one that you mean.`,
  );
}

function listKids(keys) {
  const kids = keys.map((key) => key.kid).filter((kid) => kid !== undefined);
  const more = kids.length > 5 ? ` and ${kids.length - 5} more` : "";
  return kids.length === 0 ? "None has one." : `The set has ${kids.slice(0, 5).map(quoted).join(", ")}${more}.`;
}

function checkFit(key, alg) {
  const problem = misfit(key, alg);
  if (problem) throw new KeyProblem(problem);
}

/** Returns why a key is not for an algorithm, or undefined. */
function misfit(key, alg) {
  const wanted = ALGORITHMS.get(alg);
  if (key.kty !== wanted.kty && wanted.kty === "oct") {
    return (
      `${alg} needs ${KEY_KINDS.oct}, and this is ${KEY_KINDS[key.kty]}. The token may be an attack: a ` +
      `program that takes ` +
      "a public key for a secret would accept it (RFC 8725 section 2.1)."
    );
  }
  if (key.kty !== wanted.kty) return `${alg} needs ${KEY_KINDS[wanted.kty]}, and this is ${KEY_KINDS[key.kty]}.`;
  if (wanted.crv && key.crv !== wanted.crv)
    return `${alg} needs the curve ${wanted.crv}, and the key is on ${quoted(key.crv)}.`;
  if (key.alg !== undefined && key.alg !== alg) return `The key is for ${quoted(key.alg)}, and the token says ${alg}.`;
  if (key.isPss && !alg.startsWith("PS")) return `The key is for RSA-PSS alone, and the token says ${alg}.`;
  if (key.kty === "OKP" && isSmallOrder(decodeBase64url(key.x))) {
    return "This Ed25519 key is a point of small order: signatures that fit it can be made without a private key.";
  }
  if (key.kty === "oct" && isKeyText(decodeBase64url(key.k))) {
    return (
      "The secret is a key or certificate in PEM or of OpenSSH, which others may have: everybody who " +
      "has it could make tokens (RFC 8725 section 2.1)."
    );
  }
  return undefined;
}

function isKeyText(secret) {
  const text = String.fromCharCode(...secret.slice(0, 4096));
  return text.includes("-----BEGIN ") || /^\s*(?:ssh-|ecdsa-sha2-)/.test(text);
}

async function isSignedBy(token, key, alg) {
  const algorithm = ALGORITHMS.get(alg);
  const signature = token.signature.bytes;
  const input = new TextEncoder().encode(`${token.parts[0].text}.${token.parts[1].text}`);
  const members = Object.fromEntries(["kty", ...MEMBERS[key.kty]].map((name) => [name, key[name]]));
  let imported;
  try {
    imported = await crypto.subtle.importKey("jwk", members, algorithm.import, false, ["verify"]);
  } catch (error) {
    const isMissing = error.name === "NotSupportedError";
    throw new KeyProblem(
      isMissing
        ? `WebCrypto of this browser does not have ${alg}: try a newer browser.`
        : "The browser cannot use this key: its numbers are damaged.",
    );
  }
  if (algorithm.size !== undefined && signature.length !== algorithm.size) return false;
  try {
    return await crypto.subtle.verify(algorithm.verify, imported, signature, input);
  } catch {
    return false;
  }
}

function verifiedMessage(alg, key) {
  const certificate = key.isCertified
    ? " Of the certificate, only its public key was used: its issuer and its dates were not checked."
    : "";
  return `The signature was made with this key (${alg}), and header and claims are as they were signed.${certificate}`;
}

function failedMessage(alg) {
  return `The signature does not fit this key (${alg}). Either another key signed, or the token was changed.`;
}
