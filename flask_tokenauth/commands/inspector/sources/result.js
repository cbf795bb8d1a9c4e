// Makes the elements that show a token.

const LEVELS = { danger: "Danger", warning: "Warning", note: "Note" };
const ROWS_PER_STEP = 200;
const STATES = { verified: "Verified", failed: "Not verified", unchecked: "Not checked", pending: "Checking" };

/** Returns the elements for a token: {glance, sections}. */
function makeResult(token, now) {
  if (token.kind === "nothing") return [];
  if (!token.parts) return [make("p", { class: "sentence" }, token.reason)];
  const sections = [makeGlance(token), makeFindings(findFindings(token, now))];
  sections.push(makeMembers("Header", token.header, (name) => headerMeaning(name, token.kind === "jwe")));
  if (token.kind === "jwt") sections.push(makeMembers("Claims", token.claims, claimMeaning, now));
  else sections.push(makeEncrypted());
  sections.push(makeSizes(token));
  return sections;
}

function makeSection(title, ...children) {
  const id = `${title.toLowerCase().replaceAll(" ", "-")}-title`;
  return make("section", { class: "part", "aria-labelledby": id }, make("h2", { id }, title), ...children);
}

function makeGlance(token) {
  const list = make("dl", { class: "glance" }, makeFact("Kind", describeKind(token)));
  if (token.kind === "jwt") {
    list.append(makeFact("Expiry", make("span", { "data-clock": "expiry" })));
    list.append(makeFact("Signature", make("span", { id: "signature" })));
  }
  return makeSection("At a glance", list);
}

function makeFact(name, ...value) {
  return make("div", { class: "fact" }, make("dt", {}, name), make("dd", {}, ...value));
}

function describeKind({ kind, header }) {
  if (kind === "jwe") return "An encrypted token (JWE)";
  const typ = stringNamed(header.json?.root, "typ");
  const known = typ === undefined ? undefined : TYPES.get(mediaType(typ));
  return known === undefined ? "A signed token (JWS)" : `A signed token: ${known}`;
}

/** Fills in the result of the check of the signature. */
function showSignature(element, { state, message, warnings }) {
  element.className = `state ${state}`;
  element.replaceChildren(make("strong", {}, STATES[state]), make("span", { class: "why" }, message));
  for (const text of warnings)
    element.append(make("span", { class: "why doubt" }, make("strong", {}, "Warning: "), text));
}

function makeFindings(findings) {
  if (findings.length === 0) return makeSection("Warnings", make("p", { class: "quiet" }, "None."));
  const items = findings.map(({ level, text }) =>
    make("li", { class: level }, make("strong", {}, LEVELS[level]), make("span", {}, text)),
  );
  return makeSection("Warnings", make("ul", { class: "findings" }, ...items));
}

function makeMembers(title, part, meaning, now) {
  if (!part.json) return makeSection(title, makeBroken(title, part));
  const total = part.bytes.length;
  const makeRows = (members) => members.map((member) => makeRow(member, part, meaning, total, now));
  const head = ["Name", "Value", "Meaning", "Bytes"].map((name) =>
    make("th", { scope: "col", role: "columnheader" }, name),
  );
  const table = make(
    "table",
    { role: "table", "aria-label": title },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
    make("tbody", { role: "rowgroup" }),
  );
  const more = fillTable(table.tBodies[0], part.json.root.members, makeRows, title);
  const source = make("details", {}, make("summary", {}, `The ${title.toLowerCase()} as JSON, as in the token`));
  source.addEventListener("toggle", () => fillSource(source, part.text, title), { once: true });
  const isEmpty = part.json.root.members.length === 0;
  return makeSection(title, isEmpty ? make("p", { class: "quiet" }, "An empty object.") : table, more, source);
}

/** Puts the first rows into a table. Returns a button for further rows, or null. */
function fillTable(body, members, makeRows, title) {
  body.append(...makeRows(members.slice(0, ROWS_PER_STEP)));
  if (members.length <= ROWS_PER_STEP) return null;
  const button = make("button", { type: "button", class: "more" });
  const update = () => {
    const rest = members.length - body.rows.length;
    button.textContent =
      `Show ${Math.min(rest, ROWS_PER_STEP)} more of ` +
      `${members.length.toLocaleString("en")} (${title.toLowerCase()})`;
    if (rest === 0) button.remove();
  };
  button.addEventListener("click", () => {
    const shown = body.rows.length;
    body.append(...makeRows(members.slice(shown, shown + ROWS_PER_STEP)));
    // The keyboard goes on at the first new row.
    body.rows[shown].setAttribute("tabindex", "-1");
    body.rows[shown].focus();
    update();
  });
  update();
  return button;
}

function fillSource(details, text, title) {
  details.append(makeValue(escapeInvisible(text).replaceAll("\\n", "\n"), `the ${title.toLowerCase()} as JSON`));
}

function makeBroken(title, part) {
  const sentence = make("p", {}, part.error);
  const shown = part.text ? makeValue(escapeInvisible(part.text), `the ${title.toLowerCase()}`) : null;
  return make("div", {}, sentence, shown);
}

function makeRow({ name, start, node }, part, meaning, total, now) {
  const bytes = utf8Length(part.text.slice(start, node.end));
  const shown = shownName(name);
  const bar = make("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${(100 * bytes) / total}%`);
  const isTimeClaim =
    now !== undefined && TIME_CLAIMS.has(name) && node.kind === "number" && isTime(Number(node.source));
  return make(
    "tr",
    { role: "row" },
    make(
      "th",
      { scope: "row", role: "rowheader" },
      make("bdi", { dir: "ltr" }, cut(shown, SHOWN_AT_FIRST), shown.length > SHOWN_AT_FIRST ? " (cut off)" : ""),
    ),
    make(
      "td",
      { role: "cell" },
      makeValue(jsonForPeople(part.text, node), `the value of ${cut(shown, 60)}`),
      isTimeClaim ? makeTimes(Number(node.source)) : null,
    ),
    make(
      "td",
      { role: "cell", class: "meaning" },
      meaning(name) ?? make("span", { class: "quiet" }, "Not registered: the issuer knows its meaning"),
    ),
    make(
      "td",
      { role: "cell", class: "bytes" },
      bytes.toLocaleString("en"),
      make("span", { class: "unit" }, " bytes"),
      bar,
    ),
  );
}

function makeTimes(seconds) {
  const relative = make("span", { class: "relative", "data-clock": String(seconds) });
  return make(
    "div",
    { class: "times" },
    make("span", {}, utcTime(seconds)),
    make("span", {}, localTime(seconds)),
    relative,
  );
}

function makeEncrypted() {
  return makeSection(
    "Claims",
    make(
      "p",
      {},
      "The claims are encrypted. Only the receiver, who has the key, can read them. The header above is not " +
        "encrypted, and nothing proves that it is true until the token is decrypted.",
    ),
  );
}

function makeSizes({ parts, text }) {
  const rows = parts.map(({ name, text: part }) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${(100 * part.length) / text.length}%`);
    return makeFact(name[0].toUpperCase() + name.slice(1), `${part.length.toLocaleString("en")} bytes`, bar);
  });
  const whole = makeFact("Whole token", `${text.length.toLocaleString("en")} bytes, with ${parts.length - 1} dots`);
  const why = make(
    "p",
    { class: "quiet" },
    "These are the sizes as the token is sent, in base64url. It needs 4 bytes for 3 of the JSON above.",
  );
  return makeSection("Size", make("dl", { class: "sizes" }, ...rows, whole), why);
}
