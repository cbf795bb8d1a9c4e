// What is dangerous or unusual in a token. Each finding is {level, text}; level is "danger", "warning" or "note".

const DAY = 86400;
const LEEWAY = 10; // seconds that clocks may differ: the default of Flask-TokenAuth
const USUAL_DEPTH = 32; // levels; Flask-TokenAuth refuses more
const COOKIE_BYTES = 4096; // that browsers keep
const HEADER_BYTES = 8000; // of a token: the default of Flask-TokenAuth, since servers refuse longer header lines
const SECRET_NAMES =
  /^(?:password|passwd|pwd|secret|client_secret|private_key|api_?key|ssn|credit_?card|card_number|iban)$/i;
const PERSONAL_NAMES = new Set([
  "name",
  "given_name",
  "family_name",
  "email",
  "phone_number",
  "address",
  "birthdate",
  "gender",
]);
const FOREIGN_KEYS = { jku: "a URL of keys", x5u: "a URL of a certificate", jwk: "a key", x5c: "a certificate" };

/** Returns the findings about a token at a time, in seconds. The worst come first. */
function findFindings(token, now) {
  const findings = [...token.notes.map(warning), ...headerFindings(token), ...sizeFindings(token)];
  if (token.kind === "jwt") findings.push(...payloadFindings(token, now));
  const order = ["danger", "warning", "note"];
  return findings.sort((one, other) => order.indexOf(one.level) - order.indexOf(other.level));
}

const danger = (text) => ({ level: "danger", text });
const warning = (text) => ({ level: "warning", text });
const note = (text) => ({ level: "note", text });

function headerFindings({ kind, header }) {
  if (!header.json) return [danger(header.error)];
  const { root } = header.json;
  const findings = [
    ...jsonFindings(header, "header"),
    ...(kind === "jwe" ? encryptionFindings(root) : algorithmFindings(root)),
  ];
  for (const [name, what] of Object.entries(FOREIGN_KEYS)) {
    if (!memberNamed(root, name)) continue;
    findings.push(
      warning(
        `The header has ${name}, ${what}. It comes with the token, so an attacker can write it: this page ` +
          `does not use it, and a verifier must not either, unless it knows the value.`,
      ),
    );
  }
  if (memberNamed(root, "crit"))
    findings.push(
      warning(
        "The header has crit: a verifier that does not know all extensions in it must refuse the token. " +
          "Flask-TokenAuth refuses it.",
      ),
    );
  return findings;
}

function algorithmFindings(root) {
  const alg = stringNamed(root, "alg");
  const findings = [];
  if (alg === undefined)
    findings.push(danger("The header has no alg, or it is no string: no verifier may accept this token."));
  else if (isNone(alg))
    findings.push(
      danger("alg is none: nothing protects this token, everybody can change it. No verifier may accept it."),
    );
  else if (!ALGORITHMS.has(alg))
    findings.push(
      warning(
        `alg is ${quoted(alg)}, which Flask-TokenAuth and WebCrypto do not ` +
          `have.${/^RS1$/i.test(alg) ? " It uses SHA-1, which is broken." : ""}`,
      ),
    );
  return [...findings, ...typeFindings(memberNamed(root, "typ"))];
}

function typeFindings(typ) {
  if (typ === undefined)
    return [
      warning(
        "The header has no typ. So another kind of token could be taken for an access token (RFC 8725 " +
          "section 3.11). Flask-TokenAuth accepts at+jwt.",
      ),
    ];
  if (typ.kind !== "string") return [warning("typ is not a string.")];
  const type = mediaType(typ.value);
  if (type === "at+jwt") return [];
  if (type === "jwt")
    return [
      note(
        "typ is JWT, which says no more than that this is a token: it may be an ID token, or an access token " +
          "of an older kind. Flask-TokenAuth accepts at+jwt, and others only from trusted issuers.",
      ),
    ];
  if (TYPES.has(type)) return [note(`typ says that this is ${TYPES.get(type)}, so it is no access token.`)];
  return [warning(`typ is ${quoted(typ.value)}, which is unusual. An access token has at+jwt.`)];
}

function encryptionFindings(root) {
  const findings = [];
  const alg = stringNamed(root, "alg") ?? "";
  if (memberNamed(root, "enc") === undefined)
    findings.push(danger("The header has no enc, so nothing says how the content is encrypted."));
  if (alg === "RSA1_5")
    findings.push(warning("alg is RSA1_5, which is weak: an attacker may decrypt with it (RFC 8725 section 3.2)."));
  if (alg.startsWith("PBES2")) findings.push(warning("The key comes from a password, which can be guessed offline."));
  if (memberNamed(root, "zip"))
    findings.push(
      note(
        "The content was compressed before it was encrypted: its size can betray what is in it (RFC 8725 section 3.6).",
      ),
    );
  return findings;
}

