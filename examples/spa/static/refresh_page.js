// A person has opened a page, and the access token had expired: refresh, and go there. If the session is over, sign in.
import {readNext} from "./places.js"
import {refresh, SessionOver} from "./session.js"

const next = readNext(location.search)
try {
  await refresh()
  location.replace(next ?? "/")
} catch (error) {
  if (error instanceof SessionOver) location.replace(next ? `/?${new URLSearchParams({next})}` : "/")
  else document.getElementById("said").textContent = "The server cannot be reached. Reload this page in a moment."
}
