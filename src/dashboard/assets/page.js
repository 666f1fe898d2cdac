// The script of every page. Each page works without it.

// A page reached from another site comes without the session cookie, and shows the sign-in form. The request made here brings
// it.
const signIn = document.querySelector("form[data-next]");
if (signIn) {
  const next = signIn.dataset.next;
  const there = await fetch(next, { method: "HEAD", redirect: "manual" });
  if (there.ok) location.replace(next);
}
