// Private notes: list, add, delete.
import {call} from "./session.js"
import {at, button, count, element, say, time} from "./view.js"

export async function showNotes() {
  const notes = await (await call("GET", "/notes")).json()
  at("notes").replaceChildren(...notes.map(show))
  at("no-notes").hidden = notes.length > 0
  return count(notes.length, "note")
}

function show({id, content, written_at}) {
  const remove = button("Delete", `Delete the note “${content.slice(0, 40)}”`, () => attempt(async () => {
    await call("DELETE", `/notes/${id}`)
    say(`Deleted. You have ${await showNotes()}.`)
    at("content").focus()  // the button with the focus is gone
  }))
  return element("li", "", element("p", content), element("footer", "", time(written_at), remove))
}

let attempt  // runs a function and shows its errors

export function startNotes(run) {
  attempt = run
  at("write").addEventListener("submit", event => {
    event.preventDefault()
    attempt(async () => {
      await call("POST", "/notes", new FormData(at("write")))
      at("write").reset()
      say(`Saved. You have ${await showNotes()}.`)
      at("content").focus()
    })
  })
}
