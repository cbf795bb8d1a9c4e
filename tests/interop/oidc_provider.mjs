// Runs oidc-provider. Each line has the list of the keys that it has from then on, such as ["ES256/2", "ES256/1"]: the
// first one of an algorithm signs, and a name always means the same key. It also has the JWKs of APIs. The answer is the
// issuer. There is a client for each algorithm of ID tokens, and the path of a resource names the algorithm of its access
// tokens, and the ID of the key that encrypts them, if they are encrypted: /ES256/KID. In /none/KID they are not signed.
import { createPublicKey } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { exportJWK, generateKeyPair } from 'jose'

console.info = console.error // for notices: the standard output is for answers
const { Provider } = await import('oidc-provider')

const [secret, redirectUri, ...algorithms] = process.argv.slice(2)
const keys = new Map()
const encryptionKeys = new Map()
const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

async function findKey(kid) {
  if (!keys.has(kid)) {
    const [alg] = kid.split('/')
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    keys.set(kid, { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' })
  }
  return keys.get(kid)
}

function describeEncryption({ alg, enc, kid, ...jwk }) {
  const key = jwk.kty === 'oct' ? Buffer.from(jwk.k, 'base64url') : createPublicKey({ key: jwk, format: 'jwk' })
  return { alg, enc, kid, key }
}

function describeResource(_context, resource) {
  const [, alg, kid] = new URL(resource).pathname.split('/')
  return {
    scope: 'reports:read reports:write',
    audience: resource,
    accessTokenFormat: 'jwt',
    jwt: {
      sign: alg === 'none' ? undefined : { alg },
      encrypt: kid && describeEncryption(encryptionKeys.get(kid)),
    },
  }
}

async function serve(kids) {
  const provider = new Provider(issuer, {
    jwks: { keys: await Promise.all(kids.map(findKey)) },
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    clients: algorithms.map((alg) => ({
      client_id: `web-${alg}`,
      client_secret: secret,
      redirect_uris: [redirectUri],
      id_token_signed_response_alg: alg,
    })),
    scopes: ['openid'],
    pkce: { required: () => false },
    features: { resourceIndicators: { enabled: true, getResourceServerInfo: describeResource } },
  })
  provider.on('server_error', (_context, error) => console.error(error))
  server.removeAllListeners('request').on('request', provider.callback())
}

for await (const line of createInterface({ input: process.stdin })) {
  const { kids, jwks } = JSON.parse(line)
  for (const jwk of jwks) encryptionKeys.set(jwk.kid, jwk)
  await serve(kids)
  console.log(JSON.stringify(issuer))
}
process.exit()
