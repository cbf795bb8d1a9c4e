// Times for people. A claim has seconds since 1970-01-01T00:00:00Z (NumericDate, RFC 7519 section 2).

const YEAR_9999 = 253402300799;
const UNITS = [
  ["year", 365 * 86400],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** Returns whether a number can be shown as a time. */
function isTime(seconds) {
  return seconds !== undefined && seconds >= 0 && seconds <= YEAR_9999;
}

/** Returns the time in UTC, as in 2026-11-30 07:42:02 UTC. */
function utcTime(seconds) {
  return `${isoTime(new Date(seconds * 1000))} UTC`;
}

/** Returns the time on the clock of this device, with its distance from UTC. */
function localTime(seconds) {
  const date = new Date(seconds * 1000);
  const minutes = -date.getTimezoneOffset();
  const shifted = new Date(date.getTime() + minutes * 60_000);
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return `${isoTime(shifted)} UTC${offset} (local time)`;
}

function isoTime(date) {
  const [day, time] = date.toISOString().split("T");
  return `${day.replace("+00", "")} ${time.slice(0, 8)}`;
}

/** Returns a duration in its two largest units, as in "14 minutes and 3 seconds". */
function duration(seconds) {
  let rest = Math.floor(Math.abs(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const number = Math.floor(rest / size);
    rest -= number * size;
    if (number > 0 || parts.length > 0) parts.push([number, unit]);
  }
  const words = parts.slice(0, 2).filter(([number]) => number > 0);
  const counted = words.map(([number, unit]) => `${number.toLocaleString("en")} ${unit}${number === 1 ? "" : "s"}`);
  return counted.join(" and ") || "0 seconds";
}

/** Returns how far a time is from now, as in "in 2 days" or "5 minutes ago". */
function relativeTime(seconds, now) {
  // A token is good before the second of its expiry, so the seconds that are left are rounded up.
  const distance = seconds - now;
  if (distance > 0) return `in ${duration(Math.ceil(distance))}`;
  return distance > -1 ? "now" : `${duration(-distance)} ago`;
}
