// Small helpers to show things. Text goes into textContent, never into innerHTML: users write it.

export const at = id => document.getElementById(id)

export function say(sentence, {isAlert = false} = {}) {
  at("said").textContent = sentence
  at("said").classList.toggle("alert", isAlert)
}

export function element(name, content, ...children) {
  const made = document.createElement(name)
  if (content) made.textContent = content
  made.append(...children)
  return made
}

export function button(label, description, act) {
  const made = element("button", label)
  made.type = "button"
  made.setAttribute("aria-label", description)  // "Delete" alone says too little to a screen reader
  made.addEventListener("click", act)
  return made
}

export function time(text) {
  const made = element("time", new Date(text).toLocaleString(undefined, {dateStyle: "medium", timeStyle: "short"}))
  made.dateTime = text
  return made
}

export const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`
