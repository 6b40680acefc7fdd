/** The partner's colour, made readable: a pale yellow must not become text on white. */
export interface Accent {
  fill: string;
  fillHover: string;
  on: string;
  textOnLight: string;
  textOnDark: string;
}

type Rgb = readonly [number, number, number];

export const kOwnAccent = '#1f6f5c';
const kLightSurface: Rgb = [240, 242, 245];
const kDarkSurface: Rgb = [38, 42, 49];
const kWhite: Rgb = [255, 255, 255];
const kBlack: Rgb = [0, 0, 0];
/** WCAG's 4.5 and a little, for what rounding takes away. */
const kReadable = 4.6;
/** The strongest tint of itself that the coloured text stands on: a chosen row under the mouse. */
const kTint = 0.18;

function parse(hex: string): Rgb | null {
  const [, red, green, blue] = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(hex) ?? [];
  if (red === undefined || green === undefined || blue === undefined) return null;
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

function hexOf(colour: Rgb): string {
  return `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrastOf(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

export function contrast(one: string, other: string): number {
  return contrastOf(parse(one) ?? kBlack, parse(other) ?? kBlack);
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return from.map((part, index) => part + ((to[index] as number) - part) * share) as unknown as Rgb;
}

/** As bright as it goes without becoming garish, before white is mixed in: that keeps the hue. */
function brightened(colour: Rgb): Rgb {
  const factor = Math.max(1, 200 / Math.max(1, ...colour));
  return colour.map((part) => Math.min(255, part * factor)) as unknown as Rgb;
}

function readableOn(colour: Rgb, surface: Rgb, towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = mix(colour, towards, share);
    const tinted = mix(surface, candidate, kTint);
    if (contrastOf(candidate, tinted) >= kReadable) return candidate;
  }
  return towards;
}

export function accentOf(hex: string | null): Accent {
  const colour = parse(hex ?? kOwnAccent) ?? (parse(kOwnAccent) as Rgb);
  const white = contrastOf(colour, kWhite) >= 4.5;
  return {
    fill: hexOf(colour),
    // Away from the text on it, so that the contrast only grows.
    fillHover: hexOf(mix(colour, white ? kBlack : kWhite, 0.14)),
    on: white ? '#ffffff' : '#000000',
    textOnLight: hexOf(readableOn(colour, kLightSurface, kBlack)),
    textOnDark: hexOf(readableOn(brightened(colour), kDarkSurface, kWhite)),
  };
}

/** Through the object model, which the page's policy allows, unlike a style element. */
export function paintAccent(accent: Accent, root: HTMLElement): void {
  root.style.setProperty('--accent-fill', accent.fill);
  root.style.setProperty('--accent-fill-hover', accent.fillHover);
  root.style.setProperty('--accent-on', accent.on);
  root.style.setProperty('--accent-text-light', accent.textOnLight);
  root.style.setProperty('--accent-text-dark', accent.textOnDark);
}
