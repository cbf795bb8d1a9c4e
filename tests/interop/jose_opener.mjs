// Decrypts tokens with jose, and verifies the tokens inside with the keys that their issuer publishes. Each line has a
// token, the private JWK or the secret, the issuer and the audience; the answer has the headers and the claims.
import { createInterface } from 'node:readline'
import { compactDecrypt, createRemoteJWKSet, importJWK, jwtVerify } from 'jose'

async function open({ token, jwk, issuer, audience }) {
  const { plaintext, protectedHeader } = await compactDecrypt(token, await importJWK(jwk), {
    keyManagementAlgorithms: [jwk.alg],
    contentEncryptionAlgorithms: [jwk.enc],
  })
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
  const inner = new TextDecoder().decode(plaintext)
  const verified = await jwtVerify(inner, keys, { issuer, audience, typ: 'at+jwt' })
  return { outer: protectedHeader, header: verified.protectedHeader, claims: verified.payload }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await open(JSON.parse(line)).catch((error) => ({ error: error.code }))))
}
process.exit()
