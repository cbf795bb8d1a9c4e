// The meaning of the names that are registered for claims and headers, or that Flask-TokenAuth writes.

const TIME_CLAIMS = new Set(["exp", "nbf", "iat", "auth_time", "updated_at", "toe"]);

const CLAIMS = new Map([
  ["iss", "Issuer: who made the token. RFC 7519 section 4.1.1"],
  ["sub", "Subject: whom the token is about, usually the ID of the user. RFC 7519 section 4.1.2"],
  ["aud", "Audience: the applications that the token is for. All others must refuse it. RFC 7519 section 4.1.3"],
  ["exp", "Expiration time: from this second on, the token must be refused. RFC 7519 section 4.1.4"],
  ["nbf", "Not before: until then, the token must be refused. RFC 7519 section 4.1.5"],
  ["iat", "Issued at: when the token was made. RFC 7519 section 4.1.6"],
  ["jti", "Token ID: no other token of this issuer has it. RFC 7519 section 4.1.7"],
  ["client_id", "The program that got the token. RFC 8693 section 4.3, required by RFC 9068"],
  ["scope", "Scopes: what the token allows, with spaces between them. RFC 8693 section 4.2, RFC 9068"],
  ["auth_time", "When the user signed in. OpenID Connect Core section 2, RFC 9068"],
  ["acr", "How strongly the user signed in: the class of the sign-in. OpenID Connect Core section 2, RFC 9068"],
  ["amr", "How the user signed in, for example pwd (password) or otp (one-time password). RFC 8176, RFC 9068"],
  ["azp", "Authorized party: the client that an ID token was issued to. OpenID Connect Core section 2"],
  [
    "nonce",
    "Ties an ID token to one sign-in, against replays. OpenID Connect Core section 2; in a DPoP proof RFC 9449",
  ],
  ["at_hash", "Hash of the access token that belongs to this ID token. OpenID Connect Core section 3.1.3.6"],
  ["c_hash", "Hash of the authorization code that belongs to this ID token. OpenID Connect Core section 3.3.2.11"],
  [
    "sid",
    "The session: one sign-in. When it ends, Flask-TokenAuth refuses its tokens. Registered by OpenID " +
      "Connect Front-Channel Logout",
  ],
  [
    "epoch",
    "A number that the store counts up for a user when all of their tokens are revoked. Only Flask-TokenAuth writes it",
  ],
  ["ticket_path", "In a ticket: the one path that it opens. Only Flask-TokenAuth writes it"],
  ["act", "Actor: who acts for the subject, by delegation. RFC 8693 section 4.1"],
  ["may_act", "Who may act for the subject. RFC 8693 section 4.4"],
  [
    "cnf",
    "Confirmation: the key that the sender must prove to have; without a proof, the token is worth nothing. " +
      "RFC 7800 section 3.1. Its member jkt is a DPoP key (RFC 9449), x5t#S256 a client certificate (RFC 8705)",
  ],
  ["groups", "Groups of the user. RFC 9068 section 2.2.3.1"],
  ["roles", "Roles of the user. RFC 9068 section 2.2.3.1"],
  ["entitlements", "Single rights of the user. RFC 9068 section 2.2.3.1"],
  ["authorization_details", "What the token allows, in detail. RFC 9396"],
  ["htm", "In a DPoP proof: the method of the request. RFC 9449 section 4.2"],
  ["htu", "In a DPoP proof: the URL of the request. RFC 9449 section 4.2"],
  ["ath", "In a DPoP proof: the hash of the access token. RFC 9449 section 4.2"],
  ["events", "Events, in a security event token. RFC 8417 section 2.2"],
  ["toe", "Time of the event. RFC 8417 section 2.2"],
  ["txn", "ID of a transaction. RFC 8417 section 2.2"],
  ["name", "Full name of the user. OpenID Connect Core section 5.1"],
  ["given_name", "First name of the user. OpenID Connect Core section 5.1"],
  ["family_name", "Last name of the user. OpenID Connect Core section 5.1"],
  ["preferred_username", "Name by which the user wants to be called; it may change. OpenID Connect Core section 5.1"],
  ["email", "E-mail address of the user; it may change. OpenID Connect Core section 5.1"],
  ["email_verified", "Whether the issuer has checked the e-mail address. OpenID Connect Core section 5.1"],
  ["phone_number", "Telephone number of the user. OpenID Connect Core section 5.1"],
  ["address", "Postal address of the user. OpenID Connect Core section 5.1"],
  ["birthdate", "Birthday of the user. OpenID Connect Core section 5.1"],
  ["gender", "Gender of the user. OpenID Connect Core section 5.1"],
  ["locale", "Language of the user. OpenID Connect Core section 5.1"],
  ["zoneinfo", "Time zone of the user. OpenID Connect Core section 5.1"],
  ["picture", "URL of a picture of the user. OpenID Connect Core section 5.1"],
  ["updated_at", "When the data about the user last changed. OpenID Connect Core section 5.1"],
]);

