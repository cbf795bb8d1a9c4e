// Signs tokens with jose, and publishes the keys. Each line has an algorithm and claims; the answer is a token. The first
// line of the output is the issuer.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

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

for await (const line of createInterface({ input: process.stdin })) {
  const { alg, claims } = JSON.parse(line)
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg, kid: `of ${alg}`, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setIssuedAt()
    .setExpirationTime('10 minutes')
  console.log(JSON.stringify(await token.sign(keys[alg].privateKey)))
}
process.exit()
