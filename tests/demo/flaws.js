// Runs in the page: lists what overlaps, what is cut, and controls nobody could name.
() => {
  const flaws = [];
  const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const called = (one) => one.id || one.className || one.textContent.slice(0, 30);
  const box = (one) => one.getBoundingClientRect();

  /** Whether a word of a label stands on two lines. */
  const broken = (one) => {
    const text = one.firstChild;
    return [...text.data.matchAll(/\S+/g)].some(({ 0: word, index }) => {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      return range.getClientRects().length > 1;
    });
  };

  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) flaws.push("the page scrolls");

  for (const one of all("button, a, h1, h2, h3, label, .bubble, .key, textarea")) {
    if (box(one).left < -1 || box(one).right > innerWidth + 1) flaws.push(`beside the page: ${called(one)}`);
    const style = getComputedStyle(one);
    const mayBeCut = style.textOverflow === "ellipsis" || style.display === "inline" || one.matches("textarea");
    if (one.matches("textarea") && one.scrollHeight > one.offsetHeight + 1) flaws.push(`low: ${called(one)}`);
    if (!mayBeCut && one.scrollWidth > one.clientWidth + 1) flaws.push(`cut: ${called(one)}`);
  }

  for (const stack of [all(".bar, .topics, .log, .composer, .start"), all(".message")]) {
    stack.slice(1).forEach((lower, index) => {
      if (box(lower).top < box(stack[index]).bottom - 1) flaws.push(`overlap: ${called(lower)}`);
    });
  }

  for (const bubble of all(".bubble")) {
    const wide = (one) => Math.abs(box(one).width - box(bubble).width) < 1;
    const inside = [...bubble.querySelectorAll("[data-part=media] > :is(img, video, .grid, .moving)")];
    const below = [...bubble.parentElement.querySelectorAll(".row")];
    for (const one of [...inside, ...below]) if (!wide(one)) flaws.push(`not as wide as its bubble: ${called(one)}`);
  }
  for (const grid of all(".grid")) {
    const heights = new Set([...grid.querySelectorAll("img, video")].map((one) => Math.round(box(one).height)));
    if (heights.size > 1) flaws.push(`photos of one album of different heights: ${[...heights]}`);
  }
  for (const key of all(".key")) if (broken(key)) flaws.push(`a word is broken: ${key.textContent}`);

  for (const control of document.querySelectorAll("button, input, select, textarea, a, video, img")) {
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
