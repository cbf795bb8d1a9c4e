// The sessions of the user, one on each device: list them, end one.
import {call} from "./session.js"
import {at, button, count, element, say, time} from "./view.js"

export async function showDevices() {
  const sessions = []
  let cursor = ""
  do {  // at most 50 sessions on each page
    const page = await (await call("GET", `/auth/sessions?cursor=${encodeURIComponent(cursor)}`)).json()
    sessions.push(...page.sessions)
    cursor = page.next_cursor
  } while (cursor)
  at("devices").replaceChildren(...sessions.map(show))
  return count(sessions.length, "device")
}

function show({id, current, label, user_agent, started_at}) {
  const name = label ?? "a device"
  const since = element("footer", "since ", time(started_at))
  const item = element("li", "", element("p", current ? `${name} (this one)` : name), since)
  item.title = user_agent ?? ""
  if (!current) since.append(button("End", `End the session on ${name}`, () => attempt(async () => {
    await call("DELETE", `/auth/sessions/${id}`)
    say(`Ended. You are signed in on ${await showDevices()}.`)
    at("look").focus()
  })))
  return item
}

let attempt  // runs a function and shows its errors

export function startDevices(run) {
  attempt = run
  at("look").addEventListener("click", () => attempt(async () => say(`You are signed in on ${await showDevices()}.`)))
}
