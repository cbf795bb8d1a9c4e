// Connects the fields with the result, which is made again when a field changes.

const fields = { token: document.getElementById("token"), key: document.getElementById("key") };
const resultElement = document.getElementById("result");
const announcement = document.getElementById("announcement");
let shown = { token: { kind: "nothing" }, times: "" };
let checks = 0; // counts the checks of signatures: a slow one must not overwrite the result of a later one

function nowInSeconds() {
  return Date.now() / 1000;
}

/** Shows the token in the field. */
async function update() {
  shown.token = readToken(fields.token.value);
  showResult();
  await updateSignature();
}

function showResult() {
  const now = nowInSeconds();
  resultElement.replaceChildren(...makeResult(shown.token, now));
  shown.times = describeTimes(shown.token, now);
  showClocks(now);
}

async function updateSignature() {
  checks += 1;
  const mine = checks;
  const element = document.getElementById("signature");
  if (element === null)
    return announce(shown.token.reason ?? (shown.token.kind === "jwe" ? describeKind(shown.token) : ""));
  if (fields.key.value.trim() === "") {
    shown.signature = { state: "unchecked", message: "Paste a key to check it.", warnings: [] };
  } else {
    showSignature(element, { state: "pending", message: "", warnings: [] });
    const result = await checkSignature(shown.token, fields.key.value);
    if (mine !== checks) return;
    shown.signature = result;
  }
  showSignature(document.getElementById("signature"), shown.signature);
  announce(summary());
}

/** Returns what a screen reader says about a new result. */
function summary() {
  const count = findFindings(shown.token, nowInSeconds()).filter(({ level }) => level !== "note").length;
  const warnings = count === 1 ? "1 warning" : `${count} warnings`;
  const { state, message } = shown.signature;
  return (
    `${describeKind(shown.token)}. ${expiryWords(shown.token, nowInSeconds())}. ${warnings}. Signature: ` +
    `${STATES[state]}. ${message}`
  );
}

function announce(text) {
  announcement.textContent = text;
}

function expiryWords({ claims }, now) {
  const root = claims.json?.root;
  const [exp, nbf] = [numberNamed(root, "exp"), numberNamed(root, "nbf")];
  if (root === undefined || (memberNamed(root, "exp") && !isTime(exp))) return "Not known";
  if (isTime(nbf) && nbf > now) return `Not good before ${utcTime(nbf)}, ${relativeTime(nbf, now)}`;
  if (exp === undefined) return "Never expires";
  const whole = Math.floor(exp); // RFC 7519 section 4.1.4: from this second on
  return now >= whole ? `Expired ${relativeTime(whole, now)}` : `Expires ${relativeTime(whole, now)}`;
}

/** Returns a string that changes when a finding about the times comes or goes. It is made each second. */
function describeTimes(token, now) {
  const root = token.claims?.json?.root;
  if (root === undefined) return "";
  const findings = timeFindings(root, now).map(({ level, text }) => level + text.replace(/another .*?\./, ""));
  return findings.join("\n");
}

function showClocks(now) {
  for (const element of resultElement.querySelectorAll("[data-clock]")) {
    const { clock } = element.dataset;
    const text = clock === "expiry" ? expiryWords(shown.token, now) : relativeTime(Number(clock), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Counts down. Only if the token has just expired, or has just become good, something is announced. */
function tick() {
  if (shown.token.kind !== "jwt") return;
  const now = nowInSeconds();
  showClocks(now);
  if (describeTimes(shown.token, now) === shown.times) return;
  shown.times = describeTimes(shown.token, now);
  document.getElementById("warnings-title").parentElement.replaceWith(makeFindings(findFindings(shown.token, now)));
  announce(expiryWords(shown.token, now));
}

fields.token.addEventListener("input", update);
fields.key.addEventListener("input", updateSignature);
document.getElementById("clear").addEventListener("click", () => {
  fields.token.value = "";
  fields.key.value = "";
  update();
  fields.token.focus();
});
setInterval(tick, 1000);
