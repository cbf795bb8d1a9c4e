// Discovers the issuer, refreshes, validates the new access token, introspects it, and revokes both.
import * as oauth from 'oauth4webapi'

const [issuer, audience, refreshToken, clientId, secret] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP, on loopback

const discovered = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered)

const client = { client_id: clientId }
const refreshed = await oauth.processRefreshTokenResponse(
  server,
  client,
  await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, insecure),
)

const request = new Request(`${issuer}/me`, { headers: { authorization: `Bearer ${refreshed.access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, audience, insecure)

async function introspect(auth) {
  const answered = await oauth.introspectionRequest(server, client, auth, refreshed.access_token, insecure)
  return oauth.processIntrospectionResponse(server, client, answered)
}

const bearer = (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${refreshed.access_token}`)
const byToken = await introspect(bearer)
const byClient = await introspect(oauth.ClientSecretBasic(secret))

await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, oauth.None(), refreshed.access_token, insecure),
)
const revoked = await introspect(oauth.ClientSecretBasic(secret))
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, oauth.None(), refreshed.refresh_token, insecure),
)

console.log(
  JSON.stringify({
    subject: claims.sub,
    byToken: byToken.active,
    byClient: byClient.sub,
    revoked: revoked.active,
    tokenType: refreshed.token_type,
    refreshToken: refreshed.refresh_token,
  }),
)
