import {
  Button,
  Checkbox,
  createTheme,
  defaultVariantColorsResolver,
  Modal,
  Radio,
  Tooltip,
  type VariantColorsResolver,
} from '@mantine/core';

/** Text on the partner's colour is black or white, whichever can be read. */
const variantColors: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  const own = input.color === undefined || input.color === 'brand';
  return input.variant === 'filled' && own ? { ...colors, color: 'var(--accent-on)' } : colors;
};

const tint = 'var(--accent-fill)';

export const theme = createTheme({
  primaryColor: 'brand',
  // The real values stand in theme.css, where both schemes and the partner's colour meet.
  colors: { brand: [tint, tint, tint, tint, tint, tint, tint, tint, tint, tint] },
  defaultRadius: 'md',
  respectReducedMotion: true,
  variantColorResolver: variantColors,
  components: {
    Button: Button.extend({ defaultProps: { variant: 'filled' } }),
    Checkbox: Checkbox.extend({ defaultProps: { iconColor: 'var(--accent-on)' } }),
    Radio: Radio.extend({ defaultProps: { iconColor: 'var(--accent-on)' } }),
    // Locking the page's scroll would inject a style element; this page does not scroll anyway.
    Modal: Modal.extend({
      defaultProps: {
        lockScroll: false,
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
      },
    }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: true } }),
  },
});
