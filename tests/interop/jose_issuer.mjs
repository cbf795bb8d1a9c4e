// Signs tokens with jose, and publishes the keys. Each line has an algorithm and claims, and may have a JWK to encrypt the
// token for; the answer is a token. The first line of the output is the issuer.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

const keys = {}
for (const alg of process.argv.slice(2)) keys[alg] = await generateKeyPair(alg)

async function describeKey([alg, { publicKey }]) {
  return { ...(await exportJWK(publicKey)), kid: `of ${alg}`, alg, use: 'sig' }
}

const published = JSON.stringify({ keys: await Promise.all(Object.entries(keys).map(describeKey)) })
const server = createServer((_request, answer) => answer.end(published))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
console.log(JSON.stringify(issuer))

async function encrypt(token, jwk) {
  const { alg, enc, kid } = jwk
  return new CompactEncrypt(new TextEncoder().encode(token))
    .setProtectedHeader({ alg, enc, kid, cty: 'JWT' })
    .encrypt(await importJWK(jwk))
}

for await (const line of createInterface({ input: process.stdin })) {
  const { alg, claims, jwk } = JSON.parse(line)
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg, kid: `of ${alg}`, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setIssuedAt()
    .setExpirationTime('10 minutes')
    .sign(keys[alg].privateKey)
  console.log(JSON.stringify(jwk ? await encrypt(token, jwk) : token))
}
process.exit()
