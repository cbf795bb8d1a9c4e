// The page: it shows the form to sign in, or the notes and the devices of the user.
import {showDevices, startDevices} from "./devices.js"
import {showNotes, startNotes} from "./notes.js"
import {readNext} from "./places.js"
import {call, known, onChange, Refused, SessionOver, signIn, signOut, signOutEverywhere} from "./session.js"
import {at, element, say, time} from "./view.js"

let shown = null  // the user whose notes the page shows

// Run a function, and show its errors. The page is busy until it is done.
async function attempt(act) {
  document.body.setAttribute("aria-busy", "true")
  try {
    await act()
  } catch (error) {
    if (error instanceof SessionOver) showForm(error.message, {isAlert: true})
    else if (error instanceof Refused) say(error.message, {isAlert: true})
    else if (error instanceof TypeError) say("The server cannot be reached. Try again in a moment.", {isAlert: true})
    else throw error
  } finally {
    document.body.removeAttribute("aria-busy")
  }
}

function showForm(sentence, options) {
  shown = null
  for (const id of ["notes", "devices", "warnings"]) at(id).replaceChildren()  // the next person must not read them
  at("write").reset()
  at("home").hidden = true
  at("sign-in").hidden = false
  say(sentence, options)
  at("sign-in").username.focus()
}

async function showHome() {
  const {user, warnings} = await (await call("GET", "/me")).json()
  const [notes, devices] = await Promise.all([showNotes(), showDevices()])
  shown = user
  at("user").textContent = user
  at("warned").hidden = warnings.length === 0
  at("warnings").replaceChildren(...warnings.map(text => element("li", "", time(text))))
  at("print").hidden = !known()?.inCookie  // a link cannot send a header
  at("sign-in").hidden = true
  at("home").hidden = false
  say(`Hello ${user}. You have ${notes}, and are signed in on ${devices}.`)
}

at("sign-in").addEventListener("submit", event => {
  event.preventDefault()
  attempt(async () => {
    const form = new FormData(at("sign-in"))
    at("sign-in").password.value = ""
    await signIn(form)
    const next = readNext(location.search)
    if (next) return location.replace(next)
    await showHome()
    at("content").focus()
  })
})
at("sign-out").addEventListener("click", () => attempt(async () => {
  await signOut()
  showForm("You are signed out.")
}))
at("everywhere").addEventListener("click", () => attempt(async () => {
  await signOutEverywhere()
  showForm("You are signed out on all devices.")
}))
at("understood").addEventListener("click", () => attempt(async () => {
  await call("DELETE", "/warnings")
  at("warned").hidden = true
  say("The warning is deleted.")
}))
startNotes(attempt)
startDevices(attempt)
onChange(session => {  // in another tab
  if (session && session.user !== shown) attempt(showHome)
  if (!session && shown) showForm("You are signed out: you signed out in another tab, or your session has ended.")
})

if (known()) await attempt(showHome)
else showForm("Sign in as alice (wonderland) or bob (builder).")