const HEADERS = new Map([
  ["alg", "Algorithm of the signature. A verifier must not let the token choose it. RFC 7515 section 4.1.1"],
  ["typ", "Type of the token; at+jwt is an access token. RFC 7515 section 4.1.9, RFC 9068 section 2.1"],
  ["kid", "Key ID: which key of the issuer signed. RFC 7515 section 4.1.4"],
  ["cty", "Type of the content, if that is a token again. RFC 7515 section 4.1.10"],
  ["jku", "URL of the keys. An attacker can write a URL here, so this page never follows it. RFC 7515 section 4.1.2"],
  ["jwk", "A public key. An attacker can write a key here, so this page never uses it. RFC 7515 section 4.1.3"],
  [
    "x5u",
    "URL of a certificate. An attacker can write a URL here, so this page never follows it. RFC 7515 section 4.1.5",
  ],
  ["x5c", "Certificates. This page does not use them. RFC 7515 section 4.1.6"],
  ["x5t", "SHA-1 thumbprint of the certificate of the key. RFC 7515 section 4.1.7"],
  ["x5t#S256", "SHA-256 thumbprint of the certificate of the key. RFC 7515 section 4.1.8"],
  ["crit", "Extensions that a verifier must understand, or else refuse the token. RFC 7515 section 4.1.11"],
  ["b64", "If false, the payload is not base64url. RFC 7797 section 3"],
  ["enc", "Algorithm that encrypts the content. RFC 7516 section 4.1.2"],
  ["zip", "The content was compressed before it was encrypted. RFC 7516 section 4.1.3"],
  ["epk", "Ephemeral public key, from which sender and receiver derive the key. RFC 7518 section 4.6.1.1"],
  ["apu", "About the sender, for the derivation of the key. RFC 7518 section 4.6.1.2"],
  ["apv", "About the receiver, for the derivation of the key. RFC 7518 section 4.6.1.3"],
  ["iv", "Initialization vector of the encrypted key. RFC 7518 section 4.7.1.1"],
  ["tag", "Authentication tag of the encrypted key. RFC 7518 section 4.7.1.2"],
  ["p2s", "Salt for the password. RFC 7518 section 4.8.1.1"],
  ["p2c", "Count of rounds for the password. RFC 7518 section 4.8.1.2"],
]);
// In an encrypted token the same names have another section.
const JWE_HEADERS = new Map([
  ["alg", "Algorithm that protects the key of the content. RFC 7516 section 4.1.1"],
  ["kid", "Key ID: which key of the receiver decrypts. RFC 7516 section 4.1.6"],
]);

const TYPES = new Map([
  ["at+jwt", "an access token (RFC 9068)"],
  ["dpop+jwt", "a DPoP proof (RFC 9449)"],
  ["logout+jwt", "a logout token of OpenID Connect"],
  ["secevent+jwt", "a security event token (RFC 8417)"],
  ["token-introspection+jwt", "an answer to an introspection (RFC 9701)"],
  ["oauth-authz-req+jwt", "an authorization request (RFC 9101)"],
  ["ticket+jwt", "a ticket of Flask-TokenAuth"],
]);

/** Returns what a claim means, or undefined. Maps, and not objects, so that __proto__ is a name like others. */
function claimMeaning(name) {
  return CLAIMS.get(name);
}

function headerMeaning(name, isEncrypted) {
  return (isEncrypted ? JWE_HEADERS.get(name) : undefined) ?? HEADERS.get(name);
}

/** Returns `typ` as it is compared: media types ignore case, and "application/" may be left out. */
function mediaType(typ) {
  return typ.toLowerCase().replace(/^application\/(?!.*\/)/, "");
}
