// Elements by their names, as people read them: a label or a button without its hint.
const tidy = text => (text ?? "").replace(/\s+/g, " ").trim();
const own = element => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("small, select, textarea").forEach(part => part.remove());
  return tidy(copy.textContent);
};
const named = element => tidy(element.getAttribute("aria-label")) || own(element) || tidy(element.value);
// An open dialog hides the rest.
const reach = selector => [...(document.querySelector("dialog[open]") ?? document).querySelectorAll(selector)];
const shown = (element, name) => named(element) === name && element.checkVisibility();
const clickable = name => reach("a[href], button, summary").find(element => shown(element, name));
const field = name =>
  reach("label").find(label => shown(label, name))?.control ??
  reach("input, select, textarea").find(element => element.ariaLabel === name && element.checkVisibility());
// The name of the focused element, and whether its focus can be seen. The page as a whole has no name.
const focused = () => {
  const element = document.activeElement, style = getComputedStyle(element);
  if (element === document.body) return ["", true];
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return [element.labels?.[0] ? own(element.labels[0]) : named(element), outlined];
};
