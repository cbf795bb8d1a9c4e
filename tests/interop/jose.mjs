// Verifies each token that comes as a line, with the keys that the issuer publishes, and prints what it finds.
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [issuer, audience] = process.argv.slice(2)
// By default, jose fetches the keys for an unknown key ID at most every 30 seconds.
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cooldownDuration: 0 })

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })
    console.log(JSON.stringify({ subject: payload.sub, ...protectedHeader }))
  } catch (error) {
    console.log(JSON.stringify({ error: error.code }))
  }
}