function payloadFindings(token, now) {
  const { claims, signature } = token;
  const findings = [];
  if (signature.error) findings.push(danger(signature.error));
  else if (signature.bytes.length === 0) findings.push(danger("The signature is empty: nothing protects this token."));
  if (!claims.json) {
    findings.push(
      token.parts[1].text === ""
        ? warning("The payload is empty: it was cut out, or is sent apart from the token (RFC 7515 appendix F).")
        : danger(claims.error),
    );
    return findings;
  }
  const { root } = claims.json;
  return [...findings, ...jsonFindings(claims, "payload"), ...timeFindings(root, now), ...claimFindings(root)];
}

function jsonFindings({ json }, name) {
  const findings = [];
  const names = [...new Set(json.duplicates)];
  if (names.length > 0) {
    const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
    findings.push(
      danger(
        `The ${name} has names twice: ${names.slice(0, 5).map(quoted).join(", ")}${more}. Programs differ in ` +
          `which value they take, so a good verifier refuses the token.`,
      ),
    );
  }
  if (json.depth > USUAL_DEPTH)
    findings.push(
      warning(
        `The ${name} is nested ${json.depth.toLocaleString("en")} levels deep. Flask-TokenAuth refuses more ` +
          `than ${USUAL_DEPTH}.`,
      ),
    );
  return findings;
}

function timeFindings(root, now) {
  const findings = [];
  for (const name of ["exp", "nbf", "iat", "auth_time"]) {
    const node = memberNamed(root, name);
    const time = numberNamed(root, name);
    if (!node || isTime(time)) continue;
    const hint = time > YEAR_9999 && isTime(time / 1000) ? " Perhaps it is in milliseconds." : "";
    findings.push(danger(`${name} must be a number of seconds since 1970, up to the year 9999. It is not.${hint}`));
  }
  const [exp, nbf, iat] = ["exp", "nbf", "iat"]
    .map((name) => numberNamed(root, name))
    .map((time) => (isTime(time) ? time : undefined));
  if (!memberNamed(root, "exp"))
    findings.push(danger("There is no exp: the token never expires, and a stolen copy works forever."));
  else if (exp !== undefined && now >= Math.floor(exp)) findings.push(warning("The token has expired."));
  if (nbf > now) findings.push(warning("The token is not good yet: the time in nbf has not come."));
  if (iat > now + LEEWAY)
    findings.push(
      warning("iat is in the future: the clock of the issuer is ahead, or the clock of this device is behind."),
    );
  return [...findings, ...lifetimeFindings(exp, iat, now)];
}

function lifetimeFindings(exp, iat, now) {
  if (exp === undefined) return [];
  const lifetime = exp - (iat ?? now);
  if (iat !== undefined && lifetime <= 0) return [warning("exp is not after iat: the token was never good.")];
  const words =
    iat === undefined ? `The token is good for another ${duration(lifetime)}` : `The token lives ${duration(lifetime)}`;
  if (lifetime > DAY)
    return [
      warning(
        `${words}. A stolen copy works that long. Flask-TokenAuth refuses more than 24 hours, unless it is ` +
          `set otherwise.`,
      ),
    ];
  if (lifetime > 3600) return [note(`${words}. Access tokens usually live for minutes.`)];
  return [];
}

function claimFindings(root) {
  const findings = [];
  if (!memberNamed(root, "aud"))
    findings.push(note("There is no aud, so nothing says which application the token is for."));
  if (!memberNamed(root, "iss")) findings.push(note("There is no iss, so nothing says who made the token."));
  const names = [...new Set(root.members.map(({ name }) => name))];
  const secret = names.filter((name) => SECRET_NAMES.test(name));
  if (secret.length > 0)
    findings.push(
      danger(
        `Everybody who has the token can read it, and a claim looks like a secret: ${secret.map(quoted).join(", ")}.`,
      ),
    );
  const personal = names.filter((name) => PERSONAL_NAMES.has(name));
  if (personal.length > 0)
    findings.push(
      note(`The claims have personal data, which everybody who has the token can read: ${personal.join(", ")}.`),
    );
  const rounded = root.members
    .filter(({ node }) => node.kind === "number" && isRounded(node.source))
    .map(({ name }) => name);
  if (rounded.length > 0)
    findings.push(
      note(
        `JavaScript and many other programs round these numbers, which are shown as they stand in the token: ` +
          `${rounded.slice(0, 5).map(quoted).join(", ")}.`,
      ),
    );
  return findings;
}

/** Returns whether a number changes if it is read as JavaScript does. Only whole numbers are looked at. */
function isRounded(source) {
  return (
    source.length > 1000 ||
    !Number.isFinite(Number(source)) ||
    (/^-?[0-9]{16,}$/.test(source) && BigInt(source) !== BigInt(Number(source)))
  );
}

function sizeFindings({ text }) {
  const bytes = text.length;
  if (bytes > HEADER_BYTES)
    return [
      warning(
        `The token is longer than ${HEADER_BYTES.toLocaleString("en")} characters: Flask-TokenAuth and many ` +
          `servers refuse it.`,
      ),
    ];
  if (bytes > COOKIE_BYTES - 96)
    return [
      note(
        `The token is too long for a cookie: browsers keep ${COOKIE_BYTES.toLocaleString("en")} bytes, with ` +
          `the name of the cookie.`,
      ),
    ];
  return [];
}
