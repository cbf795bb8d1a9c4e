// The session of this browser: sign in, call the API, refresh, sign out. This is the part to copy.
//
// The tokens are in cookies that scripts cannot read. The page only remembers who is signed in, and until when the
// access token is good, in localStorage: all tabs see it, and other tabs hear of each change ("storage"). It is no
// secret, and nothing depends on it: if it is wrong, the server answers 401, and the page refreshes.

const KEY = "session"
const EARLY = 0.1  // refresh when this part of the lifetime is left
let own = null     // with TOKENAUTH_COOKIES = "refresh", the access token and its end: only in this variable

export class SessionOver extends Error {}  // the user must sign in again
export class Refused extends Error {}      // the server did not do it; the message says why

export function known() {
  try { return JSON.parse(localStorage.getItem(KEY)) } catch { return null }
}

function keep(user, tokens) {
  const until = Date.now() + tokens.expires_in * 1000 * (1 - EARLY)
  own = tokens.access_token ? {token: tokens.access_token, until} : null
  localStorage.setItem(KEY, JSON.stringify({user, until, inCookie: !own}))
}

function forget() {
  own = null
  localStorage.removeItem(KEY)
}

// The end of the token that this page would use. In a cookie it is the same for all tabs.
const end = () => (known()?.inCookie ? known() : own)?.until ?? 0

function send(method, path, body) {
  const headers = own ? {Authorization: `Bearer ${own.token}`} : {}
  return fetch(path, {method, headers, body: body && new URLSearchParams(body)})
}

async function check(answer) {
  if (answer.ok) return answer
  const {error_description: why} = await answer.json().catch(() => ({}))
  throw new Refused(why ?? `The server answers ${answer.status}. Try again in a moment.`)
}

// Send a request. It refreshes before, if the access token is too old, and again if the server answers 401. Twice, since
// the answer to another request with the old cookie can come late, and delete the new one.
export async function call(method, path, body) {
  if (!known()) throw new SessionOver("Please sign in.")
  if (Date.now() >= end()) await refresh()
  let used = end(), answer = await send(method, path, body)
  for (let tries = 0; answer.status === 401 && tries < 2; tries++) {
    await refresh(used)
    used = end()
    answer = await send(method, path, body)
  }
  return check(answer)
}

// Refresh, in one tab at a time. The others wait; then they see that the end has changed, and have nothing to do.
// keepalive: if the user closes the tab now, the browser still takes the new cookies from the answer.
export function refresh(used = end()) {
  return navigator.locks.request("refresh", async () => {
    if (end() !== used) return
    const answer = await fetch("/auth/refresh", {method: "POST", keepalive: true})  // without Authorization
    if (answer.status === 400) {  // the session is over, and the answer has deleted its cookies; or there is no cookie
      forget()
      throw new SessionOver("You are signed out, because your session has ended: you ended it on another device, it "
        + "has expired, or a copy of your sign-in was used. If it was a copy, you will read it after you sign in.")
    }
    keep(known()?.user ?? null, await (await check(answer)).json())
  })
}

// Under the lock: the late answer to a refresh would bring the user back who was signed in before.
export function signIn(form) {
  return navigator.locks.request("refresh", async () => {
    const answer = await check(await fetch("/sign-in", {method: "POST", body: new URLSearchParams(form)}))
    keep(form.get("username"), await answer.json())
  })
}

// Without Authorization: the refresh cookie is enough, also after the access token has expired. The answer deletes both.
// Under the lock, so that no refresh of another tab is under way.
export function signOut() {
  return navigator.locks.request("refresh", async () => {
    const answer = await fetch("/auth/logout", {method: "POST", keepalive: true})
    if (answer.status !== 401) await check(answer)  // 401: there was no session any more
    forget()
  })
}

export async function signOutEverywhere() {
  await call("POST", "/sign-out-everywhere")
  await signOut()  // deletes the cookies
}

// Another tab has signed in, as the same user or another one, or has signed out, or has only refreshed.
export function onChange(tell) {
  window.addEventListener("storage", event => {
    if (event.key === KEY || event.key === null) tell(known())
  })
}
