// The ways in which a page can make a browser send a request. Each function gets the address.

function form(url, fields = {}, { target = "", in_document = document } = {}) {
  const made = in_document.createElement("form")
  Object.assign(made, { method: "post", action: url, target })
  for (const [name, value] of Object.entries(fields)) {
    const input = in_document.createElement("input")
    Object.assign(input, { type: "hidden", name, value })
    made.append(input)
  }
  in_document.body.append(made)
  made.submit()
}

function frame(attributes = {}) {
  const made = document.createElement("iframe")
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  document.body.append(made)
  return made
}

const page_with_form = url => `<form method=post action="${url}"></form><script>document.forms[0].submit()<\/script>`

const page_with_fetch = url => `<script>fetch("${url}", {method: "POST", mode: "no-cors", credentials: "include"})<\/script>`

function follow(attributes) {
  const made = Object.assign(document.createElement("a"), attributes)
  document.body.append(made)
  made.click()
}

const quietly = promise => promise.then(() => "answered", () => "refused")

const attacks = {
  form: url => form(url),
  form_in_new_window: url => form(url, {}, { target: "_blank" }),
  form_in_named_window: url => { window.open("about:blank", "named"); form(url, {}, { target: "named" }) },
  form_in_frame: url => { frame({ name: "inner" }); form(url, {}, { target: "inner" }) },
  form_in_blank_frame: url => form(url, {}, { in_document: frame().contentDocument }),
  form_in_blank_window: url => form(url, {}, { in_document: window.open("about:blank").document }),
  form_in_written_frame: url => frame({ srcdoc: page_with_form(url) }),
  form_in_blob_frame: url => frame({ src: URL.createObjectURL(new Blob([page_with_form(url)], { type: "text/html" })) }),
  form_in_sandbox: url => frame({ sandbox: "allow-forms allow-scripts", srcdoc: page_with_form(url) }),
  form_in_data_frame: url => frame({ src: "data:text/html," + encodeURIComponent(page_with_form(url)) }),
  fetch_in_sandbox: url => frame({ sandbox: "allow-scripts", srcdoc: page_with_fetch(url) }),
  fetch_in_data_frame: url => frame({ src: "data:text/html," + encodeURIComponent(page_with_fetch(url)) }),
  fetch_no_cors: url => quietly(fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: "x" })),
  fetch_cors: url => quietly(fetch(url, { method: "POST", credentials: "include", body: "x" })),
  fetch_without_referrer: url =>
    quietly(fetch(url, { method: "POST", mode: "no-cors", credentials: "include", referrerPolicy: "no-referrer" })),
  fetch_keepalive: url => quietly(fetch(url, { method: "POST", mode: "no-cors", credentials: "include", keepalive: true })),
  xml_http_request: url => {
    const sent = new XMLHttpRequest()
    sent.open("POST", url)
    sent.withCredentials = true
    sent.send("x")
  },
  worker: url => {
    const work = `fetch("${url}", {method: "POST", mode: "no-cors", credentials: "include"})`
    new Worker(URL.createObjectURL(new Blob([work], { type: "text/javascript" })))
  },
  beacon: url => { navigator.sendBeacon(url, "x") },
  ping: url => follow({ href: "#here", ping: url }),
}

const preflighted = {
  put: url => quietly(fetch(url, { method: "PUT", credentials: "include" })),
  with_header: url => quietly(fetch(url, { method: "POST", credentials: "include", headers: { "X-Requested-With": "x" } })),
  with_json: url =>
    quietly(fetch(url, { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: "{}" })),
  with_token: url => quietly(fetch(url, { method: "POST", credentials: "include", headers: { Authorization: "Bearer x" } })),
}

const gets = {
  image: url => { document.body.append(Object.assign(new Image(), { src: url })) },
  script: url => { document.body.append(Object.assign(document.createElement("script"), { src: url })) },
  style: url => { document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: url })) },
  frame: url => { frame({ src: url }) },
  fetch: url => quietly(fetch(url, { credentials: "include" })),
  fetch_no_cors: url => quietly(fetch(url, { credentials: "include", mode: "no-cors" })),
  link: url => follow({ href: url }),
  link_in_new_window: url => follow({ href: url, target: "_blank" }),
  window: url => { window.open(url) },
  location: url => { location.href = url },
}

// Resolves to the first message, or to "closed".
const open_socket = url => new Promise(resolve => {
  const socket = new WebSocket(url)
  socket.onmessage = event => { resolve(event.data); socket.close() }
  socket.onclose = () => resolve("closed")
})

// Speaks the protocol of Socket.IO: opens, connects, sends an event, and resolves to the answer or to "closed".
const send_event = (url, event) => new Promise(resolve => {
  const socket = new WebSocket(url)
  socket.onmessage = ({ data }) => {
    if (data.startsWith("0")) socket.send("40")
    else if (data.startsWith("40")) socket.send(`42["${event}"]`)
    else if (data.startsWith("42")) { resolve(JSON.parse(data.slice(2))[1]); socket.close() }
  }
  socket.onclose = () => resolve("closed")
})
