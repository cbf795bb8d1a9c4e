// Exchanges the token of a user for one of the next service (RFC 8693), validates it, and asks for too much.
import * as oauth from 'oauth4webapi'

const [issuer, audience, subjectToken, clientId, secret] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP, on loopback
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'

const discovered = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
const described = await oauth.processDiscoveryResponse(new URL(issuer), discovered)
const server = { ...described, token_endpoint: `${issuer}/auth/exchange` }
const client = { client_id: clientId }

async function exchange(parameters) {
  const request = {
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience,
    ...parameters,
  }
  const auth = oauth.ClientSecretBasic(secret)
  const answered = await oauth.genericTokenEndpointRequest(server, client, auth, grantType, request, insecure)
  return oauth.processGenericTokenEndpointResponse(server, client, answered)
}

async function errorOf(parameters) {
  try {
    await exchange(parameters)
  } catch (error) {
    return error.error
  }
}

const exchanged = await exchange({ scope: 'reports:read' })
const request = new Request(audience, { headers: { authorization: `Bearer ${exchanged.access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, audience, insecure)

console.log(
  JSON.stringify({
    subject: claims.sub,
    actor: claims.act.sub,
    scope: exchanged.scope,
    type: exchanged.issued_token_type,
    errors: [
      await errorOf({ audience: 'https://third.example' }),
      await errorOf({ scope: 'admin' }),
      await errorOf({ subject_token: exchanged.access_token }),
    ],
  }),
)
