// Finds the metadata of a protected resource from its 401, as a client of the Model Context Protocol does.
import {
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from '@modelcontextprotocol/sdk/client/auth.js'

const [resource] = process.argv.slice(2)
const refused = await fetch(resource, { method: 'POST' })
const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(refused)
const metadata = await discoverOAuthProtectedResourceMetadata(resource, { resourceMetadataUrl })
const guessed = await discoverOAuthProtectedResourceMetadata(resource) // by the path rule of RFC 9728 alone

console.log(
  JSON.stringify({
    status: refused.status,
    url: resourceMetadataUrl.href,
    scope,
    metadata,
    guessed,
  }),
)
