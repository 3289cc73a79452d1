// Runs in the page: lists what overlaps, what is cut, and controls nobody could name.
() => {
  const flaws = [];
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const called = (one) => one.id || one.className || one.textContent.slice(0, 30);
  const box = (one) => one.getBoundingClientRect();

  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) flaws.push("the page scrolls");

  for (const one of all("button, a, h1, h2, h3, label, .bubble, .key, textarea")) {
    if (box(one).left < -1 || box(one).right > innerWidth + 1) flaws.push(`beside the page: ${called(one)}`);
    const style = getComputedStyle(one);
    const mayBeCut = style.textOverflow === "ellipsis" || style.display === "inline" || one.matches("textarea");
    if (!mayBeCut && one.scrollWidth > one.clientWidth + 1) flaws.push(`cut: ${called(one)}`);
  }

  for (const stack of [all(".bar, .topics, .log, .composer, .start"), all(".message:not(.album *)")]) {
    stack.slice(1).forEach((lower, index) => {
      if (box(lower).top < box(stack[index]).bottom - 1) flaws.push(`overlap: ${called(lower)}`);
    });
  }

  for (const control of document.querySelectorAll("button, input, textarea, a, video, img")) {
    const name =
      control.getAttribute("aria-label") ||
      control.getAttribute("aria-labelledby") ||
      control.alt ||
      control.textContent.trim() ||
      control.labels?.[0]?.textContent ||
      control.querySelector("img")?.alt;
    if (!name) flaws.push(`without a name: ${control.outerHTML.slice(0, 80)}`);
  }
  return flaws;
}
