// The script of every page. Each page works without it.

// A page reached from another site comes without the session cookie, and shows the sign-in form. The request made here brings
// it.
const signIn = document.querySelector("form[data-next]");
if (signIn) {
  const next = signIn.dataset.next;
  // `/` is a page only for those that ask for HTML.
  const there = await fetch(next, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" } });
  if (there.ok) location.replace(next);
}
