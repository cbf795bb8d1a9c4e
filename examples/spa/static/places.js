// Where a link wants to go after a refresh or a sign-in. The address of a page is untrusted: a link to
// /refresh?next=https://evil.example must not lead people away, and javascript: must not run.

export function readNext(search) {
  const wanted = new URLSearchParams(search).get("next")
  if (!wanted) return null
  try {
    const next = new URL(wanted, location.origin)  // reads "//evil" and "/\evil" as browsers do
    const isOurs = next.origin === location.origin && next.protocol === location.protocol  // blob: has our origin too
    return isOurs ? next.href : null
  } catch {
    return null
  }
}
