// Runs in the page: lists texts that are hard to read, with how they stand out from what is behind them.
() => {
  const LEAST = 4.5; // WCAG 2.2 AA
  const LEAST_LARGE = 3;

  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  /** A colour of any notation as red, green, blue and opacity. */
  const mixed = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([red, green, blue, alpha], below) =>
    [red, green, blue].map((light, index) => light * alpha + below[index] * (1 - alpha));
  const luminance = (colour) =>
    colour
      .map((light) => light / 255)
      .map((light) => (light <= 0.04045 ? light / 12.92 : ((light + 0.055) / 1.055) ** 2.4))
      .reduce((sum, light, index) => sum + light * [0.2126, 0.7152, 0.0722][index], 0);
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  /** What may be behind the text of an element: of a gradient, each of its colours. */
  const grounds = (one) => {
    if (one === null) return [[255, 255, 255]];
    const { backgroundColor, backgroundImage } = getComputedStyle(one);
    const gradient = backgroundImage.match(/(?:rgba?|oklch|hsla?|color)\([^()]*\)/g);
    const own = (gradient ?? [backgroundColor]).map(mixed);
    if (own.every((colour) => colour[3] === 1)) return own.map((colour) => colour.slice(0, 3));
    return own.flatMap((colour) => grounds(one.parentElement).map((below) => over(colour, below)));
  };
  const opacity = (one) => (one ? getComputedStyle(one).opacity * opacity(one.parentElement) : 1);

  const faint = [];
  const look = (one, style, words) => {
    const large = parseFloat(style.fontSize) >= (Number(style.fontWeight) >= 700 ? 18.66 : 24);
    const [red, green, blue, alpha] = mixed(style.color);
    const ink = [red, green, blue, alpha * opacity(one)];
    const least = Math.min(...grounds(one).map((ground) => ratio(over(ink, ground), ground)));
    if (least < (large ? LEAST_LARGE : LEAST)) faint.push(`${least.toFixed(2)}: ${words}`);
  };
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  for (const one of document.querySelectorAll("body *")) {
    if (!shown(one) || one.closest("[aria-hidden=true], video")) continue;
    const own = [...one.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
    const words = own.map((text) => text.data.trim()).join(" ").trim();
    const veiled = one.matches(".spoiler:not(.open)");
    if (words && !veiled) look(one, getComputedStyle(one), words.slice(0, 40));
    if (one.placeholder) look(one, getComputedStyle(one, "::placeholder"), one.placeholder);
  }
  return faint;
}
