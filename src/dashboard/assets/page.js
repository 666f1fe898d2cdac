// The script of every page. Each page works without it: it copies texts, opens the forms of acts in a dialog, filters a
// table as you type, counts down to the end of a new token, and replaces what has changed.

// Trusted Types (W3C): the one way from text to elements. The text always comes from this server, which escapes values.
const html = self.trustedTypes
  ? trustedTypes.createPolicy("page", { createHTML: (text) => text })
  : { createHTML: (text) => text };

// The page at an address, or null if it is not there. A redirect leads to the sign-in form: the session has ended.
// With refresh, the request is no use of the session.
async function page(address, refresh = {}) {
  const answer = await fetch(address, { headers: { accept: "text/html", ...refresh } });
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
    over();
    return null;
  }
  if (!answer.ok) return null;
  return new DOMParser().parseFromString(html.createHTML(await answer.text()), "text/html");
}

// Says that the session has ended. The page keeps what was typed.
function over() {
  if (document.querySelector("#over")) return;
  const note = document.createElement("p");
  note.id = "over";
  note.className = "note bad";
  note.role = "alert";
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.textContent = "Sign in again in another tab";
  note.append("Your session has ended. ", link, ". What you typed here stays.");
  document.querySelector("main").prepend(note);
}

// Takes the session's new CSRF token into the forms of this page.
async function renew() {
  const fresh = await page(location.pathname);
  const token = fresh?.querySelector("[name=csrf_token]")?.value;
  if (!token) return;
  document.querySelectorAll("[name=csrf_token]").forEach((field) => (field.value = token));
  document.querySelector("#over")?.remove();
}
addEventListener("focus", () => document.querySelector("#over") && renew());

// A page reached from another site comes without the session cookie, and shows the sign-in form. The request made here brings
// it.
const signIn = document.querySelector("form[data-next]");
if (signIn) {
  const answer = await fetch(signIn.dataset.next, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" } });
  if (answer.ok) location.replace(signIn.dataset.next);
}

// A form is sent once: a second click would replace the page of a token that is shown once.
addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  const buttons = [...event.target.querySelectorAll("button")];
  setTimeout(() => buttons.forEach((button) => (button.disabled = true)));
  addEventListener("pageshow", () => buttons.forEach((button) => (button.disabled = false)), { once: true });
});

// Copy buttons.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const icon = button.querySelector("svg");
  button.replaceChildren(icon, "Copied");
});

// Acts open in a dialog, which closes with Escape and leads back to its link.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const found = await page(link.href);
  const form = found?.querySelector("main form");
  if (!form) return location.assign(link.href);
  const dialog = document.createElement("dialog");
  const heading = found.querySelector("h1");
  heading.id = "dialog-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(heading, form);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
});

// Filter as you type. Enter asks the server.
document.querySelectorAll("input[data-filter]").forEach((field) => {
  field.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    document.querySelectorAll(`#${field.dataset.filter} tbody tr`).forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(text)));
  });
});

// Counts down the seconds that the server says are left: the clock of this machine may differ.
document.querySelectorAll("[data-left]").forEach((part) => {
  const end = performance.now() + 1000 * part.dataset.left;
  const show = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    part.textContent = left ? `in ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "now";
    if (!left) clearInterval(timer);
  };
  const timer = setInterval(show, 1000);
});

// Live parts: an element with data-live, of this page or of the page at the address that it names. On an event they are
// replaced, at most once in two seconds. A part with the keyboard's focus stays.
const live = () => [...document.querySelectorAll("[data-live]")];
const source = (part) => part.dataset.live || location.href;
let due = null;

// Replaces the content of a part. Ticked boxes stay ticked, and open details open.
function replace(part, next) {
  const ticked = [...part.querySelectorAll("input:checked")].map((box) => box.name);
  const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  part.toggleAttribute("data-live", next.hasAttribute("data-live"));
  part.replaceChildren(...next.childNodes);
  part.querySelectorAll("input[type=checkbox]").forEach((box) => (box.checked ||= ticked.includes(box.name)));
  part.querySelectorAll("details").forEach((details) => (details.open ||= open.includes(details.id)));
}

async function refresh() {
  due = null;
  for (const address of new Set(live().map(source))) {
    const fresh = await page(address, { "x-page-refresh": "1" });
    for (const part of live().filter((part) => source(part) === address)) {
      const next = fresh?.getElementById(part.id);
      if (!next || next.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
      replace(part, next);
    }
  }
  document.querySelectorAll("input[data-filter]").forEach((field) => field.dispatchEvent(new Event("input")));
}

// Pages with a form follow the stream too: they learn that the session has ended before they send the form.
if (document.querySelector("[name=csrf_token]")) {
  const events = new EventSource(`/events?after=${document.body.dataset.newest}`);
  const later = () => (due ??= setTimeout(refresh, 2000));
  events.addEventListener("change", later);
  events.addEventListener("reload", later);
  // A closed stream means that the session is over, or that too many pages are open. A request for the page shows which.
  events.addEventListener("error", () => events.readyState === EventSource.CLOSED && page(location.href, { "x-page-refresh": "1" }));
}
