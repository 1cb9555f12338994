// Refreshes the page: fetches it again and replaces the parts marked data-live.
// Without this script the page shows the same content, as of its time stamp.
"use strict";

const PERIOD = 10_000;
const STALE = 120_000; // ms after which readings are stale

const note = document.getElementById("freshness");

function say(text) {
  document.body.classList.toggle("stale", text !== "");
  if (note.textContent !== text) note.textContent = text;
}

function focused(part) {
  const active = document.activeElement;
  const owner = active && part.contains(active) ? active.closest("[id]") : null;
  return owner ? [owner.id, active.tagName] : null;
}

function replace(part, fresh) {
  const focus = focused(part);
  for (const details of part.querySelectorAll("details[open]")) {
    const same = fresh.querySelector("#" + CSS.escape(details.id));
    if (same) same.open = true;
  }
  part.className = fresh.className;
  part.replaceChildren(...fresh.childNodes);
  const owner = focus && document.getElementById(focus[0]);
  if (owner) (owner.matches(focus[1]) ? owner : owner.querySelector(focus[1]))?.focus({ preventScroll: true });
}

function age(answer, page) {
  const now = Date.parse(answer.headers.get("Date"));
  return now - Date.parse(page.querySelector("#as-of time").dateTime);
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname + location.search, { signal: AbortSignal.timeout(PERIOD) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const stale = age(answer, fresh) > STALE;
    // A replacement would drop the user's selection.
    if (getSelection().isCollapsed) {
      for (const part of document.querySelectorAll("[data-live]")) {
        const twin = fresh.getElementById(part.id);
        if (twin) replace(part, twin);
      }
      document.title = fresh.title;
    }
    say(stale ? "Stale readings: the daemon responds but has no new readings." : "");
  } catch (error) {
    say(`Page out of date: the daemon cannot be reached (${error.message}); retrying.`);
  }
}

async function run() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
    await refresh();
  }
}

// The filter of the domains answers while it is typed; without this its button does.
const filter = document.getElementById("filter");
let typed = 0;

filter?.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(() => {
    const address = new URL(location.href);
    address.searchParams.set("q", filter.value);
    address.searchParams.delete("from");
    history.replaceState(null, "", address);
    refresh();
  }, 300);
});

document.addEventListener("visibilitychange", refresh);
run();
