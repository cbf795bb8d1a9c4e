// Reads as much DER (X.690) as public keys need: SubjectPublicKeyInfo (RFC 5280), RSAPublicKey (RFC 8017), and
// certificates.

const RSA_OID = "2a864886f70d010101";
const RSA_PSS_OID = "2a864886f70d01010a";
const EC_OID = "2a8648ce3d0201";
const ED25519_OID = "2b6570";
const CURVES = new Map([
  ["2a8648ce3d030107", ["P-256", 32]],
  ["2b81040022", ["P-384", 48]],
  ["2b81040023", ["P-521", 66]],
]);

/** Returns the one element that these bytes are: {tag, content}. */
function readDer(bytes) {
  const [element, rest] = takeDer(bytes);
  if (rest.length > 0) throw new Error("bytes are left over");
  return element;
}

function takeDer(bytes) {
  let length = bytes[1];
  let start = 2;
  if (length > 0x80 && length <= 0x84) {
    const size = length - 0x80;
    length = bytes.slice(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
    start += size;
  }
  if (!(start + length <= bytes.length)) throw new Error("cut off");
  return [{ tag: bytes[0], content: bytes.slice(start, start + length) }, bytes.slice(start + length)];
}

/** Returns the elements within a sequence. */
function derItems({ tag, content }) {
  if (tag !== 0x30) throw new Error("no sequence");
  const items = [];
  for (let rest = content; rest.length > 0;) {
    const [item, after] = takeDer(rest);
    items.push(item);
    rest = after;
  }
  return items;
}

function readSpki(element) {
  const [algorithm, bits] = derItems(element);
  const [oid, parameters] = derItems(algorithm);
  const key = bits.content.slice(1); // before it stands the number of unused bits, which is 0
  const id = toHex(oid.content);
  if (id === RSA_OID) return readPkcs1(readDer(key));
  if (id === RSA_PSS_OID) return { ...readPkcs1(readDer(key)), isPss: true };
  if (id === EC_OID) return readPoint(CURVES.get(toHex(parameters.content)), key);
  if (id === ED25519_OID && key.length === 32) return { kty: "OKP", crv: "Ed25519", x: encodeBase64url(key) };
  throw new KeyProblem("This is a key of a kind that signs no token: it must be RSA, EC or Ed25519.");
}

function readPkcs1(element) {
  const [n, e] = derItems(element).map((number) => encodeBase64url(withoutZeros(number.content)));
  return { kty: "RSA", n, e };
}

function readPoint(curve, point) {
  if (!curve) throw new KeyProblem("The curve of an EC key must be P-256, P-384 or P-521: WebCrypto has no others.");
  const [crv, size] = curve;
  if (point[0] !== 4 || point.length !== 1 + 2 * size) {
    throw new KeyProblem(
      "The point of this EC key is compressed. Convert it: openssl ec -pubin -in key.pem -conv_form uncompressed",
    );
  }
  return { kty: "EC", crv, x: encodeBase64url(point.slice(1, 1 + size)), y: encodeBase64url(point.slice(1 + size)) };
}

/** Returns the public key of a certificate. Nothing else in the certificate is checked. */
function readCertificate(element) {
  const fields = derItems(derItems(element)[0]);
  const hasVersion = fields[0].tag === 0xa0;
  return { ...readSpki(fields[hasVersion ? 6 : 5]), isCertified: true };
}

function withoutZeros(bytes) {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.slice(Math.max(first, 0));
}

function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function encodeBase64url(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
