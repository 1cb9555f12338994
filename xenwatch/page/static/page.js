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
  part.querySelectorAll(".chart-box").forEach(follow);
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

// Charts tell their values by pointer, and by arrow keys when in focus.
function follow(box) {
  const plot = box.querySelector(".plot");
  const points = JSON.parse(plot.dataset.points);
  const cursor = plot.querySelector(".cursor");
  const told = box.querySelector(".told");
  const peak = box.querySelector(".peak");
  let at = points.length - 1;
  const show = (number) => {
    at = Math.max(0, Math.min(points.length - 1, number));
    const [x, , words, moment] = points[at];
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    box.classList.add("followed");
    told.textContent = words;
    const link = peak.querySelector("a");
    link.search = new URLSearchParams({ at: moment });
    link.textContent = "Show this moment";
    peak.replaceChildren(link);
    plot.setAttribute("aria-valuenow", at);
    plot.setAttribute("aria-valuetext", words);
  };
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-valuemin", 0);
  plot.setAttribute("aria-valuemax", points.length - 1);
  plot.setAttribute("aria-valuenow", at);
  plot.setAttribute("aria-valuetext", points[at][2]);
  plot.addEventListener("pointermove", (event) => {
    const area = plot.getBoundingClientRect();
    const x = (600 * (event.clientX - area.left)) / area.width;
    const near = points.map(([place], number) => [Math.abs(place - x), number]);
    show(near.reduce((one, other) => (other[0] < one[0] ? other : one))[1]);
  });
  const open = () => peak.querySelector("a").click();
  plot.addEventListener("click", open);
  plot.addEventListener("keydown", (event) => {
    if (event.key === "Enter") return open();
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    show(moves[event.key]);
  });
}

document.querySelectorAll(".chart-box").forEach(follow);

// A moment of the past does not change.
if (!document.body.hasAttribute("data-past")) {
  document.addEventListener("visibilitychange", refresh);
  run();
}
