// Keys that are too weak (RFC 7518 sections 3.2 and 3.3, RFC 8725 section 3.5), and other doubts about a key.

const ED25519_P = 2n ** 255n - 19n;
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = new Set([0n, 1n, ED25519_P - 1n, ORDER_8_Y, ED25519_P - ORDER_8_Y]);

/** Returns a sentence for each doubt about a key. */
function keyWarnings(key, alg, tokenKid) {
  const warnings = [];
  if (key.kty === "oct") warnings.push(...secretWarnings(decodeBase64url(key.k), ALGORITHMS.get(alg).bytes));
  if (key.kty === "RSA")
    warnings.push(...rsaWarnings(toNumber(decodeBase64url(key.n)), toNumber(decodeBase64url(key.e))));
  if (key.isPrivate)
    warnings.push(
      "This is a private key. The public key is enough to check a signature: do not give the private one away.",
    );
  if (tokenKid !== undefined && key.kid !== undefined && tokenKid !== key.kid) {
    warnings.push(
      `The token names the kid ${quoted(tokenKid)}, and the key has the kid ${quoted(key.kid)}. A verifier ` +
        `chooses keys by kid.`,
    );
  }
  return warnings;
}

function secretWarnings(secret, least) {
  const warnings = [];
  if (secret.length < least) {
    warnings.push(
      `The secret has ${secret.length * 8} bits, and must have ${least * 8} at least (RFC 7518 section 3.2).`,
    );
  }
  const isWords = /^[\x20-\x2f\x3a-\x7e]+[0-9]{0,4}$/.test(String.fromCharCode(...secret.slice(0, 4096)));
  if (new Set(secret).size < 8) warnings.push("The secret has fewer than 8 different bytes: it can be guessed.");
  else if (isWords) {
    warnings.push(
      "The secret looks like words or a password. A secret must be random, or else it can be guessed (RFC " +
        "8725 section 3.5).",
    );
  }
  return warnings;
}

function rsaWarnings(modulus, exponent) {
  const warnings = [];
  const bits = modulus.toString(2).length;
  if (bits < 2048) warnings.push(`The RSA key has ${bits} bits, and must have 2048 at least (RFC 7518 section 3.3).`);
  if (exponent < 65537n || exponent % 2n === 0n)
    warnings.push("The public exponent of the RSA key must be odd, and 65537 at least.");
  return warnings;
}

/** Returns whether an Ed25519 key is a point of small order or in another encoding than the canonical one. */
function isSmallOrder(bytes) {
  const y = toNumber(bytes.toReversed()) % 2n ** 255n;
  return bytes.length === 32 && (y >= ED25519_P || SMALL_ORDER_Y.has(y));
}

function toNumber(bytes) {
  return BigInt(`0x${toHex(bytes) || "0"}`);
}
